"""/signing-keys: for super admins, who answer for all schools' codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.domain.ids import new_id
from hub.domain.qr import generate_signing_key
from hub.errors import Conflict, NotFound
from hub.issuing.signing import seal_private
from hub.resources.signing_keys.model import (
    Compromise,
    Compromised,
    Rotation,
    SigningKey,
    SigningKeysQuery,
    signing_key,
)
from hub.resources.signing_keys.reissue import REISSUE, Stolen
from hub.rest.call import Call
from hub.rest.jobs.starting import start_job
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.pg import Record, Role, conflicts
from hub.store.queries import load_queries

Q = load_queries(__package__)
KIND = "signing_key"

LISTING = Listing(
    Q.list_keys,
    sorts={"createdAt": Column("created_at", datetime)},
    filters={"state": Filter("state"), "kid": Filter("kid")},
)


async def list_keys(call: Call[SigningKeysQuery, None]) -> Page[SigningKey]:
    return await read_page(call, LISTING, signing_key)


async def get_key(call: Call[None, None]) -> SigningKey:
    return signing_key(_found(await (await call.tx()).fetchrow(Q.get_key, call.id)))


async def rotate_signing_key(call: Call[None, Rotation]) -> SigningKey:
    """A new key signs; what the ones before it signed stays good."""
    return await _make(call, call.body.schoolId)


async def compromise_key(call: Call[None, Compromise]) -> Compromised:
    """What the key signed is refused from this commit on; a job gives its passes other codes."""
    tx = await call.tx()
    await tx.execute(Q.lock_rotation)
    old = signing_key(_found(await tx.fetchrow(Q.lock_key, call.id)))
    if old.state == "compromised":
        raise Conflict("this key is known to be compromised")
    await tx.execute(Q.compromise_key, old.id, call.body.reason, call.identity.user_id)
    fresh = await _make(call, old.schoolId)
    await call.audit(
        "update", KIND, old.id, old={"state": old.state}, new={"state": "compromised", "reason": call.body.reason}
    )
    job = await start_job(call, REISSUE, Stolen(old.kid), school=None, told={"kid": old.kid})
    known = signing_key(_found(await tx.fetchrow(Q.get_key, old.id)))
    return Compromised(key=known, replacedBy=fresh.kid, job=job)


async def _make(call: Call[Any, Any], school: UUID | None) -> SigningKey:
    tx, key, id_ = await call.tx(), generate_signing_key(), new_id()
    await tx.execute(Q.lock_rotation)
    with conflicts(signing_keys_school_id_fkey="no such school"):
        await tx.execute(Q.insert_key, id_, key.kid, school, key.public, seal_private(key_ring(call.settings), key))
    await tx.execute(Q.retire_others, id_, school, call.identity.user_id)
    await call.audit("create", KIND, id_, new={"kid": key.kid}, school=school)
    return signing_key(_found(await tx.fetchrow(Q.get_key, id_)))


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("no such signing key")
    return row


ROUTES = [
    Route(
        "GET",
        "/signing-keys",
        list_keys,
        summary="List signing keys",
        permission=Permission.signing_keys_rotate,
        query=SigningKeysQuery,
        answer=Page[SigningKey],
        of_school=False,
        acts_as=Role.hub_admin,
    ),
    Route(
        "GET",
        "/signing-keys/{id}",
        get_key,
        summary="One signing key",
        permission=Permission.signing_keys_rotate,
        answer=SigningKey,
        of_school=False,
        acts_as=Role.hub_admin,
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/signing-keys/rotate",
        rotate_signing_key,
        summary="Sign with a new key from now on",
        permission=Permission.signing_keys_rotate,
        body=Rotation,
        answer=SigningKey,
        location="/signing-keys/{id}",
        of_school=False,
        acts_as=Role.hub_admin,
        errors=(NotFound, Conflict),
        example={"schoolId": None},
    ),
    Route(
        "POST",
        "/signing-keys/{id}/compromise",
        compromise_key,
        summary="A key was stolen: refuse what it signed, and sign its passes anew",
        permission=Permission.signing_keys_rotate,
        body=Compromise,
        answer=Compromised,
        status=202,
        of_school=False,
        acts_as=Role.hub_admin,
        errors=(NotFound, Conflict),
        example={"reason": "the backup was stolen"},
    ),
]
