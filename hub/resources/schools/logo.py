"""/schools/{id}/logo: what stands on its badges. While one is kept here, the school's `logoUrl` is its address."""

from __future__ import annotations

from uuid import UUID

import msgspec

from hub.domain.ids import new_id
from hub.errors import NotFound, StoreUnavailable
from hub.resources.schools.rules import KIND, Q, found
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.files.asking import scanned
from hub.rest.files.holding import logo_url
from hub.rest.files.intake import INTAKE
from hub.rest.files.kinds import PHOTOS
from hub.rest.files.photos import MEDIA, WAITING
from hub.rest.files.receiving import Form, receive_form

FIELD = "logo"


class Logo(msgspec.Struct, kw_only=True):
    """The school's logo, as it is kept from now on."""

    id: UUID
    logoUrl: str


async def upload_logo(call: Call[None, None]) -> Logo:
    intake = call.part(INTAKE)
    intake.require()
    async with call.transaction.another() as tx:
        found(await tx.fetchrow(Q.get_school, call.id))
    with Form() as form:
        await receive_form(call, form)
        _, spool = form.files[0]
        if await scanned(call, spool, FIELD, call.id) == WAITING:
            raise StoreUnavailable("nobody can look for viruses in it at this moment; try again in a minute")
        kind = await intake.kind(spool, FIELD, PHOTOS)
        picture = await intake.logo(spool, FIELD, kind)
    tx, version, url = await call.tx(), new_id(), logo_url(call.id)
    found(await tx.fetchrow(Q.lock_school, call.id))
    old = await tx.fetchval(Q.logo_version, call.id)
    await tx.execute(Q.put_logo, call.id, version, picture, call.identity.user_id)
    await tx.execute(Q.show_logo, call.id, url)
    await _audit(call, old, version)
    return Logo(id=call.id, logoUrl=url)


async def get_logo(call: Call[None, None]) -> File:
    row = await (await call.tx()).fetchrow(Q.get_logo, call.id)
    if row is None:
        raise NotFound("no logo of this school is kept here")
    return File(MEDIA, f"{call.id}.jpg", row["picture"], f'"{row["version"].hex}"', shown=True)


async def delete_logo(call: Call[None, None]) -> None:
    tx = await call.tx()
    old = await tx.fetchval(Q.remove_logo, call.id)
    if old is None:
        raise NotFound("no logo of this school is kept here")
    await tx.execute(Q.hide_logo, call.id, logo_url(call.id))
    await _audit(call, old, None)


async def _audit(call: Call[None, None], old: UUID | None, new: UUID | None) -> None:
    await call.audit(
        "update",
        KIND,
        call.id,
        old={FIELD: None if old is None else str(old)},
        new={FIELD: None if new is None else str(new)},
        school=call.id,
    )
