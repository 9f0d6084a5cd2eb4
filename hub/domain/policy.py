"""May this pass enter? A pure function: no clock, no I/O, no globals; the same inputs give the same verdict.

`decide` is what every scan runs; `explain` gives every check with its outcome, for people who ask why. A property
test holds that `decide` is the first failing check of `explain`.
"""

from __future__ import annotations

import msgspec

from hub.domain.card import Card
from hub.domain.passes import PassStatus, StudentStatus
from hub.domain.verdict import Direction, Reason

_ACTIVE = int(PassStatus.active)
_EXPIRED = int(PassStatus.expired)
_REVOKED = int(PassStatus.revoked)
_USED_UP = int(PassStatus.used_up)
_EXIT = int(Direction.exit)
_STUDENT_OK = frozenset({int(StudentStatus.active), int(StudentStatus.none)})
_SUSPENDED = int(StudentStatus.suspended)


class Door(msgspec.Struct, frozen=True, gc=False):
    """What the policy needs of an access point. `accepts`: a mask of Direction. `staleness` in seconds."""

    school: int
    school_active: bool
    active: bool
    accepts: int
    max_staleness: float
    fail_open: bool


def leaves(door: Door, direction: int) -> bool:
    """Whether this is a way out for certain: it takes no use of a pass, and needs none."""
    return (direction or door.accepts) == _EXIT


def decide_door(door: Door, direction: int, stale_for: float) -> Reason:
    """The checks that need no pass. `stale_for`: seconds for which the index could not be kept fresh; 0 when it is."""
    if stale_for > door.max_staleness and not door.fail_open:
        return Reason.stale_index
    if not door.school_active:
        return Reason.school_inactive
    if not door.active:
        return Reason.access_point_inactive
    if direction and not direction & door.accepts:
        return Reason.wrong_direction
    return Reason.granted


def decide(  # noqa: C901, PLR0911 - a list of checks, each with its own end
    card: Card, door: Door, direction: int, day: int, stale_for: float
) -> Reason:
    """The verdict on a known pass at a door. `day`: the school's local day number."""
    if card.school != door.school:
        return Reason.wrong_school
    # decide_door's checks once more: a call would cost as much as all of them.
    if stale_for > door.max_staleness and not door.fail_open:
        return Reason.stale_index
    if not door.school_active:
        return Reason.school_inactive
    if not door.active:
        return Reason.access_point_inactive
    if direction and not direction & door.accepts:
        return Reason.wrong_direction
    status = card.status
    if status != _ACTIVE:
        if status == _REVOKED:
            return Reason.revoked_pass
        if status != _USED_UP:
            return Reason.expired_pass if status == _EXPIRED else Reason.inactive_pass
        if not leaves(door, direction):
            return Reason.uses_exhausted
    if day > card.last_day:
        return Reason.expired_pass
    if day < card.first_day:
        return Reason.not_yet_valid
    if card.student_status not in _STUDENT_OK:
        return Reason.student_suspended if card.student_status == _SUSPENDED else Reason.student_inactive
    return Reason.granted


def explain(card: Card, door: Door, direction: int, day: int, stale_for: float) -> list[tuple[Reason, bool]]:
    """Every check in the order of `decide`: the reason it would give, and whether it passed."""
    return [
        (Reason.wrong_school, card.school == door.school),
        (Reason.stale_index, stale_for <= door.max_staleness or door.fail_open),
        (Reason.school_inactive, door.school_active),
        (Reason.access_point_inactive, door.active),
        (Reason.wrong_direction, not direction or bool(direction & door.accepts)),
        (Reason.revoked_pass, card.status != _REVOKED),
        (Reason.expired_pass, card.status != _EXPIRED),
        (Reason.inactive_pass, card.status in {_ACTIVE, _EXPIRED, _REVOKED, _USED_UP}),
        (Reason.uses_exhausted, card.status != _USED_UP or leaves(door, direction)),
        (Reason.expired_pass, day <= card.last_day),
        (Reason.not_yet_valid, day >= card.first_day),
        (Reason.student_suspended, card.student_status != _SUSPENDED),
        (Reason.student_inactive, card.student_status in _STUDENT_OK or card.student_status == _SUSPENDED),
    ]
