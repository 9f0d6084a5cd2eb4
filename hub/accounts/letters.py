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
Purpose = Literal["invitation", "reset", "verify"]
_encoder = msgspec.json.Encoder()


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """To a user, or, for who has forgotten the password, to whoever has this address: nobody may have it."""

    purpose: Purpose
    user_id: UUID | None = None
    email: str | None = None


class Addressed(msgspec.Struct, frozen=True):
    """What a letter is written from. `school`: None for super admins."""

    purpose: Purpose
    email: str
    first_name: str
    last_name: str
    school: str | None
    token: str


async def ask_for(tx: Connection, letter: Letter) -> None:
    """The letter is sent once this transaction is committed, and never if it is not."""
    await enqueue(tx, ENTRYPOINT, _encoder.encode(letter))


async def address(tx: Connection, letter: Letter) -> Addressed | None:
    """Whom it goes to, with a new token, as hub_system; None when nobody has the address or may be here any more."""
    if letter.user_id is not None:
        row = await tx.fetchrow(queries["addressee"], letter.user_id)
    else:
        row = await tx.fetchrow(queries["addressee_by_email"], letter.email)
    if row is None:
        return None
    token, hash_ = new_opaque()
    await tx.execute(queries["drop_mailed_tokens"], row["id"], letter.purpose)
    await tx.execute(queries["keep_mailed_token"], hash_, row["id"], letter.purpose, row["email"])
    return Addressed(letter.purpose, row["email"], row["first_name"], row["last_name"], row["school"], token)
