"""The index in memory, its conscience, and the backlog of what is to be read into it."""

from __future__ import annotations

from hashlib import md5

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.domain.card import pack, unpack
from hub.domain.ids import NIL
from hub.index.backlog import Backlog
from hub.index.index import PassIndex

keys = st.integers(0, 7).map(lambda i: i.to_bytes(16, "big"))
cards = st.tuples(st.integers(1, 3), st.integers(0, 2)).map(
    lambda v: pack(bytes(16), NIL, v[0], (0, 65_535), v[1], 0, 4, 0, "", "P")
)


def checksums(rows: dict[bytes, bytes]) -> dict[int, tuple[int, int]]:
    """As the database counts them, over all rows at once."""
    sums: dict[int, tuple[int, int]] = {}
    for key, packed in rows.items():
        school = unpack(packed).school
        count, sum_ = sums.get(school, (0, 0))
        digest = int.from_bytes(md5(key + packed, usedforsecurity=False).digest()[:8], "big", signed=True)
        sums[school] = (count + 1, sum_ ^ digest)
    return sums


class Indexing(RuleBasedStateMachine):
    """Whatever happens in whichever order, in the middle of a recount too, the index is the dict and counts it."""

    def __init__(self) -> None:
        super().__init__()
        self.index = PassIndex()
        self.rows: dict[bytes, bytes] = {}

    @rule(key=keys, packed=cards)
    def put(self, key: bytes, packed: bytes) -> None:
        self.index.put(key, packed)
        self.rows[key] = packed

    @rule(key=keys)
    def remove(self, key: bytes) -> None:
        self.index.remove(key)
        self.rows.pop(key, None)

    @rule(rows=st.dictionaries(keys, cards))
    def fill(self, rows: dict[bytes, bytes]) -> None:
        self.index.fill(rows.items())
        self.rows.update(rows)

    @rule()
    def clear(self) -> None:
        self.index.clear()
        self.rows.clear()

    @rule(changes=st.lists(st.tuples(keys, st.none() | cards), max_size=8))
    def recount(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        for _ in self.index.recount(1):
            if changes:
                key, packed = changes.pop()
                if packed is None:
                    self.remove(key)
                else:
                    self.put(key, packed)

    @invariant()
    def holds_what_was_put(self) -> None:
        assert len(self.index) == len(self.rows)
        assert self.index.keys() == self.rows.keys()
        for key, packed in self.rows.items():
            assert self.index.get(key) == packed
        assert self.index.get(b"another") is None

    @invariant()
    def counts_what_it_holds(self) -> None:
        if self.index.counted:
            assert self.index.checksums() == checksums(self.rows)


TestIndexing = Indexing.TestCase


def test_a_change_is_a_write_and_the_same_again_is_none() -> None:
    index = PassIndex()
    one, two = (pack(bytes(16), NIL, 5, (0, 1), status, 0, 4, 0, "", "P") for status in (0, 3))
    index.put(b"k", one)
    writes = index.writes()
    index.put(b"k", one)
    assert index.writes() == writes
    index.put(b"k", two)
    index.put(b"k", one)
    assert index.writes() != writes  # though the checksum is what it was


# --------------------------------------------------------------------------------------------------------- backlog

ranges = st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 1_500)).map(lambda r: (r[0], sum(r))), max_size=12)


def drain(backlog: Backlog, room: int) -> list[list[tuple[int, int]]]:
    pages = []
    while backlog:
        pages.append(backlog.take(room))
    return pages


def numbers(pages: list[tuple[int, int]]) -> list[int]:
    return [number for low, high in pages for number in range(low, high + 1)]


@given(ranges, st.integers(1, 500))
def test_every_number_is_taken_and_no_page_is_too_large(added: list[tuple[int, int]], room: int) -> None:
    backlog = Backlog()
    for low, high in added:
        backlog.add(low, high)
    pages = drain(backlog, room)
    assert sorted(number for page in pages for number in numbers(page)) == sorted(numbers(added))
    assert all(1 <= len(numbers(page)) <= room for page in pages)
    assert backlog.take(room) == []


@given(ranges, st.integers(1, 5))
def test_beyond_its_limit_it_still_covers_everything(added: list[tuple[int, int]], limit: int) -> None:
    backlog = Backlog(limit)
    for low, high in added:
        backlog.add(low, high)
        assert len(backlog) <= limit
    assert set(numbers(added)) <= {number for page in drain(backlog, 500) for number in numbers(page)}


def test_one_number_overtakes_a_hundred_thousand_on_either_side() -> None:
    backlog = Backlog()
    backlog.add(1, 1)
    backlog.add(2, 100_001)
    backlog.add(100_002, 100_002)
    assert backlog.take(500) == [(100_002, 100_002), (1, 1), (99_504, 100_001)]
    backlog.add(100_003, 100_003)
    assert backlog.take(500)[0] == (100_003, 100_003)


def test_a_wide_range_is_read_from_its_end() -> None:
    backlog = Backlog()
    backlog.add(1, 1_200)
    assert drain(backlog, 500) == [[(701, 1_200)], [(201, 700)], [(1, 200)]]
    backlog.add(1, 10)
    backlog.clear()
    assert not backlog
