"""A file on disk that a copy of the disk does not tell."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.vault import SealBroken
from hub.resources.imports.batches import Seen
from hub.rest.jobs.spool import PART, Spool


def filled(content: bytes, piece: int = 100_000) -> Spool:
    spool = Spool()
    for start in range(0, len(content), piece):
        spool.write(content[start : start + piece])
    spool.finish()
    return spool


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7])
def test_what_was_written_is_read(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    with filled(content[:size]) as spool:
        assert spool.open().read() == content[:size]
        assert spool.size == size


@given(st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 300_000)), max_size=8))
def test_any_place_is_read(places: list[tuple[int, int]]) -> None:
    content = b"".join(n.to_bytes(4, "big") for n in range(160_000))
    with filled(content) as spool:
        file, plain = spool.open(), io.BytesIO(content)
        for place, size in places:
            assert file.seek(place) == plain.seek(place)
            assert file.read(size) == plain.read(size)
        assert file.seek(-5, io.SEEK_END) == len(content) - 5
        assert file.read() == content[-5:]


def test_nothing_of_it_is_on_the_disk_and_parts_keep_their_places() -> None:
    with filled(b"Ada Lovelace" * 50_000) as spool:
        sealed = list(spool.sealed())
        assert len(sealed) == 3
        assert not any(b"Lovelace" in part for part in sealed)
        with Spool(spool.key) as moved:
            for part in reversed(sealed):
                moved.add(part)
            with pytest.raises(SealBroken):
                moved.part(0)


@given(st.lists(st.text(min_size=1, max_size=4), max_size=200))
def test_seen_is_a_set(numbers: list[str]) -> None:
    seen, known = Seen(), set[str]()
    for number in numbers:
        assert seen.add(number) == (number not in known)
        known.add(number)


def test_seen_grows() -> None:
    seen = Seen()
    assert all(seen.add(f"S-{n}") for n in range(10_000))
    assert not any(seen.add(f"S-{n}") for n in range(10_000))
