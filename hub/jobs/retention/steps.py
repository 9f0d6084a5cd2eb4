"""A step of the run: one kind of row of one school, or of the installation, that is older than it may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import msgspec

from hub.accounts.ledger.digests import Signer
from hub.accounts.trail import AuditTrail
from hub.config import Settings
from hub.store.pg import Pg


class Place(msgspec.Struct, frozen=True):
    """What steps work with. `now`: the moment that ages are counted from, the same for all. `signer`: None where
    HUB_AUDIT_KEY is not set."""

    settings: Settings
    pg: Pg
    trail: AuditTrail
    signer: Signer | None
    now: datetime


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`keep` is said to people: how long, or which month. `prune` lets some go, in one transaction, and returns how
    many; 0 ends the step. It begins anew wherever an earlier run was cut."""

    table: str
    keep: str
    count: Callable[[], Awaitable[int]]
    prune: Callable[[], Awaitable[int]]
    school: UUID | None = None
    code: str = ""
