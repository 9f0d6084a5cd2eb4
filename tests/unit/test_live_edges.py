"""Screens between hosts and outages: what a cursor means to a worker that knows less, and what comes all at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.ids import id_text
from hub.domain.verdict import Reason
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.live import audience, catch_up, stream
from hub.live.cursor import read_cursor
from hub.live.events import Faces, scan_of
from hub.live.frames import events_frame
from hub.live.screen import Screen
from hub.live.stream import Run
from hub.recorder.wire import Events
from tests.unit.live_world import LOCAL, OTHER, SCHOOL, Shown, Wire, World, entry


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RETRY_SECONDS", (0.0,))
    monkeypatch.setattr(catch_up, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(catch_up, "AHEAD_SECONDS", 0.0)


async def moved(shown: Shown, here: World, there: World) -> None:
    """The screen goes to another worker."""
    await here.settle(shown)
    await here.cut(shown)
    there.join(shown)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_screen_of_a_quiet_school_changes_hosts_without_starting_afresh() -> None:
    here, there, shown = World(), World(), Shown()
    here.start()
    there.stream.watching(OTHER, 1)
    there.stream.heads({})
    here.join(shown)
    await moved(shown, here, there)
    await turns()
    there.poll()
    there.poll()
    await turns()
    ids = there.emit(LOCAL, 2)
    await there.settle(shown)
    assert shown.resets == []
    assert shown.ids == ids
    await there.close(shown)
    await here.close()


async def test_a_screen_ahead_of_its_worker_waits_until_postgresql_was_asked() -> None:
    here, there, shown = World(), World(), Shown()
    for one in (here, there):
        one.start()
    here.join(shown)
    ids = here.emit(OTHER, 5)
    there.past, there._count = here.past, 100
    there.stream._sources = here.past
    there.past.away = True
    await here.settle(shown)
    await here.cut(shown)
    there.past.away = True
    there.join(shown)
    await turns(50)
    assert there.audience.behind
    await there.settle(shown)
    ids += there.emit(OTHER, 1)
    await there.settle(shown)
    assert shown.resets == []
    assert shown.ids == ids
    await there.close(shown)
    await here.close()


async def test_a_cursor_from_before_all_recorders_were_known_brings_no_history() -> None:
    world, shown = World(), Shown()
    world.past.numbered[OTHER] = [entry(900 + n) for n in range(30)]
    world.stream.watching(LOCAL, 1)
    world.join(shown)
    await turns()
    await world.cut(shown)
    world.stream.heads({OTHER: 30})
    world.join(shown)
    await world.settle(shown)
    assert shown.ids == []
    assert shown.resets == ["incomplete_cursor"]
    ids = world.emit(OTHER, 2)
    await world.settle(shown)
    assert shown.ids == ids
    await world.close(shown)


async def test_a_screen_that_is_there_as_recorders_become_known_gets_a_better_cursor() -> None:
    world, shown = World(), Shown()
    world.past.numbered[OTHER] = [entry(900 + n) for n in range(30)]
    world.stream.watching(LOCAL, 1)
    world.join(shown)
    await turns()
    world.stream.heads({OTHER: 30})
    world.audience.tell_cursor()
    await turns()
    await world.cut(shown)
    missed = world.emit(OTHER, 3)
    world.join(shown)
    await world.settle(shown)
    assert shown.resets == []
    assert shown.ids == missed
    assert shown.cursor is not None
    assert read_cursor(shown.cursor).complete
    await world.close(shown)


async def test_what_was_missed_is_made_a_little_a_turn() -> None:
    world, sizes = World(ring=10_000), []
    world.start()
    deliver = world.audience.deliver

    def note(recorder: bytes, first: int, items: list[Any], following: int) -> None:
        sizes.append(len(items))
        deliver(recorder, first, items, following)

    world.stream._deliver = note
    world.past.away = True
    world.emit(OTHER, 1_000, lose=True)
    for _ in range(500):
        world.emit(OTHER, 1)
    told = 0

    async def count() -> None:
        """How many in one turn of the loop at most."""
        nonlocal told
        while sum(sizes) < 1_500:
            before = sum(sizes)
            await asyncio.sleep(0)
            told = max(told, sum(sizes) - before)

    counting = asyncio.create_task(count())
    await world.settle()
    await counting
    assert sum(sizes) == 1_500
    assert max(sizes) <= stream.SLICE
    assert told <= 2 * stream.SLICE
    await world.close()


async def test_screens_that_were_cut_off_together_are_read_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the one that asked first may leave before the answer is there."""
    world = World(ring=10)
    fetch = world.past.fetch
    asked: list[tuple[bytes, int]] = []

    async def counted(school: bytes, recorder: bytes, first: int, until: int) -> Run:
        asked.append((recorder, first))
        await asyncio.sleep(0.01)
        return await fetch(school, recorder, first, until)

    monkeypatch.setattr(world.past, "fetch", counted)
    world.start()
    screens = [Shown() for _ in range(20)]
    for shown in screens:
        world.join(shown)
    await world.settle(*screens)
    for shown in screens:
        await world.cut(shown)
    expected = world.emit(LOCAL, 300) + world.emit(LOCAL, 10)
    for shown in screens:
        world.join(shown)
    await turns(3)
    await world.cut(screens[0])
    await world.settle(*screens[1:])
    assert asked == [(LOCAL, 1)]
    for shown in screens[1:]:
        shown.take()
        assert shown.ids == expected
        await world.cut(shown)


async def test_what_is_held_counts_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HELD_MOST", 10)
    held = stream._Held()
    for number in range(1, 40):
        held.add(Events(SCHOOL, OTHER, number, [entry(number)]))
    assert [run.first for run in held.runs] == list(range(30, 40))
    assert held.events == 10
    assert held.take().first == 30
    assert held.events == 9


async def test_what_comes_all_at_once_waits_for_most_screens_but_not_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "READY_SECONDS", 600.0)
    room = audience.Audience(SCHOOL, {})
    wires = [Wire() for _ in range(3)]
    for wire in wires:
        room.add(Screen("x", wire, 4_000, None, lambda code: None))  # type: ignore[arg-type]
        wire.stuck = True
    room.send(events_frame(b"", [b"0" * 2_000]), list(room.in_step))
    waiting = asyncio.create_task(room.ready())
    await turns()
    assert not waiting.done()
    for wire in wires[:2]:
        wire.unread = 0
    async with asyncio.timeout(120):
        await waiting


@pytest.mark.parametrize("code", [Reason.hub_unavailable, Reason.unknown_pass])
def test_a_denial_that_tells_nothing_about_a_person_tells_nothing_wherever_it_was_read(code: Reason) -> None:
    scan = scan_of(entry(1, code=code, pass_id=b"p" * 16, student_id=b"s" * 16))
    text = Faces(PassIndex(), Directory()).text(scan)
    assert b'"student":null,"pass":null' in text
    assert id_text(scan.id).encode() in text


async def test_a_recorder_that_goes_back_is_followed_from_there() -> None:
    world, shown = World(ring=20), Shown()
    world.start()
    world.join(shown)
    seen = world.emit(LOCAL, 30)
    world.stream.receive(Events(SCHOOL, LOCAL, 40, [entry(940)]))  # held: the numbers before it never came
    del world.past.numbered[LOCAL][10:]
    world.stream.watching(LOCAL, 11)
    for _ in range(40):
        seen += world.emit(LOCAL, 1)
    await world.settle(shown)
    assert shown.ids == seen
    await world.close(shown)
