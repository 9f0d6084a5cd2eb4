"""Redis or Valkey clients, with the time-outs that their use needs.

Redis is never needed for a decision: whoever calls it must live without it. Errors that mean "away" are in `AWAY`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["AWAY", "PubSub", "Redis", "RedisError", "live_channel", "open_redis", "ping", "watch_channel", "watches"]

#: What a command raises when the server cannot be reached or does not answer in time.
AWAY: tuple[type[Exception], ...] = (RedisConnectionError, RedisTimeoutError, OSError)

WATCHES = "hub:watch:"


def open_redis(url: str, *, timeout: float | None = 2.0, connect_timeout: float = 2.0) -> Redis:
    """A client that connects on first use; `await client.aclose()` ends it. Replies are bytes.

    `timeout`: seconds that one reply may take. A subscriber passes None, because a channel may be silent for hours
    and a read that times out would reconnect for ever. A failed command is not repeated: it may have been carried out.
    """
    # A unix socket knows no keepalive, and redis-py refuses the word.
    tcp = {} if url.startswith("unix:") else {"socket_keepalive": True}
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=connect_timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
        **tcp,
    )
    pool = client.connection_pool
    pool.connection_class = _CANCELLABLE[pool.connection_class]
    return client


class _Cancellable(AbstractConnection):
    """redis-py sends each command in an `asyncio.wait_for`, and that of Python 3.11 loses a cancellation which comes
    when the command has left (python/cpython#86296): a task that was to end goes on, and who ended it waits for ever.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeoutError("the command could not be sent in time") from None
        finally:
            self.socket_timeout = limit


class _Tcp(_Cancellable, Connection):
    pass


class _Tls(_Cancellable, SSLConnection):
    pass


class _Unix(_Cancellable, UnixDomainSocketConnection):
    pass


_CANCELLABLE: dict[Any, type[_Cancellable]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


def live_channel(school: bytes) -> str:
    """Where the events of a school go from host to host."""
    return f"hub:live:{school.hex()}"


def watch_channel(school: bytes, recorder: bytes) -> str:
    """Subscribed to, and never published to: whoever lists the channels sees that a host's screens watch the school."""
    return f"{WATCHES}{school.hex()}:{recorder.hex()}"


async def watches(r: Redis) -> dict[bytes, set[bytes]]:
    """School → recorders of the hosts whose screens watch it."""
    found: dict[bytes, set[bytes]] = {}
    for channel in await r.pubsub_channels(f"{WATCHES}*"):
        name = channel if isinstance(channel, str) else channel.decode()
        school, _, recorder = name.removeprefix(WATCHES).partition(":")
        found.setdefault(bytes.fromhex(school), set()).add(bytes.fromhex(recorder))
    return found


async def ping(r: Redis, within: float = 1.0) -> bool:
    """True when the server answers `within` so many seconds."""
    try:
        async with asyncio.timeout(within):
            return bool(await r.ping())
    except (RedisError, OSError, TimeoutError):
        return False
