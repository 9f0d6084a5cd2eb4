"""The bench's screens, which speak Socket.IO themselves, with npm's own server as the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from loadtests.bench.screens import Audience, close, connect
from tests.acceptance.node import NodeScript

pytestmark = pytest.mark.service


@pytest.fixture
def server() -> Iterator[NodeScript]:
    with NodeScript("server.mjs") as running:
        running.wait_lines("listening")
        yield running


def port(server: NodeScript) -> int:
    found: int = server.lines("listening")[0]["port"]
    return found


def batch(cursor: str, *ids: str, name: str = "") -> list[object]:
    events = [{"id": id_, "at": "1970-01-01T00:00:01.250000Z", "name": name} for id_ in ids]
    return ["events", {"cursor": cursor, "events": events}]


async def until_shown(audience: Audience, batches: int) -> None:
    async with asyncio.timeout(120):
        while len(audience.arrivals) < batches:
            audience.changed.clear()
            await audience.changed.wait()


async def test_every_screen_is_shown_every_batch(server: NodeScript) -> None:
    audience = Audience()
    screens = await connect(port(server), "t", 60, audience, "c0")
    server.tell(emit=["stats", {}])
    server.tell(emit=batch("c1", "a", "b"))
    server.tell(emit=batch("c2", "c", name="x" * 70_000))  # a length of eight bytes
    server.tell(emit=batch("c3"))
    await until_shown(audience, 180)
    assert [screen.events for screen in screens] == [3] * 60
    shown = {(tuple(batch.ids), batch.stamp, batch.cursor) for _, batch in audience.arrivals}
    assert shown == {(("a", "b"), 1.25, "c1"), (("c",), 1.25, "c2"), ((), 0.0, "c3")}
    assert server.lines("joined")[59]["auth"] == {"token": "t", "cursor": "c0"}
    await close(screens)
    assert audience.lost == []


async def test_a_screen_that_is_sent_away_is_not_forgotten(server: NodeScript) -> None:
    audience = Audience()
    screens = await connect(port(server), "t", 2, audience)
    server.tell(kick=True)
    async with asyncio.timeout(120):
        while len(audience.lost) < 2:
            audience.changed.clear()
            await audience.changed.wait()
    assert set(audience.lost) == {"41/live,"}
    await close(screens)


async def test_a_refusal_surfaces(server: NodeScript) -> None:
    with pytest.raises(RuntimeError, match="unknown_token"):
        await connect(port(server), "wrong", 1, Audience())
