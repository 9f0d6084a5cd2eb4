"""/passes/templates."""

from __future__ import annotations

from datetime import datetime

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, NotFound, PreconditionFailed
from hub.resources.templates.model import ChangedTemplate, NewTemplate, Template, TemplatesQuery, template
from hub.rest.call import Call
from hub.rest.changes import changed, differing
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Record, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "template"
TAKEN = {"pass_templates_school_id_name_key": "name is in use"}
REFUSED = TAKEN | {"pass_templates_school_id_fkey": "no such school"}

LISTING = Listing(
    Q.list_templates,
    sorts={"name": Column("name", str), "createdAt": Column("created_at", datetime)},
    filters={"passType": Filter("pass_type"), "isActive": Filter("is_active")},
    search=("name", "title"),
)


async def list_templates(call: Call[TemplatesQuery, None]) -> Page[Template]:
    return await read_page(call, LISTING, template)


async def get_template(call: Call[None, None]) -> Template:
    return template(_found(await (await call.tx()).fetchrow(Q.get_template, call.id)))


async def create_template(call: Call[None, NewTemplate]) -> Template:
    body, tx = call.body, await call.tx()
    school = call.school_for(body.schoolId)
    with conflicts(**REFUSED):
        row = await tx.fetchrow(
            Q.insert_template,
            *(new_id(), school, body.name, body.passType, body.validDays, body.numberPrefix, body.title),
            *(body.isActive, body.color),
        )
    made = template(_found(row))
    await call.audit("create", KIND, made.id, new=differing(None, made), school=school)
    return made


async def update_template(call: Call[None, ChangedTemplate]) -> Template:
    tx = await call.tx()
    old = template(_found(await tx.fetchrow(Q.lock_template, call.id)))
    call.match(old)
    wanted = changed(old, call.body)
    with conflicts(**TAKEN):
        row = await tx.fetchrow(
            Q.update_template,
            *(call.id, wanted.name, wanted.validDays, wanted.numberPrefix, wanted.title, wanted.isActive),
            wanted.color,
        )
    new = template(_found(row))
    await call.audit("update", KIND, call.id, old=differing(new, old), new=differing(old, new), school=old.schoolId)
    return new


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such template")
    return row


ROUTES = [
    Route(
        "GET",
        "/passes/templates",
        list_templates,
        summary="List templates of passes",
        permission=Permission.templates_read,
        query=TemplatesQuery,
        answer=Page[Template],
    ),
    Route(
        "POST",
        "/passes/templates",
        create_template,
        summary="Create a template",
        permission=Permission.templates_create,
        body=NewTemplate,
        answer=Template,
        location="/passes/templates/{id}",
        errors=(NotFound, Conflict),
        example={"name": "Day guest", "passType": "visitor", "validDays": 1, "numberPrefix": "V-"},
    ),
    Route(
        "GET",
        "/passes/templates/{id}",
        get_template,
        summary="One template",
        permission=Permission.templates_read,
        answer=Template,
        errors=(NotFound,),
    ),
    Route(
        "PUT",
        "/passes/templates/{id}",
        update_template,
        summary="Change a template",
        permission=Permission.templates_update,
        body=ChangedTemplate,
        answer=Template,
        errors=(NotFound, Conflict, PreconditionFailed),
        example={"validDays": 2},
    ),
]
