"""Letters to people: asked for in the transaction that causes them, written and sent by a job (hub/integrations/mail).

The token that a letter carries is made by the job when the letter is on its way, so that it is nowhere before; a job
that is tried again makes another, and the former one is void.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from hub.accounts.roster import queries
from hub.accounts.tokens import new_opaque
from hub.store.jobs import enqueue
from hub.store.pg import Connection

ENTRYPOINT = "mail"
Purpose = Literal["invitation", "reset", "verify", "notice"]
#: What a notice tells of: whoever did not do it learns that somebody else did.
About = Literal["password", "factor_added", "factor_removed", "email"]
_encoder = msgspec.json.Encoder()


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """To a user, or, for who has forgotten the password, to whoever has this address: nobody may have it. With both, to
    the user at this address, which was theirs until now."""

    purpose: Purpose
    user_id: UUID | None = None
    email: str | None = None
    about: About | None = None


class Addressed(msgspec.Struct, frozen=True):
    """What a letter is written from. `school`: None for super admins. `token`: '' in a notice, which opens nothing."""

    purpose: Purpose
    user_id: UUID
    school_id: UUID | None
    email: str
    first_name: str
    last_name: str
    school: str | None
    token: str
    about: About | None


async def ask_for(tx: Connection, letter: Letter) -> None:
    """The letter is sent once this transaction is committed, and never if it is not."""
    await enqueue(tx, ENTRYPOINT, _encoder.encode(letter))


async def address(tx: Connection, letter: Letter) -> Addressed | None:
    """Whom it goes to, as hub_system, with a new token unless it is a notice; None when nobody has the address, or may
    be here any more."""
    if letter.user_id is not None:
        row = await tx.fetchrow(queries["addressee"], letter.user_id)
    else:
        row = await tx.fetchrow(queries["addressee_by_email"], letter.email)
    if row is None:
        return None
    token = "" if letter.purpose == "notice" else await _new_token(tx, row["id"], letter.purpose, row["email"])
    return Addressed(
        letter.purpose,
        row["id"],
        row["school_id"],
        letter.email if letter.user_id is not None and letter.email is not None else row["email"],
        row["first_name"],
        row["last_name"],
        row["school"],
        token,
        letter.about,
    )


async def _new_token(tx: Connection, user_id: UUID, purpose: Purpose, email: str) -> str:
    token, hash_ = new_opaque()
    await tx.execute(queries["drop_mailed_tokens"], user_id, purpose)
    await tx.execute(queries["keep_mailed_token"], hash_, user_id, purpose, email)
    return token
