"""New passes: for a student, for a visitor, and in place of one that is lost."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hub.domain.ids import new_id
from hub.domain.issue import new_number
from hub.errors import Conflict
from hub.issuing.signing import Signer
from hub.resources.passes.model import NewPass, NewVisitor, PassType, PassWithCode, Replacement, without_code
from hub.resources.passes.rules import (
    KIND,
    Q,
    act,
    cannot,
    check_alive,
    check_student,
    day_faults,
    locked_with_holder,
    signer_of,
    stored,
)
from hub.rest.call import Call
from hub.rest.changes import differing
from hub.rest.faults import Fault, fault, refusal
from hub.store.pg import Connection, conflicts

TAKEN = {"passes_pass_number_key": "passNumber is in use"}


class Wanted(msgspec.Struct, kw_only=True):
    """A pass that is about to be made; everything about it is decided."""

    student: UUID | None
    type: PassType
    first: date
    last: date
    number: str
    template: UUID | None
    visitor: str | None = None
    host: str | None = None
    max_uses: int | None = None
    replaces: UUID | None = None


class Template(msgspec.Struct):
    """What a new pass takes from its template; without one, nothing."""

    pass_type: PassType
    valid_days: int | None
    number_prefix: str


async def create_pass(call: Call[None, NewPass]) -> PassWithCode:
    school = call.school_for(call.body.schoolId)
    return await _create(call, call.body, school)


async def create_visitor(call: Call[None, NewVisitor]) -> PassWithCode:
    body = call.body
    school = call.school_for(body.schoolId)
    wanted = NewPass(
        passType="visitor",
        issueDate=body.issueDate,
        expiryDate=body.expiryDate,
        templateId=body.templateId,
        visitorName=body.visitorName,
        hostName=body.hostName,
        maxUses=body.maxUses,
    )
    return await _create(call, wanted, school, last_is_first=True)


async def _create(
    call: Call[None, NewPass] | Call[None, NewVisitor], body: NewPass, school: UUID, *, last_is_first: bool = False
) -> PassWithCode:
    signing = await signer_of(call, school)
    tx = await call.tx()
    template = await template_of(tx, body.templateId, school)
    wanted = _wanted(body, template, signing.today, last_is_first=last_is_first)
    if wanted.student is not None:
        await check_student(tx, wanted.student, school)
    made = await insert(tx, signing, wanted, call.identity.user_id)
    await call.audit(
        "create", KIND, made.id, new=differing(None, without_code(made)), school=school, subject=made.studentId
    )
    return made


def _wanted(body: NewPass, template: Template, today: date, *, last_is_first: bool) -> Wanted:
    """Raises BadRequest with all that is wrong with it."""
    first = today if body.issueDate is UNSET else body.issueDate
    last = last_day(body.expiryDate, template, first, last_is_first=last_is_first)
    type_ = template.pass_type if body.passType is UNSET else body.passType
    faults = _holder_faults(body, type_)
    faults += [fault("expiryDate", "is required")] if last is None else day_faults(first, last)
    if faults:
        raise refusal(faults)
    assert last is not None
    return Wanted(
        student=body.studentId,
        type=type_,
        first=first,
        last=last,
        number=new_number(template.number_prefix) if body.passNumber is UNSET else body.passNumber,
        template=body.templateId,
        visitor=body.visitorName,
        host=body.hostName,
        max_uses=body.maxUses,
    )


def last_day(given: date | UnsetType, template: Template, first: date, *, last_is_first: bool = False) -> date | None:
    """None when nothing says which."""
    if given is not UNSET:
        return given
    if template.valid_days is not None:
        try:
            return first + timedelta(days=template.valid_days - 1)
        except OverflowError:
            return date.max
    return first if last_is_first else None


def _holder_faults(body: NewPass, type_: PassType) -> list[Fault]:
    """A visitor has a name and no student, everybody else the reverse."""
    if type_ != "visitor":
        faults = [fault("studentId", "is required")] if body.studentId is None else []
        given = {"visitorName": body.visitorName, "hostName": body.hostName, "maxUses": body.maxUses}
        return faults + [fault(name, "is for visitors' passes") for name, value in given.items() if value is not None]
    if body.studentId is None and body.visitorName is None:
        return [fault("visitorName", "is required")]
    return []


async def template_of(tx: Connection, template: UUID | None, school: UUID) -> Template:
    """Raises Unprocessable."""
    if template is None:
        return Template("standard", None, "")
    row = await tx.fetchrow(Q.get_template, template, school)
    if row is None:
        raise cannot("templateId", "no such template")
    if not row["is_active"]:
        raise cannot("templateId", "is not in use any more")
    return Template(row["pass_type"], row["valid_days"], row["number_prefix"])


async def insert(tx: Connection, signing: Signer, wanted: Wanted, by: UUID) -> PassWithCode:
    """The pass, signed and stored. Raises Conflict when its number is taken."""
    id_ = new_id()
    code = signing.code(id_, wanted.first, wanted.last)
    with conflicts(**TAKEN):
        await tx.execute(
            Q.insert_pass,
            *(id_, signing.school, wanted.student, wanted.number, code, signing.key.kid, wanted.first, wanted.last),
            *(wanted.type, wanted.template, wanted.visitor, wanted.host, wanted.max_uses, by, wanted.replaces),
        )
    return await stored(tx, id_)


async def replace_pass(call: Call[None, Replacement]) -> PassWithCode:
    """The old one dead and the new one alive, at the same instant."""
    old = await locked_with_holder(call)
    check_alive(old)
    if old.status == "expired":
        raise Conflict("this pass has expired; renew it instead")
    signing = await signer_of(call, old.schoolId)
    tx = await act(call, f"replaced: {call.body.reason}")
    if old.studentId is not None:
        await check_student(tx, old.studentId, old.schoolId)
    wanted = Wanted(
        student=old.studentId,
        type=old.passType,
        first=old.issueDate,
        last=old.expiryDate,
        number=new_number(),
        template=old.templateId,
        visitor=old.visitorName,
        host=old.hostName,
        max_uses=None if old.maxUses is None else max(1, old.maxUses - old.uses),
        replaces=old.id,
    )
    user = call.identity.user_id
    await tx.execute(Q.revoke_pass, old.id, user, f"replaced: {call.body.reason}")
    made = await insert(tx, signing, wanted, user)
    await call.audit(
        "create",
        KIND,
        made.id,
        old={"replacesId": str(old.id), "status": old.status},
        new=differing(None, without_code(made)),
        school=old.schoolId,
        subject=old.studentId,
    )
    return made
