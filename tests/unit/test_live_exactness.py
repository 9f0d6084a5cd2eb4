"""Whatever is lost, late, doubled or cut: a screen sees each recorder's events in order, each once, none missing."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain.ids import id_text
from hub.domain.verdict import Flag
from hub.live import catch_up, stream
from hub.recorder.wire import Events
from tests.unit.live_world import LOCAL, OTHER, SCHOOL, Shown, World, entry


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again at once, so that hundreds of examples take seconds; and goes in small pieces, between which much can
    happen."""
    monkeypatch.setattr(stream, "RETRY_SECONDS", (0.0,))
    monkeypatch.setattr(catch_up, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(stream, "FETCH_MOST", 5)
    monkeypatch.setattr(catch_up, "FETCHED_PIECE", 4)
    monkeypatch.setattr(catch_up, "PIECE", 3)


STEPS = st.one_of(
    st.tuples(st.just("emit"), st.sampled_from([LOCAL, OTHER]), st.integers(1, 30), st.booleans()),
    st.tuples(st.just("again"), st.sampled_from([LOCAL, OTHER]), st.integers(1, 30)),
    st.tuples(st.just("join"), st.integers(0, 2)),
    st.tuples(st.just("cut"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("blink"), st.integers(0, 2), st.integers(1, 30), st.integers(1, 4)),
    st.tuples(st.just("poll")),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("turn"), st.integers(1, 5)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=40), st.integers(0, 2**32))
def test_every_screen_sees_every_event_once_in_order(steps: list[tuple[object, ...]], seed: int) -> None:
    random.seed(seed)
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[object, ...]]) -> None:
    game = Game()
    for name, *values in steps:
        await getattr(game, str(name))(*values)
    await game.check()


class Game:
    """Three screens, and what each has to have seen. `since`: where the stream was when a screen began."""

    def __init__(self) -> None:
        self.world = World()
        self.world.start()
        self.screens = [Shown() for _ in range(3)]
        self.since: dict[int, dict[bytes, int]] = {}

    async def emit(self, recorder: bytes, count: int, lose: bool) -> None:
        self.world.emit(recorder, count, lose=lose)

    async def again(self, recorder: bytes, count: int) -> None:
        """A message comes twice, or late."""
        past = self.world.past.numbered[recorder]
        first = max(1, len(past) - count)
        if past:
            self.world.stream.receive(Events(SCHOOL, recorder, first, past[first - 1 :]))

    async def join(self, number: int) -> None:
        shown = self.screens[number]
        if shown.screen is None:
            if shown.cursor is None:
                # It begins where the stream is: what the worker has not heard of yet is new to it.
                self.since[number] = dict(self.world.stream.following)
            self.world.join(shown)

    async def cut(self, number: int, whole: bool) -> None:
        shown = self.screens[number]
        if shown.screen is not None:
            await self.world.cut(shown, all_of_it=whole)
            if shown.cursor is None:
                shown.ids.clear()

    async def blink(self, number: int, count: int, turns: int) -> None:
        """It is cut, misses something, and is cut again while it is told what."""
        await self.join(number)
        await self.turn(turns)
        await self.cut(number, True)
        self.world.emit(LOCAL, count)
        self.world.emit(OTHER, count)
        await self.join(number)
        await self.turn(turns)
        await self.cut(number, False)

    async def poll(self) -> None:
        self.world.poll()

    async def away(self, away: bool) -> None:
        self.world.past.away = away

    async def turn(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    async def check(self) -> None:
        for number in list(self.since):
            await self.join(number)
        await self.world.settle(*(self.screens[number] for number in self.since))
        try:
            for number, begun in self.since.items():
                self._check_one(self.screens[number], begun)
        finally:
            await self.world.close(*self.screens)

    def _check_one(self, shown: Shown, begun: dict[bytes, int]) -> None:
        for recorder, entries in self.world.past.numbered.items():
            ours = {id_text(e.scan_id) for e in entries}
            expected = [id_text(e.scan_id) for e in entries[begun.get(recorder, 1) - 1 :]]
            assert [i for i in shown.ids if i in ours] == expected
        assert not shown.resets


async def test_what_postgresql_refused_holds_nobody_up() -> None:
    world = World()
    world.start()
    shown = Shown()
    world.join(shown)
    ids = world.emit(OTHER, 5, lose=True)
    world.past.refused.add(world.past.numbered[OTHER][2].scan_id)
    ids += world.emit(OTHER, 2)
    await world.settle(shown)
    assert shown.ids == [i for n, i in enumerate(ids) if n != 2]
    await world.close(shown)


async def test_a_scan_that_two_hosts_recorded_is_shown_once() -> None:
    world = World()
    world.start()
    shown = Shown()
    world.join(shown)
    twice = entry(7)
    for recorder in (LOCAL, OTHER):
        world.past.numbered[recorder].append(twice)
        world.stream.receive(Events(SCHOOL, recorder, 1, [twice]))
    ids = world.emit(OTHER, 1)
    await world.settle(shown)
    assert shown.ids == [id_text(twice.scan_id), *ids]
    await world.close(shown)


async def test_a_screen_too_far_behind_is_told_to_start_afresh() -> None:
    world = World(most=50)
    world.start()
    shown = Shown()
    world.join(shown)
    await world.settle(shown)
    await world.cut(shown)
    world.emit(LOCAL, 51)
    world.join(shown)
    later = world.emit(LOCAL, 3)
    await world.settle(shown)
    assert shown.resets == ["too_far_behind"]
    assert shown.ids == later
    await world.close(shown)


async def test_a_cursor_of_another_school_starts_afresh() -> None:
    world, elsewhere, shown = World(), World(), Shown()
    elsewhere.audience._school = b"t" * 16
    for one in (world, elsewhere):
        one.start()
    elsewhere.join(shown)
    await elsewhere.settle(shown)
    await elsewhere.cut(shown)
    world.join(shown)
    await world.settle(shown)
    assert shown.resets == ["another_school"]
    await world.close(shown)


async def test_a_screen_ahead_of_its_worker_waits_for_it_and_sees_nothing_twice() -> None:
    ahead, lagging, shown = World(), World(), Shown()
    lagging.past = ahead.past
    lagging.stream._sources = ahead.past
    lagging._count = 100
    for one in (ahead, lagging):
        one.start()
    ahead.join(shown)
    ids = ahead.emit(LOCAL, 5)
    await ahead.settle(shown)
    await ahead.cut(shown)
    lagging.join(shown)
    await asyncio.sleep(0)
    lagging.stream.receive(Events(SCHOOL, LOCAL, 1, ahead.past.numbered[LOCAL][:3]))
    lagging.stream.receive(Events(SCHOOL, LOCAL, 4, ahead.past.numbered[LOCAL][3:]))
    ids += lagging.emit(LOCAL, 2)
    await lagging.settle(shown)
    assert shown.ids == ids
    await lagging.close(shown)
    await ahead.close()


async def test_a_cursor_ahead_of_a_recorder_that_counts_anew_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AHEAD_SECONDS", 0.0)
    ahead, anew, shown = World(), World(), Shown()
    for one in (ahead, anew):
        one.start()
    ahead.join(shown)
    ahead.emit(LOCAL, 500)
    await ahead.settle(shown)
    await ahead.cut(shown)
    shown.ids.clear()
    anew.join(shown)
    await asyncio.sleep(0)
    anew.poll()
    anew.poll()
    async with asyncio.timeout(120):
        assert shown.task is not None
        await shown.task
    ids = anew.emit(LOCAL, 2)
    await anew.settle(shown)
    assert shown.resets == ["counted_anew"]
    assert shown.ids == ids
    await anew.close(shown)
    await ahead.close()


async def test_a_recorder_that_is_new_is_shown_from_its_first_event() -> None:
    world, shown = World(), Shown()
    world.start()
    world.join(shown)
    new = b"N" * 16
    world.past.numbered[new] = [entry(901), entry(902)]
    world.stream.heads({new: 2})
    await world.settle(shown)
    assert shown.ids == [id_text(e.scan_id) for e in world.past.numbered[new]]
    await world.close(shown)


async def test_what_is_known_better_changes_what_later_screens_are_shown() -> None:
    world, first = World(), Shown()
    world.start()
    world.join(first)
    world.emit(LOCAL, 1)
    scan = world.past.numbered[LOCAL][0]
    again = [
        msgspec.structs.replace(scan, code=15, flags=int(Flag.amends)),
        msgspec.structs.replace(scan, scan_id=b"?" * 16, flags=int(Flag.amends | Flag.annulled)),
    ]
    world.stream.receive(Events(SCHOOL, LOCAL, 2, again))
    item, *amending = world.stream.ring.after(LOCAL, 1, 10)
    assert b'"decision":"denied","reason":"hub_unavailable"' in item.text
    assert [one.amends for one in amending] == [True, True]
    assert item.text == amending[0].text
    assert b'"annulled":true' in amending[1].text
    first.wire.written.clear()
    await world.close(first)
