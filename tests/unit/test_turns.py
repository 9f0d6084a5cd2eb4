"""Requests that come at once are begun one by one; between two of them, the event loop serves what else there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from hub.config import load_settings
from hub.rest.client import Clients
from hub.rest.stack import Stack
from hub.rest.turns import Turns

MANY = 50


def clock() -> Callable[[], int]:
    """Counts the turns of the loop from now on."""
    loop = asyncio.get_running_loop()
    turn = 0

    def tick() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(tick)

    tick()
    return lambda: turn


async def test_one_in_a_turn_of_the_loop_in_order() -> None:
    turns, now = Turns(), clock()
    begun: list[tuple[int, int]] = []

    async def ask(number: int) -> None:
        await turns.next()
        begun.append((number, now()))

    await asyncio.gather(*(ask(number) for number in range(MANY)))
    assert [number for number, _ in begun] == list(range(MANY))
    assert len({turn for _, turn in begun}) == MANY


async def test_who_goes_away_holds_up_nobody() -> None:
    turns = Turns()
    waiting = [asyncio.create_task(turns.next()) for _ in range(MANY)]
    await asyncio.sleep(0)
    for task in waiting[: MANY - 1]:
        task.cancel()
    async with asyncio.timeout(5):
        await waiting[-1]
        await turns.next()
    assert [task.cancelled() for task in waiting] == [True] * (MANY - 1) + [False]


async def test_requests_are_begun_one_by_one() -> None:
    now = clock()
    begun: list[int] = []

    async def handler(_: web.Request) -> web.StreamResponse:
        begun.append(now())
        return web.Response()

    dressed = Stack(load_settings(), Clients([])).dress(handler, "/somewhere")
    await asyncio.gather(*(dressed(make_mocked_request("GET", "/somewhere")) for _ in range(MANY)))
    assert len(set(begun)) == len(begun) == MANY
