"""What a worker remembers of a school's events, and what it forgets."""

from __future__ import annotations

from collections.abc import Iterator

from hub.live.ring import Item, Ring

A, B = b"A" * 16, b"B" * 16


def items(first: int, count: int, mark: bytes = b"") -> list[Item]:
    return [Item(n, mark + n.to_bytes(32 - len(mark), "big"), b"%d" % n) for n in range(first, first + count)]


def test_a_recorder_that_begins_anew_takes_what_was_before_with_it() -> None:
    ring = Ring(4)
    ring.begin(A, 1)
    ring.add(A, items(1, 2))
    ring.add(A, items(3, 2))
    ring.begin(A, 2)
    assert not ring.knows(items(1, 1)[0].identity)
    for number in range(2, 10):
        ring.add(A, items(number, 1))
    assert [item.sequence for item in ring.after(A, 1, 10)] == [6, 7, 8, 9]
    assert ring.start(A) == 6


def test_the_oldest_to_come_are_the_first_to_go_whoever_recorded_them() -> None:
    ring = Ring(4)
    ring.begin(A, 1)
    ring.begin(B, 7)
    ring.add(A, items(1, 2, b"a"))
    ring.add(B, items(7, 3, b"b"))
    assert (ring.start(A), ring.start(B)) == (3, 7)
    assert not ring.knows(items(1, 1, b"a")[0].identity)


class _Watched(list[Item]):
    """A track's items that count how many were looked at."""

    looks = 0

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        _Watched.looks += 1
        return super().__getitem__(at)

    def __iter__(self) -> Iterator[Item]:
        raise AssertionError("looked through one by one")


def test_an_event_is_changed_without_looking_through_all() -> None:
    ring = Ring(20_000)
    ring.begin(A, 1)
    ring.begin(B, 1)
    ring.add(A, items(1, 10_000, b"a"))
    ring.add(B, items(1, 10_000, b"b"))
    for track in ring._tracks.values():
        track.items = _Watched(track.items)
    ring.change(items(1, 1, b"a")[0].identity, b"1!")
    assert _Watched.looks < 50
    assert ring.after(A, 1, 1)[0].text == b"1!"
