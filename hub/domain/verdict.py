"""The words of a decision. The numbers are on disk in journals: they are never given another meaning."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Reason(IntEnum):
    """Why a scan was denied; `granted` is the one that is not a denial."""

    granted = 0
    malformed_code = 1
    bad_signature = 2
    unknown_pass = 3
    inactive_pass = 4
    not_yet_valid = 5
    expired_pass = 6
    revoked_pass = 7
    student_inactive = 8
    student_suspended = 9
    wrong_school = 10
    access_point_inactive = 11
    wrong_direction = 12
    scan_id_reused = 13
    stale_index = 14
    hub_unavailable = 15
    school_inactive = 16
    uses_exhausted = 17


#: By `Reason`: what a client reads; None for a grant.
REASON_TEXT: tuple[str | None, ...] = tuple(None if r is Reason.granted else r.name for r in Reason)

#: Reasons that tell nothing about a person: student and pass are null in the answer, the event and the row.
ANONYMOUS: frozenset[int] = frozenset(
    {
        Reason.malformed_code,
        Reason.bad_signature,
        Reason.unknown_pass,
        Reason.wrong_school,
        Reason.scan_id_reused,
        Reason.hub_unavailable,
    }
)


class Direction(IntEnum):
    """Which way a person goes. `unknown`: the reader did not say and its access point serves both."""

    unknown = 0
    entry = 1
    exit = 2


DIRECTION_TEXT: tuple[str | None, ...] = (None, "entry", "exit")
DIRECTION_CODE: dict[str | None, int] = {None: 0, "entry": 1, "exit": 2}

#: access_points.access_type as a mask over `Direction`.
ACCESS_TYPE: dict[str, int] = {"entry": 1, "exit": 2, "both": 3}
ACCESS_TYPE_TEXT: dict[int, str] = {mask: text for text, mask in ACCESS_TYPE.items()}


class Flag(IntFlag):
    """What is worth knowing about a recorded scan. `amends`: it is no scan, but what is known of one by now."""

    stale = 1
    offline = 2
    amends = 4
    annulled = 8


def status_text(reason: int) -> str:
    """`granted` or `denied`."""
    return "granted" if reason == 0 else "denied"
