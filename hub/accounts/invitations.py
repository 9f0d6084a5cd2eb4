"""What is done with a mailed token: a password is set, an address is proved. One use, one hour, to one address."""

from __future__ import annotations

from uuid import UUID

import msgspec

from hub.accounts.roster import queries
from hub.accounts.tokens import opaque_hash
from hub.errors import BadRequest, Unprocessable
from hub.store.pg import Connection


class Redeemed(msgspec.Struct, frozen=True):
    """Whose token it was, and what it was for."""

    user_id: UUID
    school_id: UUID | None
    email: str
    purpose: str


async def redeem(tx: Connection, token: str, *purposes: str) -> Redeemed:
    """Uses the token up. Raises Unprocessable, the same for a token that is unknown, used, expired or for something
    else. In a transaction of hub_admin: who presents it is not signed in."""
    hash_ = opaque_hash(token)
    row = None if hash_ is None else await tx.fetchrow(queries["use_mailed_token"], hash_, list(purposes))
    if row is None:
        raise void()
    return Redeemed(row["id"], row["school_id"], row["email"], row["purpose"])


async def check_rules(tx: Connection, school_id: UUID | None, password: str, field: str = "password") -> None:
    """What the school asks of passwords beyond what holds for all. Raises BadRequest; a token is not used up then."""
    least = await tx.fetchval(queries["least_password"], school_id)
    if least is not None and len(password) < least:
        message = f"must have at least {least} characters in this school"
        raise BadRequest(f"{field} {message}", [{"field": field, "message": message}])


async def set_password(tx: Connection, redeemed: Redeemed, password_hash: str) -> None:
    """By invitation or reset: the password, the proof of the address, and the end of all sessions and other letters."""
    await tx.execute(queries["change_password"], redeemed.user_id, password_hash)
    await tx.execute(queries["spend_mailed_tokens"], redeemed.user_id)


async def verify_email(tx: Connection, redeemed: Redeemed) -> None:
    await tx.execute(queries["verify_email"], redeemed.user_id)


def void() -> Unprocessable:
    return Unprocessable("this link was used, is older than an hour, or is not one of ours; ask for another")
