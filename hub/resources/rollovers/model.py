"""What is asked of a roll-over."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.students.query import StudentFilters
from hub.rest.texts import Named

Change = Literal["promote", "graduate", "deactivate"]


class Step(msgspec.Struct, kw_only=True):
    """`everybody` has to be true where `filter` is empty. Passes: of who graduates or is deactivated."""

    action: Change
    filter: StudentFilters
    everybody: bool = False
    deactivatePasses: Annotated[bool, Meta(description="with graduate and deactivate")] = True


class RollOver(msgspec.Struct, kw_only=True):
    """Each student is changed by the first step that means them, and by no other. `schoolId` is for super admins."""

    steps: Annotated[list[Step], Meta(min_length=1, max_length=20)]
    graduationDate: Annotated[date, Meta(description="of who has none; today if left out")] | UnsetType = UNSET
    reason: Annotated[Named, Meta(max_length=200, description="kept with the passes")] = "year roll-over"
    schoolId: UUID | None = None


class Asked(msgspec.Struct, frozen=True):
    """The job's params; `filters` as JSON has them."""

    actions: list[Change]
    filters: list[dict[str, Any]]
    passes: list[bool]
    day: date
    reason: str


class Done(msgspec.Struct):
    """One step, before and after: whom it means, and what of theirs is changed. `unchanged`: promoted they cannot be,
    for they have no year of study, or are in the last that there is."""

    action: Change
    students: int = 0
    passes: int = 0
    unchanged: int = 0
