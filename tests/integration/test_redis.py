"""Redis clients: what is asked is answered or away, and a cancelled command leaves no answer for the next."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from hub.store.redis import AWAY, PubSub, Redis, open_redis, ping
from tests.services import running_valkey


async def test_a_command_is_answered(valkey: str) -> None:
    client = open_redis(valkey)
    key = uuid4().hex
    try:
        assert await ping(client)
        assert await client.set(key, "1")
        assert await client.get(key) == b"1"
    finally:
        await client.aclose()


async def test_a_cancelled_command_does_not_answer_the_next_one(valkey: str) -> None:
    client = open_redis(valkey)
    random = Random(7)
    names = [uuid4().hex for _ in range(20)]
    try:
        for name in names:
            await client.set(name, name)
        for turn in range(300):
            task = asyncio.create_task(ask(client, names[turn % 20]))
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            other = names[(turn + 1) % 20]
            assert await client.get(other) == other.encode()
    finally:
        await client.aclose()


async def test_who_is_cancelled_while_it_asks_ends(valkey: str) -> None:
    """asyncio.wait_for of Python 3.11 loses a cancellation: then a process that was to end never did."""
    for turns in range(60):
        client = open_redis(valkey)
        asking = asyncio.create_task(ask_for_ever(client))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        _, still = await asyncio.wait([asking], timeout=10)
        asking.cancel()
        assert not still, f"cancelled in turn {turns} of the loop, it went on"
        await client.aclose()


async def ask_for_ever(client: Redis) -> None:
    while True:
        await client.ping()


async def test_a_command_that_cannot_be_sent_ends_in_time() -> None:
    """The server reads no more, and what lies between is full."""
    with running_valkey() as url:
        client = open_redis(url, timeout=0.2)
        frozen = (await client.info("server"))["process_id"]
        os.kill(frozen, signal.SIGSTOP)
        try:
            with pytest.raises(AWAY):
                await client.set("much", bytes(1 << 26))
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert await ping(client)
        await client.aclose()


async def ask(client: Redis, key: str) -> object:
    return await client.get(key)


async def test_a_silent_channel_is_not_a_lost_one(valkey: str) -> None:
    """Whoever subscribes without a time-out waits for longer than commands do."""
    commands, subscriber = open_redis(valkey, timeout=60.0), open_redis(valkey, timeout=None)
    channel = uuid4().hex
    try:
        async with subscriber.pubsub() as listening:
            await listening.subscribe(channel)
            waiting = asyncio.create_task(first_message(listening))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await commands.publish(channel, b"x")
            assert await waiting == b"x"
    finally:
        await commands.aclose()
        await subscriber.aclose()


async def first_message(listening: PubSub) -> bytes:
    async for message in listening.listen():
        if message["type"] == "message":
            return bytes(message["data"])
    raise AssertionError("the channel ended")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/valkey.sock"])
async def test_a_server_that_is_not_there_is_away(url: str) -> None:
    client = open_redis(url)
    assert not await ping(client)
    with pytest.raises(AWAY):
        await client.get("x")
    await client.aclose()


async def test_a_server_that_went_is_away() -> None:
    with running_valkey() as url:
        client = open_redis(url)
        assert await ping(client)
    assert not await ping(client)
    with pytest.raises(AWAY):
        await client.get("x")
    await client.aclose()


async def test_a_server_that_does_not_answer_is_away(tmp_path: Path) -> None:
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        client = open_redis(f"unix://{path}", timeout=0.05)
        assert not await ping(client)
        with pytest.raises(AWAY):
            await client.get("x")
        await client.aclose()
