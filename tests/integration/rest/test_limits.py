"""Rate limits: by address and by identity, on Redis for all workers, in memory when it is away."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from hub.accounts.identity import Identity
from hub.config import Settings
from hub.errors import TooManyRequests
from hub.resources import declared_routes
from hub.rest import limiter
from hub.rest.client import Client
from hub.rest.limiter import HEADERS, MOST_KEYS, Limiter, LocalCounts
from hub.rest.route import SIGNED_IN, Route
from tests.integration.rest.site import site_running
from tests.integration.rest.small import ROUTES, Looking, Made, look

HELLO = "/api/v1/hello"


class Request(dict[Any, Any]):
    """Where the limiter leaves its headers."""


def client(address: str | None = None) -> Client:
    return Client(address or f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1", None, False, "")


async def spend(limiter: Limiter, who: Client, count: int) -> int:
    """How many of `count` requests were let through."""
    passed = 0
    for _ in range(count):
        try:
            await limiter.check(Request(), None, who)  # type: ignore[arg-type]
        except TooManyRequests:
            continue
        passed += 1
    return passed


async def test_an_address_has_its_share_and_hears_when_there_is_more(settings: Callable[..., Settings]) -> None:
    async with site_running(settings(rate_anonymous=3, rate_signed_in=2), ROUTES) as site:
        for left in (2, 1, 0):
            answer = await site.ask("GET", HELLO)
            assert (answer.status, answer.headers["RateLimit-Remaining"]) == (200, str(left))
            assert answer.headers["RateLimit-Policy"] == "3;w=900"
        refused = await site.ask("GET", HELLO)
        assert (refused.status, refused.json["statusCode"]) == (429, 429)
        assert 0 < int(refused.headers["Retry-After"]) <= 900
        assert refused.headers["RateLimit-Remaining"] == "0"
        token = site.token()  # known people do not pay for their address
        assert [(await site.ask("GET", "/api/v1/looking", token)).status for _ in range(3)] == [200, 200, 429]
        assert (await site.ask("GET", "/api/v1/looking", site.token(school="far"))).status == 200


async def test_faces_are_counted_by_themselves(settings: Callable[..., Settings]) -> None:
    """A guard's page shows many in a rush, and then has to answer still."""
    faces = Route("GET", "/faces", look, summary="f", permission=SIGNED_IN, query=Looking, answer=Made, faces=True)
    async with site_running(settings(rate_signed_in=2, rate_faces=3), [*ROUTES, faces]) as site:
        token = site.token()
        assert [(await site.ask("GET", "/api/v1/faces", token)).status for _ in range(4)] == [200] * 3 + [429]
        assert [(await site.ask("GET", "/api/v1/looking", token)).status for _ in range(3)] == [200] * 2 + [429]
    shown = [str(route) for route in declared_routes() if route.faces]
    assert shown == ["GET /students/{id}/photo"]


async def test_tokens_cannot_be_guessed_for_long(settings: Callable[..., Settings]) -> None:
    async with site_running(settings(rate_anonymous=5), ROUTES) as site:
        answers = [(await site.ask("GET", "/api/v1/looking", f"guess-{n}")).status for n in range(7)]
        assert answers == [401] * 5 + [429] * 2
        # No table is asked for what nobody knows; whoever is known goes on.
        assert site.people.asked == [f"guess-{n}" for n in range(5)]
        assert (await site.ask("GET", "/api/v1/looking", site.token())).status == 200


async def test_workers_count_together_on_redis(
    settings: Callable[..., Settings], valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "REDIS_SECONDS", 60.0)
    own = settings(rate_anonymous=10, redis_url=valkey)
    one, two, who = Limiter(own, lambda: True), Limiter(own, lambda: True), client()
    try:
        assert await spend(one, who, 6) == 6
        assert await spend(two, who, 6) == 4
    finally:
        await one.close()
        await two.close()


async def test_what_one_person_asks_is_told_to_the_other_workers(
    settings: Callable[..., Settings], valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "REDIS_SECONDS", 60.0)
    own = settings(rate_signed_in=10, redis_url=valkey)
    one, two = Limiter(own, lambda: True), Limiter(own, lambda: True)
    person = Identity(uuid4(), None, "staff", frozenset(), uuid4())
    for _ in range(4):
        await one.check(Request(), person, client())  # type: ignore[arg-type]
    await one.close()
    request = Request()
    await two.check(request, person, client())  # type: ignore[arg-type]
    await two.close()
    await two.check(request, person, client())  # type: ignore[arg-type]
    assert request[HEADERS]["RateLimit-Remaining"] == "4"


async def test_redis_away_is_no_open_door_and_no_wait(settings: Callable[..., Settings]) -> None:
    """A port that takes connections and says nothing: the first request finds out, the rest do not ask."""
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        own = settings(rate_anonymous=10, redis_url=f"redis://127.0.0.1:{mute.getsockname()[1]}")
        limiter = Limiter(own, lambda: True)
        try:
            assert await spend(limiter, client("192.0.2.1"), 30) == 10
            mute.setblocking(False)
            asked = 0
            while True:
                try:
                    mute.accept()[0].close()
                except BlockingIOError:
                    break
                asked += 1
            assert asked == 1
        finally:
            await limiter.close()


async def test_a_new_window_begins_for_everybody_at_once(settings: Callable[..., Settings]) -> None:
    now = [1000.0]
    limiter = Limiter(settings(rate_anonymous=1, rate_window=10), lambda: False, clock=lambda: now[0])
    who = client("192.0.2.1")
    assert await spend(limiter, who, 2) == 1
    now[0] = 1009.9
    with pytest.raises(TooManyRequests) as refused:
        await limiter.check(Request(), None, who)  # type: ignore[arg-type]
    assert refused.value.retry_after == 1
    now[0] = 1010.0
    assert await spend(limiter, who, 2) == 1


async def test_a_customer_with_many_ipv6_addresses_is_one(settings: Callable[..., Settings]) -> None:
    limiter = Limiter(settings(rate_anonymous=2), lambda: False)
    assert await spend(limiter, client("2001:db8::1"), 2) == 2
    assert await spend(limiter, client("2001:db8::2"), 2) == 0
    assert await spend(limiter, client("2001:db8:0:1::2"), 2) == 2


def test_memory_has_a_bound() -> None:
    counts = LocalCounts()
    for number in range(MOST_KEYS + 10):
        counts.hit(str(number), 1)
    assert counts.hit("0", 1) == 1
    assert counts.hit(str(MOST_KEYS), 1) == 2
