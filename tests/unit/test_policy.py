"""May this pass enter? Each rule on its own, their order, and that the explanation is the decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.card import Card, pack, unpack
from hub.domain.passes import PassStatus, PassType, StudentStatus
from hub.domain.policy import Door, decide, decide_door, explain
from hub.domain.verdict import Direction, Reason

TODAY = 20_000
DOOR = Door(7, True, True, 3, 300.0, False)


def card(
    *,
    school: int = 7,
    days: tuple[int, int] = (TODAY - 10, TODAY + 10),
    status: int = PassStatus.active,
    student: int = StudentStatus.active,
) -> Card:
    return unpack(pack(bytes(16), bytes(16), school, days, status, PassType.standard, student, 0, "Ada", "P-1"))


def door(
    *,
    school_active: bool = True,
    active: bool = True,
    accepts: int = 3,
    max_staleness: float = 300.0,
    fail_open: bool = False,
) -> Door:
    return Door(7, school_active, active, accepts, max_staleness, fail_open)


@pytest.mark.parametrize(
    ("shown", "at", "direction", "stale_for", "reason"),
    [
        (card(), DOOR, 0, 0.0, Reason.granted),
        (card(school=8), DOOR, 0, 0.0, Reason.wrong_school),
        (card(), DOOR, 0, 300.0, Reason.granted),
        (card(), DOOR, 0, 300.1, Reason.stale_index),
        (card(), door(fail_open=True), 0, 1e9, Reason.granted),
        (card(), door(max_staleness=0.0), 0, 0.0, Reason.granted),
        (card(), door(max_staleness=0.0), 0, 0.001, Reason.stale_index),
        (card(), door(school_active=False), 0, 0.0, Reason.school_inactive),
        (card(), door(active=False), 0, 0.0, Reason.access_point_inactive),
        (card(), door(accepts=1), Direction.exit, 0.0, Reason.wrong_direction),
        (card(), door(accepts=1), Direction.entry, 0.0, Reason.granted),
        (card(), door(accepts=2), Direction.entry, 0.0, Reason.wrong_direction),
        (card(), door(accepts=2), Direction.unknown, 0.0, Reason.granted),
        (card(status=PassStatus.revoked), DOOR, 0, 0.0, Reason.revoked_pass),
        (card(status=PassStatus.expired), DOOR, 0, 0.0, Reason.expired_pass),
        (card(status=PassStatus.inactive), DOOR, 0, 0.0, Reason.inactive_pass),
        (card(status=PassStatus.used_up), DOOR, 0, 0.0, Reason.uses_exhausted),
        (card(status=PassStatus.used_up), DOOR, Direction.entry, 0.0, Reason.uses_exhausted),
        (card(status=PassStatus.used_up), DOOR, Direction.exit, 0.0, Reason.granted),
        (card(status=PassStatus.used_up), door(accepts=2), Direction.unknown, 0.0, Reason.granted),
        (card(status=PassStatus.used_up, days=(1, 2)), DOOR, Direction.exit, 0.0, Reason.expired_pass),
        (card(days=(TODAY, TODAY)), DOOR, 0, 0.0, Reason.granted),
        (card(days=(TODAY - 9, TODAY - 1)), DOOR, 0, 0.0, Reason.expired_pass),
        (card(days=(TODAY + 1, TODAY + 9)), DOOR, 0, 0.0, Reason.not_yet_valid),
        (card(student=StudentStatus.none), DOOR, 0, 0.0, Reason.granted),
        (card(student=StudentStatus.suspended), DOOR, 0, 0.0, Reason.student_suspended),
        (card(student=StudentStatus.inactive), DOOR, 0, 0.0, Reason.student_inactive),
        (card(student=StudentStatus.graduated), DOOR, 0, 0.0, Reason.student_inactive),
    ],
)
def test_each_rule(shown: Card, at: Door, direction: int, stale_for: float, reason: Reason) -> None:
    assert decide(shown, at, direction, TODAY, stale_for) is reason


def test_the_first_failing_rule_is_the_reason() -> None:
    """All of them fail; one after the other is mended."""
    school, days, status, student = 8, (TODAY + 1, TODAY + 2), int(PassStatus.revoked), int(StudentStatus.suspended)
    at = door(school_active=False, active=False, accepts=2, max_staleness=1.0)

    def verdict() -> Reason:
        return decide(card(school=school, days=days, status=status, student=student), at, 1, TODAY, 2.0)

    assert verdict() is Reason.wrong_school
    school = 7
    assert verdict() is Reason.stale_index
    at = door(school_active=False, active=False, accepts=2)
    assert verdict() is Reason.school_inactive
    at = door(active=False, accepts=2)
    assert verdict() is Reason.access_point_inactive
    at = door(accepts=2)
    assert verdict() is Reason.wrong_direction
    at = DOOR
    assert verdict() is Reason.revoked_pass
    status = PassStatus.active
    assert verdict() is Reason.not_yet_valid
    days = (TODAY, TODAY)
    assert verdict() is Reason.student_suspended
    student = StudentStatus.active
    assert verdict() is Reason.granted


cards = st.builds(
    card,
    school=st.sampled_from([7, 8]),
    days=st.tuples(st.integers(TODAY - 3, TODAY + 3), st.integers(TODAY - 3, TODAY + 3)),
    status=st.sampled_from(PassStatus),
    student=st.sampled_from(StudentStatus),
)
doors = st.builds(
    door,
    school_active=st.booleans(),
    active=st.booleans(),
    accepts=st.sampled_from([1, 2, 3]),
    max_staleness=st.sampled_from([0.0, 1.0, 300.0]),
    fail_open=st.booleans(),
)
directions = st.sampled_from([int(d) for d in Direction])
stalenesses = st.sampled_from([0.0, 0.5, 1.0, 1.5, 400.0])


@given(cards, doors, directions, st.integers(TODAY - 4, TODAY + 4), stalenesses)
def test_a_decision_is_the_first_failing_check_of_its_explanation(
    shown: Card, at: Door, direction: int, day: int, stale_for: float
) -> None:
    verdict = decide(shown, at, direction, day, stale_for)
    failing = [reason for reason, passed in explain(shown, at, direction, day, stale_for) if not passed]
    assert verdict is (failing[0] if failing else Reason.granted)


@given(cards, doors, directions, st.integers(TODAY - 4, TODAY + 4), stalenesses)
def test_a_door_that_refuses_an_unknown_code_refuses_every_pass_of_its_school(
    shown: Card, at: Door, direction: int, day: int, stale_for: float
) -> None:
    """`decide` repeats the checks of `decide_door`: they must stay the same."""
    refusal = decide_door(at, direction, stale_for)
    verdict = decide(shown, at, direction, day, stale_for)
    if shown.school == at.school and refusal:
        assert verdict is refusal
    if not refusal:
        assert verdict not in {Reason.stale_index, Reason.school_inactive, Reason.access_point_inactive}
        assert verdict is not Reason.wrong_direction


@given(cards, doors, directions, st.integers(TODAY - 4, TODAY + 4))
def test_a_fresh_index_never_denies_for_staleness(shown: Card, at: Door, direction: int, day: int) -> None:
    assert decide(shown, at, direction, day, 0.0) is not Reason.stale_index
