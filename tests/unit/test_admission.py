"""Which scans are new: the fast path and the slow one agree, and memory follows the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain.ids import new_id_bytes
from hub.domain.verdict import Reason
from hub.recorder.admission import Admission, Batch, entries
from hub.recorder.journal import Journal
from hub.recorder.uses import told
from hub.recorder.wire import Amendment, Entry, Frame, Override, Report

SCHOOL, OTHER_SCHOOL, DEVICE, KEY, OTHER_KEY = (bytes([n]) * 16 for n in range(1, 6))
AT = 1_795_000_000_000_000


def entry(scan_id: bytes | None = None, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "scan_id": scan_id or new_id_bytes(),
        "device": DEVICE,
        "school": SCHOOL,
        "key": KEY,
        "at": AT,
        "code": 0,
        "flags": 0,
        "direction": 1,
        "pass_id": b"p" * 16,
        "student_id": b"s" * 16,
    }
    return Entry(**(values | more))


class Desk:
    """A journal and its admission."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory)
        self.journal.open()
        self.admission = Admission(self.journal)
        self.batch = Batch(self.journal)

    def admit(self, *scans: Entry, amendments: list[Amendment] | None = None, late: bool = False) -> list[Override]:
        frame = Frame(1, 0, list(scans), amendments or [])
        return self.admission.admit(frame, msgspec.msgpack.encode(frame), self.batch, late=late)

    def commit(self) -> None:
        batch, self.batch = self.batch, self.batch
        self.journal.append(AT, batch.scans, batch.firsts, b"".join(batch.parts), prune=[])
        self.admission.committed(batch)
        self.batch = Batch(self.journal)

    def kept(self) -> list[tuple[Entry, int]]:
        return [pair for row in self.journal.all_rows() for pair in entries(row)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.journal.close()


def test_a_new_frame_is_kept_byte_for_byte(desk: Desk) -> None:
    frame = Frame(9, 5, [entry(), entry(school=OTHER_SCHOOL), entry()])
    raw = msgspec.msgpack.encode(frame)
    assert desk.admission.admit(frame, raw, desk.batch, late=False) == []
    assert desk.batch.parts[1] is raw
    desk.commit()
    assert [(scan, sequence) for scan, sequence in desk.kept()] == [
        (frame.entries[0], 1),
        (frame.entries[1], 1),
        (frame.entries[2], 2),
    ]
    assert len(desk.admission) == 3


def test_known_scans_get_their_first_answer_within_a_batch_and_after_it(desk: Desk) -> None:
    one = entry(code=7)
    assert desk.admit(one, entry(one.scan_id, at=AT + 1)) == [Override(1, 7, AT)]
    assert desk.admit(entry(), entry(one.scan_id)) == [Override(1, 7, AT)]
    desk.commit()
    assert desk.admit(entry(one.scan_id, at=AT + 2)) == [Override(0, 7, AT)]
    desk.commit()
    assert [sequence for _, sequence in desk.kept()] == [1, 2]


def test_another_code_under_a_known_id_is_kept_once_under_an_id_of_its_own(desk: Desk) -> None:
    one = entry()
    other = entry(one.scan_id, key=OTHER_KEY)
    refused = Override(1, Reason.scan_id_reused, AT)
    assert desk.admit(one, other) == [refused]
    assert desk.admit(entry(), entry(one.scan_id, key=OTHER_KEY, at=AT + 3)) == [Override(1, 13, AT + 3)]
    desk.commit()
    found = [scan for scan, _ in desk.kept()]
    assert [scan.code for scan in found] == [0, 13, 0]
    made = found[1].scan_id
    assert made != one.scan_id
    assert (made[6] >> 4, made[8] >> 6) == (8, 2)  # a UUID of version 8
    assert (found[1].pass_id, found[1].student_id) == (None, None)
    assert desk.admit(one) == [Override(0, 0, AT)]


def test_a_late_frame_is_kept_as_unavailable_but_what_a_reader_did_stays(desk: Desk) -> None:
    replayed = entry(code=7, report=Report(AT - 5, True))
    assert desk.admit(entry(), replayed, late=True) == []
    desk.commit()
    assert [scan.code for scan, _ in desk.kept()] == [Reason.hub_unavailable, 7]
    known = desk.kept()[0][0]
    assert desk.admit(known, entry(), late=True) == [Override(0, Reason.hub_unavailable, AT)]


def test_an_amendment_holds_for_the_scan_that_it_amends_alone(desk: Desk) -> None:
    one, two = entry(), entry()
    desk.admit(one, two)
    desk.commit()
    wrong_time = Amendment(two.scan_id, DEVICE, AT + 1, Reason.hub_unavailable)
    desk.admit(amendments=[Amendment(one.scan_id, DEVICE, AT, Reason.hub_unavailable), wrong_time])
    assert desk.admit(entry(one.scan_id))[0].code == 0  # not durable yet
    desk.commit()
    for _ in range(2):
        assert [desk.admit(entry(scan.scan_id))[0].code for scan in (one, two)] == [15, 0]
        desk.batch = Batch(desk.journal)
        desk.admission.reload()


def test_a_replay_that_is_sent_again_says_nothing_new(desk: Desk) -> None:
    """The reader's clock may be a millisecond further off by then; that it had done otherwise stays noted."""
    denied = int(Reason.student_suspended)
    first = entry(code=denied, report=Report(AT - 5_000, True, "list", 12))
    assert desk.admit(first) == []
    desk.commit()
    again = entry(first.scan_id, code=denied, report=Report(AT - 5_000, True, "list", 13))
    (override,) = desk.admit(again)
    assert (override.code, override.conflict, desk.batch.merges) == (Reason.granted, False, [])
    other = entry(first.scan_id, code=denied, report=Report(AT - 5_000, False, "second thoughts", 13))
    (override,) = desk.admit(other)
    (merge,) = desk.batch.merges
    assert (override.code, override.conflict, merge.conflict) == (Reason.granted, True, True)
    (override,) = desk.admit(entry(first.scan_id, code=denied, report=Report(AT - 5_000, True, "by the list", 13)))
    assert (override.conflict, desk.batch.merges[-1].conflict) == (False, True)


def test_a_commit_that_fails_is_forgotten(desk: Desk) -> None:
    first = entry()
    desk.admit(first)
    desk.commit()
    lost = [entry(), entry(school=OTHER_SCHOOL)]
    desk.admit(*lost)
    desk.admit(entry(lost[0].scan_id), entry(first.scan_id))
    desk.admission.undo(desk.batch)
    desk.batch = Batch(desk.journal)
    assert len(desk.admission) == 1
    assert desk.admit(*lost) == []
    desk.commit()
    assert [sequence for _, sequence in desk.kept()] == [1, 2, 1]
    assert desk.admit(first) == [Override(0, 0, AT)]


def test_what_leaves_the_journal_may_be_asked_anew(desk: Desk) -> None:
    one, two = entry(), entry()
    desk.admit(one)
    desk.commit()
    desk.admit(two)
    desk.commit()
    (row,) = desk.journal.rows_before(1, AT + 1, 10)
    desk.journal.note_drained(1, 1)
    desk.journal.commit_notes([1])
    desk.admission.forget(row)
    assert len(desk.admission) == 1
    assert desk.admit(one, two) == [Override(1, 0, AT)]
    desk.commit()
    assert [(scan.scan_id, sequence) for scan, sequence in desk.kept()] == [(two.scan_id, 2), (one.scan_id, 3)]


def test_damage_in_a_row_costs_what_is_behind_it_in_that_row(desk: Desk) -> None:
    for _ in range(3):
        desk.admit(entry())
        desk.admit(entry(), entry())
        desk.commit()
    body = desk.journal._connection().execute("SELECT body FROM journal WHERE id = 2").fetchone()[0]
    half = len(body) // 2
    for damaged in (body[:half] + b"\xc1" * (len(body) - half), body[:half], body[:-1], bytes(len(body)), b"\xff\xff"):
        desk.journal._connection().execute("UPDATE journal SET body = ? WHERE id = 2", (damaged,))
        desk.admission.reload()
        assert 6 <= len(desk.admission) <= 7
        assert {sequence for _, sequence in desk.kept()} >= {1, 2, 3, 7, 8, 9}
        assert desk.admit(entry()) == []
        desk.batch = Batch(desk.journal)


def test_what_holds_for_a_replayed_scan_is_what_the_reader_did() -> None:
    assert told(entry(code=7), 7) == 7
    assert told(entry(code=7, report=Report(AT, True)), 7) == Reason.granted
    assert told(entry(code=7, report=Report(AT, False)), 7) == 7
    assert told(entry(report=Report(AT, False)), 0) == Reason.hub_unavailable


few = st.integers(0, 5).map(lambda n: bytes([n]) * 16)
frames = st.lists(
    st.tuples(st.lists(st.tuples(few, st.sampled_from([KEY, OTHER_KEY])), max_size=5), st.booleans()), max_size=12
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames)
def test_however_scans_come_each_is_kept_once_and_answered_the_same(tmp_path_factory: Any, sent: Any) -> None:
    desk = Desk(tmp_path_factory.mktemp("journal"))
    first: dict[bytes, bytes] = {}
    attempts = set()
    for pairs, commit in sent:
        overrides = {one.index: one.code for one in desk.admit(*(entry(id_, key=key) for id_, key in pairs))}
        for index, (id_, key) in enumerate(pairs):
            known = id_ in first
            if first.setdefault(id_, key) != key:
                attempts.add((id_, key))
                assert overrides[index] == Reason.scan_id_reused
            else:
                assert (index in overrides) is known
                assert overrides.get(index, 0) == 0
        if commit:
            desk.commit()
    desk.commit()
    found = desk.kept()
    assert len({scan.identity for scan, _ in found}) == len(found) == len(first) + len(attempts)
    assert [sequence for _, sequence in found] == list(range(1, len(found) + 1))
    before = dict(desk.admission._ids)
    desk.admission.reload()
    assert desk.admission._ids == before
    desk.journal.close()
