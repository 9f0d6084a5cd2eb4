"""What is said of a signing key over the wire. Its private half is never said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.jobs.model import Job
from hub.rest.pages import ListQuery
from hub.rest.texts import Written
from hub.store.pg import Record

State = Literal["signs", "retired", "compromised"]
Moment = Annotated[datetime, Meta(tz=True)]


class SigningKey(msgspec.Struct, kw_only=True):
    """`schoolId` null: the installation's. `retired`: signs no more, and what it signed stays good. `compromised`: what
    it signed is refused."""

    id: UUID
    kid: str
    schoolId: UUID | None
    state: State
    createdAt: Moment
    retiredAt: Moment | None
    compromisedAt: Moment | None
    compromiseReason: str | None


class Rotation(msgspec.Struct, kw_only=True):
    """`schoolId`: a key of that school's own; left out, the installation's."""

    schoolId: UUID | None = None


class Compromise(msgspec.Struct, kw_only=True):
    reason: Annotated[Written, Meta(max_length=500, description="what happened; kept in the audit")]


class Compromised(msgspec.Struct, kw_only=True):
    """`replacedBy`: the key that signs from now on. `job` signs the passes anew."""

    key: SigningKey
    replacedBy: str
    job: Job


class SigningKeysQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    state: State | UnsetType = UNSET
    kid: Annotated[str, Meta(max_length=12)] | UnsetType = UNSET


def signing_key(row: Record) -> SigningKey:
    return SigningKey(
        id=row["id"],
        kid=row["kid"],
        schoolId=row["school_id"],
        state=row["state"],
        createdAt=row["created_at"],
        retiredAt=row["retired_at"],
        compromisedAt=row["compromised_at"],
        compromiseReason=row["compromise_reason"],
    )
