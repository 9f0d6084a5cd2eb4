"""The worker's live part by itself: what goes wrong in it stays in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec
import pytest

from hub.config import load_settings
from hub.domain.verdict import Flag
from hub.errors import StoreUnavailable
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.live import live as module
from hub.live.cursor import read_cursor
from hub.live.live import Live
from hub.live.remote import Remote
from hub.live.screen import Screen
from hub.live.stream import Run
from hub.recorder.client import RecorderClient
from hub.recorder.wire import Events, Fetched, Readers, ToScreens, Watching
from hub.store.pg import Pg
from tests.unit.live_world import LOCAL, OTHER, SCHOOL, Wire, entry, messages


class Log:
    """PostgreSQL as the live part sees it."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.answers: dict[bytes, dict[bytes, int]] = {}
        self.asked = asyncio.Event()

    async def fetch(self, school: bytes, recorder: bytes, first: int, until: int) -> Run:
        raise StoreUnavailable("away")

    async def heads(self, schools: list[bytes]) -> dict[bytes, dict[bytes, int]]:
        self.asked.set()
        if self.error is not None:
            raise self.error
        return {school: dict(self.answers.get(school, {})) for school in schools}


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def live(tmp_path: Path, log: Log) -> Live:
    settings = load_settings(database_url="postgresql://nobody@127.0.0.1:9/none", journal_dir=tmp_path)
    recorder = RecorderClient(tmp_path / "none.sock", worker="w", timeout_ms=500, backlog=10)
    made = Live(
        settings, recorder, cast("Pg", None), PassIndex(), Directory(), lambda: Readers({}), lambda *_, **__: b"{}"
    )
    made._log = made._past._log = log  # type: ignore[assignment]
    return made


def screen_on(wire: Wire) -> Screen:
    return Screen("x", wire, 10**6, None, lambda code: None)  # type: ignore[arg-type]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def ids(wire: Wire) -> list[str]:
    return [event["id"] for name, body in messages(bytes(wire.written)) if name == "events" for event in body["events"]]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        asyncpg.LockNotAvailableError("lock"),
        StoreUnavailable("away"),
        TimeoutError(),
    ],
)
async def test_a_log_that_cannot_be_read_is_asked_again(
    live: Live, log: Log, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
    log.error = error
    room = live._room(SCHOOL)
    following = asyncio.create_task(live._follow_log())
    async with asyncio.timeout(120):
        await log.asked.wait()
    log.error = None
    await until(lambda: room.stream.synced or following.done())
    assert room.stream.synced
    following.cancel()
    room.stream.close()


async def test_what_cannot_be_shown_does_not_break_the_connection_to_the_recorder(live: Live) -> None:
    live._room(SCHOOL)
    live._hear(Watching(SCHOOL, LOCAL, 1))
    live._hear(Events(SCHOOL, LOCAL, 1, [entry(1, code=250)]))
    live._hear(Watching(SCHOOL, LOCAL, 1))


async def test_a_reason_that_only_another_hosts_release_knows_ends_nobody(live: Live) -> None:
    room = live._room(SCHOOL)
    live._hear(Watching(SCHOOL, LOCAL, 1))
    remote = Remote(None, live._hear_other_host, lambda: None)
    for first, code in ((1, 250), (1, 0)):
        message: ToScreens = Events(SCHOOL, OTHER, first, [entry(first, code=code)])
        remote._take({"type": "message", "data": OTHER + msgspec.msgpack.encode(message)})
    assert room.stream.following[OTHER] == 2


async def test_a_room_does_not_end_under_a_screen_that_is_about_to_join(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = screen_on(Wire()), screen_on(wire := Wire())
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(module, "SYNC_SECONDS", 0.05)  # the recorder is away all the while
    await live.join(first, SCHOOL, None)
    live.leave(first, SCHOOL)
    await live.join(second, SCHOOL, None)
    assert live._rooms[SCHOOL].audience.in_step == {second: None}
    live._hear(Watching(SCHOOL, LOCAL, 1))
    live._hear(Events(SCHOOL, LOCAL, 1, [entry(1)]))
    assert len(ids(wire)) == 1


async def test_who_asked_a_recorder_that_is_gone_is_not_kept_waiting(live: Live) -> None:
    sent: list[Any] = []
    recorder = live._recorder
    recorder._transport = cast("asyncio.Transport", Wire())
    recorder.recorder_id = LOCAL
    recorder.send = sent.append  # type: ignore[assignment, method-assign]
    asking = asyncio.create_task(live._past._ask(SCHOOL, LOCAL, 3, 5))
    await until(lambda: sent)
    live._watch_again()
    assert (await asking).reached == 3
    live._hear(Fetched(1, [entry(1)]))  # too late: nobody waits for it


async def test_numbers_that_were_never_given_hold_nobody_up(live: Live) -> None:
    sent: list[Any] = []
    wire, recorder = Wire(), live._recorder
    recorder._transport = cast("asyncio.Transport", Wire())
    recorder.recorder_id = LOCAL
    recorder.send = sent.append  # type: ignore[assignment, method-assign]
    live._room(SCHOOL).audience.add(screen_on(wire))
    live._hear(Watching(SCHOOL, LOCAL, 3))
    sent.clear()
    live._hear(Watching(SCHOOL, LOCAL, 100_003))
    await until(lambda: sent)
    live._hear(Fetched(sent[0].ask, [], 100_003))
    live._hear(Events(SCHOOL, LOCAL, 100_003, [entry(1)]))
    await until(lambda: ids(wire))
    assert live._rooms[SCHOOL].stream.following[LOCAL] == 100_004


async def test_amended_events_are_told_to_all(live: Live) -> None:
    wire = Wire()
    room = live._room(SCHOOL)
    live._hear(Watching(SCHOOL, LOCAL, 1))
    room.audience.add(screen_on(wire))
    scan = entry(1)
    live._hear(Events(SCHOOL, LOCAL, 1, [scan]))
    later = [entry(1, flags=int(Flag.amends | Flag.annulled)), entry(2)]
    live._hear(Events(SCHOOL, LOCAL, 2, later))
    names = [name for name, _ in messages(bytes(wire.written))]
    assert names == ["events", "amended", "events"]
    cursors = [read_cursor(body["cursor"]).following[LOCAL] for _, body in messages(bytes(wire.written))]
    assert cursors == [2, 3, 4]


async def test_a_screen_that_joined_before_all_was_known_is_given_a_cursor_that_names_all(
    live: Live, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
    wire = Wire()
    log.error = StoreUnavailable("away")
    log.answers[SCHOOL] = {OTHER: 30}
    room = live._room(SCHOOL)
    live._hear(Watching(SCHOOL, LOCAL, 1))
    room.audience.add(screen_on(wire))
    following = asyncio.create_task(live._follow_log())
    log.error = None
    await until(lambda: wire.written or following.done())
    following.cancel()
    ((name, body),) = messages(bytes(wire.written))
    assert (name, body["events"]) == ("events", [])
    cursor = read_cursor(body["cursor"])
    assert cursor.complete
    assert cursor.following == {LOCAL: 1, OTHER: 31}
