"""Redis or Valkey, which carries events to other hosts: there, recent enough, and passing on what is published."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import Any

from hub.config import Settings, variable
from hub.store.redis import AWAY, Redis, RedisError, open_redis
from hub.supervisor.doctor.address import ESCAPE, UNREADABLE, read_place, resolves
from hub.supervisor.doctor.findings import Notes, lasting
from hub.supervisor.doctor.program import numbers

ANSWER_SECONDS = 2.0
# The first without a published vulnerability.
LEAST = {"Valkey": "9", "Redis": "8.6.3"}
NAME = variable("redis_url")


async def examine(settings: Settings, bad: dict[str, str], notes: Notes) -> None:
    if settings.redis_url is None:
        if NAME in bad:
            notes.skip("address", f"{NAME} cannot be used")
        else:
            notes.right("address", f"{NAME} is not set: events stay on this host, which is all there is to one host")
        return
    url = settings.redis_url.get_secret_value()
    place = read_place(url)
    if place is None:
        notes.fault("address", UNREADABLE, ESCAPE)
    elif not await resolves(place):
        notes.fault("address", f"the host name {place.host} is not known here", f"correct it in {NAME}")
    else:
        await _ask(url, place.text, notes)


async def _ask(url: str, where: str, notes: Notes) -> None:
    try:
        client = open_redis(url, timeout=ANSWER_SECONDS, connect_timeout=ANSWER_SECONDS)
    except ValueError:  # its text may quote a piece of the password
        notes.fault("address", UNREADABLE, ESCAPE)
        return
    async with aclosing(client):
        try:
            async with asyncio.timeout(ANSWER_SECONDS * 2):
                judge_version(await client.info("server"), where, notes)
                await _pass_on(client, notes)
        except AWAY as error:
            says = f"{where}: {'no answer in time' if isinstance(error, TimeoutError) else _plainly(error)}"
            notes.fault(
                "answers",
                says,
                f"start it, or correct {NAME}; meanwhile screens see this host's events alone",
            )
        except RedisError as error:
            do = f"see whether {NAME} leads to Redis or Valkey, as a user who may INFO, PUBLISH and SUBSCRIBE"
            notes.fault("answers", f"{where}: {error}", do)


def _plainly(error: Exception) -> str:
    text = str(error)
    if "Errno 111" in text or "Error 111" in text or "refused" in text or "No such file" in text:
        return "nothing listens there"
    return text


def judge_version(info: dict[str, Any], where: str, notes: Notes) -> None:
    """`info`: the section `server` of INFO. Valkey gives a Redis version too, for old clients: it does not count."""
    kind = "Valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "Redis"
    version = str(info.get(f"{kind.lower()}_version", ""))
    if numbers(version) < numbers(LEAST[kind]):
        notes.warn(
            "version",
            f"{kind} {version or 'of an unknown version'} at {where}; below {LEAST[kind]} it has published holes",
            "upgrade it",
            version=version,
        )
    else:
        notes.right("version", f"{kind} {version} at {where}", version=version)


async def _pass_on(client: Redis, notes: Notes) -> None:
    """A message from one connection to another."""
    channel = f"hub:doctor:{token_hex(8)}"
    async with client.pubsub() as listening:
        await listening.subscribe(channel)
        await listening.get_message(timeout=ANSWER_SECONDS)  # that it is subscribed
        started = time.perf_counter()
        await client.publish(channel, b"")
        message = await listening.get_message(timeout=ANSWER_SECONDS)
        seconds = time.perf_counter() - started
        with suppress(RedisError):
            await listening.unsubscribe(channel)
    if message is None or message["type"] != "message":
        notes.fault("events", "what was published did not arrive", f"have {NAME} lead to one server, not to a proxy")
    else:
        notes.right("events", f"a message arrived after {lasting(seconds)}", milliseconds=round(seconds * 1000, 3))
