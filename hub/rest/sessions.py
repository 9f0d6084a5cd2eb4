"""Sessions that live, as their owner and their administrators see them; ended one by one, on every worker.

For the resources that have sessions below them: which user's is theirs to say.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from hub.errors import NotFound
from hub.rest.call import Call
from hub.rest.pages import ListQuery, Page, read_page
from hub.store.keyset import Column, Listing
from hub.store.pg import Record
from hub.store.queries import load_queries

Q = load_queries("hub.accounts")
KIND = "session"
Moment = Annotated[datetime, Meta(tz=True)]

LISTING = Listing(
    Q.list_sessions,
    sorts={"createdAt": Column("created_at", datetime), "lastUsedAt": Column("last_used_at", datetime)},
)


class OpenSession(msgspec.Struct, kw_only=True):
    """One sign-in on one device. `lastUsedAt`: when its tokens were last renewed, at most 15 minutes before its last
    request. `address` and `userAgent`: of the sign-in. `current`: the one that asks."""

    id: UUID
    createdAt: Moment
    lastUsedAt: Moment
    expiresAt: Moment
    delivery: Literal["body", "cookie"]
    address: str | None
    userAgent: str | None
    current: bool


class SessionsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt", "lastUsedAt", "-lastUsedAt"] = "-lastUsedAt"


async def sessions_of(call: Call[Any, Any], user: UUID) -> Page[OpenSession]:
    """A page of a user's."""

    def session(row: Record) -> OpenSession:
        return OpenSession(
            id=row["id"],
            createdAt=row["created_at"],
            lastUsedAt=row["last_used_at"],
            expiresAt=row["expires_at"],
            delivery=row["delivery"],
            address=row["address"],
            userAgent=row["user_agent"],
            current=row["id"] == call.identity.session_id,
        )

    return await read_page(call, LISTING, session, base=[user])


async def end_session_of(call: Call[Any, Any], session: UUID, user: UUID, school: UUID | None) -> None:
    """Raises NotFound for one that is over, or another user's."""
    if await (await call.tx()).fetchval(Q.end_session_of, session, user) is None:
        raise NotFound("no such session")
    await call.audit("delete", KIND, session, new={"userId": str(user)}, school=school)
