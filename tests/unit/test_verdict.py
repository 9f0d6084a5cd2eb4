"""The numbers of verdicts are in journals: each keeps its meaning for ever."""

from __future__ import annotations

from hub.domain.verdict import (
    ACCESS_TYPE,
    ACCESS_TYPE_TEXT,
    ANONYMOUS,
    DIRECTION_CODE,
    DIRECTION_TEXT,
    REASON_TEXT,
    Direction,
    Flag,
    Reason,
    status_text,
)


def test_numbers_once_given_keep_their_meaning() -> None:
    assert {reason.name: int(reason) for reason in Reason} == {
        "granted": 0,
        "malformed_code": 1,
        "bad_signature": 2,
        "unknown_pass": 3,
        "inactive_pass": 4,
        "not_yet_valid": 5,
        "expired_pass": 6,
        "revoked_pass": 7,
        "student_inactive": 8,
        "student_suspended": 9,
        "wrong_school": 10,
        "access_point_inactive": 11,
        "wrong_direction": 12,
        "scan_id_reused": 13,
        "stale_index": 14,
        "hub_unavailable": 15,
        "school_inactive": 16,
        "uses_exhausted": 17,
    }
    assert {flag.name: int(flag) for flag in Flag} == {"stale": 1, "offline": 2, "amends": 4, "annulled": 8}
    assert [int(direction) for direction in Direction] == [0, 1, 2]


def test_each_number_has_its_text() -> None:
    assert len(REASON_TEXT) == len(Reason)
    assert REASON_TEXT[Reason.granted] is None
    assert all(REASON_TEXT[reason] == reason.name for reason in Reason if reason)
    assert all(len(text or "") <= 200 for text in REASON_TEXT)
    assert [status_text(reason) for reason in (0, 1, 16)] == ["granted", "denied", "denied"]


def test_directions_and_what_a_door_accepts() -> None:
    assert [DIRECTION_CODE[text] for text in DIRECTION_TEXT] == [0, 1, 2]
    for kind, accepted in {"entry": {"entry"}, "exit": {"exit"}, "both": {"entry", "exit"}}.items():
        mask = ACCESS_TYPE[kind]
        assert {text for text in ("entry", "exit") if DIRECTION_CODE[text] & mask} == accepted
        assert ACCESS_TYPE_TEXT[mask] == kind


def test_reasons_that_may_name_nobody() -> None:
    assert {Reason(code).name for code in ANONYMOUS} == {
        "malformed_code",
        "bad_signature",
        "unknown_pass",
        "wrong_school",
        "scan_id_reused",
        "hub_unavailable",
    }
