"""Passes with so many uses: the recorder lets no scan too many through, and remembers what its journal remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.domain.verdict import Direction, Reason
from hub.recorder.admission import Admission, Batch
from hub.recorder.wire import Amendment, Annul, Annulled, Entry, Override, Report
from tests.unit.test_admission import AT, DEVICE, Desk, entry

USED_UP = Reason.uses_exhausted
OTHER_PASS = b"q" * 16


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.journal.close()


def visit(**more: Any) -> Entry:
    return entry(**({"limit": 2} | more))


def refused(scan: Entry, index: int = 0) -> list[Override]:
    return [Override(index, USED_UP, scan.at)]


def test_the_scan_too_many_is_kept_and_refused_within_a_frame_and_after_it(desk: Desk) -> None:
    first, second, third = visit(), visit(), visit()
    assert desk.admit(first, entry(), second, third) == refused(third, 3)
    assert desk.admit(visit(pass_id=OTHER_PASS)) == []
    desk.commit()
    fourth = visit()
    assert desk.admit(fourth) == refused(fourth)
    desk.commit()
    assert [scan.code for scan, _ in desk.kept()] == [0, 0, 0, USED_UP, 0, USED_UP]


def test_the_same_scan_again_has_its_first_answer_and_takes_no_use(desk: Desk) -> None:
    one, two = visit(), visit()
    desk.admit(one)
    desk.commit()
    assert desk.admit(visit(scan_id=one.scan_id)) == [Override(0, 0, AT)]
    assert desk.admit(two) == []
    three = visit()
    assert desk.admit(three) == refused(three)
    desk.commit()
    assert desk.admit(visit(scan_id=three.scan_id)) == [Override(0, USED_UP, AT)]


@pytest.mark.parametrize("more", [{"code": 7}, {"direction": Direction.exit}, {"limit": 0}])
def test_what_lets_nobody_in_takes_no_use(desk: Desk, more: dict[str, Any]) -> None:
    assert desk.admit(*(visit(**more) for _ in range(5))) == []
    assert desk.admit(visit(), visit()) == []


def test_out_of_time_takes_no_use(desk: Desk) -> None:
    assert desk.admit(*(visit() for _ in range(5)), late=True) == []
    assert desk.admit(visit(), visit()) == []


def test_a_door_that_says_no_direction_takes_a_use(desk: Desk) -> None:
    assert desk.admit(visit(direction=0), visit(direction=0)) == []
    third = visit(direction=0)
    assert desk.admit(third) == refused(third)


def test_what_a_reader_let_in_by_itself_counts_and_is_not_undone(desk: Desk) -> None:
    alone = [visit(report=Report(AT - n, granted=True)) for n in range(3)]
    assert desk.admit(*alone, visit(report=Report(AT, granted=False, reason="x"))) == []
    after = visit()
    assert desk.admit(after) == refused(after)


def test_an_answer_that_did_not_arrive_in_time_gives_its_use_back(desk: Desk) -> None:
    one = visit()
    desk.admit(one, visit())
    desk.commit()
    desk.admit(amendments=[Amendment(one.scan_id, DEVICE, AT, Reason.hub_unavailable)])
    desk.commit()
    assert desk.admit(visit()) == []
    last = visit()
    assert desk.admit(last) == refused(last)


def test_an_annulled_scan_gives_its_use_back_once_and_after_a_restart(desk: Desk) -> None:
    one, two = visit(), visit()
    desk.admit(one, two)
    desk.commit()
    for _ in range(2):
        asked = Annul(1, one.scan_id, [DEVICE], one.school, AT)
        assert desk.admission.beside(asked, b"", desk.batch) == Annulled(
            1, "annulled", DEVICE, one.school, one.student_id
        )
        desk.commit()
    # The same scan again, from a worker that had no answer: known, and annulled as it is.
    assert desk.admit(visit(scan_id=one.scan_id)) == [Override(0, 0, AT)]
    desk.admission = Admission(desk.journal)
    desk.admission.reload()
    assert desk.admit(visit(scan_id=one.scan_id)) == [Override(0, 0, AT)]
    assert desk.admit(visit()) == []
    last = visit()
    assert desk.admit(last) == refused(last)


def test_what_was_not_kept_was_no_use(desk: Desk) -> None:
    desk.admit(visit(), visit())
    desk.admission.undo(desk.batch)
    desk.batch = Batch(desk.journal)
    assert desk.admit(visit(), visit()) == []


def test_uses_are_learnt_from_the_journal_and_leave_with_its_rows(desk: Desk) -> None:
    one = visit()
    desk.admit(one, visit(), visit())
    desk.commit()
    desk.admit(amendments=[Amendment(one.scan_id, DEVICE, AT, Reason.hub_unavailable)])
    desk.commit()
    desk.admission = Admission(desk.journal)
    desk.admission.reload()
    assert desk.admit(visit()) == []
    last = visit()
    assert desk.admit(last) == refused(last)
    desk.commit()
    for row in desk.journal.all_rows():
        desk.admission.forget(row)
    assert desk.admit(visit(), visit()) == []
