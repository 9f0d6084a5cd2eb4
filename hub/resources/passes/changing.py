"""What becomes of a pass: changed, switched on and off, taken back, renewed. The doors know within milliseconds."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from hub.errors import Conflict
from hub.resources.passes.model import (
    ChangedPass,
    Deactivation,
    History,
    PassWithCode,
    Renewal,
    Revocation,
    event,
    without_code,
)
from hub.resources.passes.rules import (
    KIND,
    Q,
    act,
    cannot,
    check_alive,
    check_student,
    day_faults,
    found,
    locked,
    locked_with_holder,
    signer_of,
    stored,
    tells_of,
)
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.faults import fault, refusal


async def update_pass(call: Call[None, ChangedPass]) -> PassWithCode:
    old = await locked_with_holder(call)
    call.match(old)
    check_alive(old)
    wanted = changed(old, call.body)
    faults = day_faults(wanted.issueDate, wanted.expiryDate)
    if old.passType != "visitor":
        given = {"visitorName": wanted.visitorName, "hostName": wanted.hostName, "maxUses": wanted.maxUses}
        faults += [fault(name, "is for visitors' passes") for name, value in given.items() if value is not None]
    elif wanted.studentId is None and wanted.visitorName is None and old.visitorName is not None:
        faults.append(fault("visitorName", "is required"))
    if faults:
        raise refusal(faults)
    if old.status == "expired" and wanted.expiryDate != old.expiryDate:
        raise Conflict("this pass has expired; renew it instead")
    if wanted.templateId is not None and wanted.templateId != old.templateId:
        row = await (await call.tx()).fetchrow(Q.get_template, wanted.templateId, old.schoolId)
        if row is None or row["pass_type"] != old.passType:
            raise cannot("templateId", "no such template for this kind of pass")
    return await _store(call, old, wanted)


async def renew_pass(call: Call[None, Renewal]) -> PassWithCode:
    """Other days, and with them another code. What had expired is active again."""
    old, body = await locked_with_holder(call), call.body
    check_alive(old)
    first = old.issueDate if body.issueDate is UNSET else body.issueDate
    faults = day_faults(first, body.expiryDate)
    if faults:
        raise refusal(faults)
    await _check_holder(call, old)
    signing = await signer_of(call, old.schoolId)
    if body.expiryDate < signing.today:
        raise refusal([fault("expiryDate", "is past")])
    status = "active" if old.status == "expired" else old.status
    wanted = msgspec.structs.replace(old, issueDate=first, expiryDate=body.expiryDate, status=status)
    return await _store(call, old, wanted, "renewed")


async def _store(call: Call[Any, Any], old: PassWithCode, wanted: PassWithCode, reason: str = "") -> PassWithCode:
    """The days stand in the code: when they change it is signed anew, and the old one stops."""
    code, kid = old.qrCode, old.keyId
    if (wanted.issueDate, wanted.expiryDate) != (old.issueDate, old.expiryDate):
        signing = await signer_of(call, old.schoolId)
        code, kid = signing.code(old.id, wanted.issueDate, wanted.expiryDate), signing.key.kid
    tx = await act(call, reason)
    await tx.execute(
        Q.update_pass,
        *(old.id, wanted.issueDate, wanted.expiryDate, wanted.templateId, wanted.visitorName, wanted.hostName),
        *(wanted.maxUses, wanted.status, code, kid),
    )
    return await _changed(call, old)


async def activate_pass(call: Call[None, None]) -> PassWithCode:
    old = await locked_with_holder(call)
    check_alive(old)
    if old.status == "expired":
        raise Conflict("this pass has expired; renew it instead")
    await _check_holder(call, old)
    tx = await act(call)
    await tx.execute(Q.set_status, old.id, "active")
    return await _changed(call, old)


async def deactivate_pass(call: Call[None, Deactivation]) -> PassWithCode:
    old = await locked(call)
    check_alive(old)
    if old.status == "expired":
        raise Conflict("this pass has expired, and opens nothing any more")
    tx = await act(call, call.body.reason)
    await tx.execute(Q.set_status, old.id, "inactive")
    return await _changed(call, old, call.body.reason)


async def delete_pass(call: Call[None, None]) -> None:
    """Deactivated, also if it would come back with its student. What opens nothing for good stays as it is."""
    old = await locked(call)
    if old.status in {"active", "inactive"}:
        tx = await act(call)
        await tx.execute(Q.set_status, old.id, "inactive")
    await call.audit(
        "delete",
        KIND,
        old.id,
        old=differing(None, without_code(old)),
        school=old.schoolId,
        subject=old.studentId,
    )


async def revoke_pass(call: Call[None, Revocation]) -> PassWithCode:
    old = await locked(call)
    check_alive(old)
    tx = await act(call, call.body.reason)
    await tx.execute(Q.revoke_pass, old.id, call.identity.user_id, call.body.reason)
    return await _changed(call, old)


async def history(call: Call[None, None]) -> History:
    tx = await call.tx()
    tells_of(call, found(await tx.fetchrow(Q.code_of_pass, call.id))["student_id"])
    return History(data=[event(row) for row in await tx.fetch(Q.history_of_pass, call.id)])


async def _check_holder(call: Call[Any, Any], known: PassWithCode) -> None:
    if known.studentId is not None:
        await check_student(await call.tx(), known.studentId, known.schoolId)


async def _changed(call: Call[Any, Any], old: PassWithCode, reason: str | None = None) -> PassWithCode:
    """The pass as it is now; what changed is in the audit."""
    new = await stored(await call.tx(), old.id)
    before, after = without_code(old), without_code(new)
    values = differing(before, after) | ({} if reason is None else {"reason": reason})
    await call.audit(
        "update",
        KIND,
        old.id,
        old=differing(after, before),
        new=values,
        school=old.schoolId,
        subject=old.studentId,
    )
    return new
