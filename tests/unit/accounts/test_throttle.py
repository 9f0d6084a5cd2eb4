"""Whoever guesses is slowed down; whose account it is gets in, whatever a stranger does."""

from __future__ import annotations

import asyncio

import pytest

from hub.accounts.throttle import (
    FREE_CODES,
    FREE_FAILURES,
    FREE_FAILURES_OF_ADDRESS,
    LETTERS_AN_HOUR,
    LONGEST_WAIT,
    WAITING_OF_ADDRESS,
    Throttle,
)
from hub.errors import TooManyRequests
from hub.store.redis import open_redis

OWNER, STRANGER = "10.0.0.1", "203.0.113.9"
WHO = "ada@near.example"


class Waits:
    """How long was waited, without waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def taken(self) -> float:
        total = sum(self.seconds)
        self.seconds.clear()
        return total


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture(params=["here", "away"])
async def throttle(request: pytest.FixtureRequest, waits: Waits) -> Throttle:
    """Counts in this process: without Redis, and with one that is away."""
    return Throttle(None if request.param == "here" else open_redis("unix:///nowhere/valkey.sock"), waits)


async def fail(throttle: Throttle, email: str, address: str, times: int) -> int:
    """How many of these attempts were let through."""
    through = 0
    for _ in range(times):
        try:
            await throttle.before(email, address)
        except TooManyRequests:
            continue
        await throttle.failed(email, address)
        through += 1
    return through


async def test_delays_grow_up_to_a_bound(throttle: Throttle, waits: Waits) -> None:
    seen = []
    for _ in range(12):
        await throttle.before(WHO, OWNER)
        seen.append(waits.taken())
        await throttle.failed(WHO, OWNER)
    assert seen[:FREE_FAILURES] == [0.0] * FREE_FAILURES
    assert seen[FREE_FAILURES:] == sorted(seen[FREE_FAILURES:])
    assert seen[FREE_FAILURES] > 0
    assert seen[-1] == LONGEST_WAIT


async def test_a_stranger_who_fails_for_ever_does_not_shut_the_owner_out(throttle: Throttle, waits: Waits) -> None:
    await throttle.succeeded(WHO, OWNER)  # has signed in from there before
    for number in range(300):
        await fail(throttle, WHO, f"203.0.113.{number % 250}", 4)
    waits.taken()
    await throttle.before(WHO, OWNER)
    assert waits.taken() == 0
    await throttle.before(WHO, "192.0.2.77")  # from somewhere new: a few seconds, and then the password counts
    assert 0 < waits.taken() <= LONGEST_WAIT
    await throttle.succeeded(WHO, "192.0.2.77")
    await throttle.before(WHO, "198.51.100.3")
    assert waits.taken() == 0


async def test_a_stranger_at_the_same_address_does_not_either(throttle: Throttle, waits: Waits) -> None:
    """A school is one address to the outside."""
    await throttle.succeeded(WHO, OWNER)
    await fail(throttle, WHO, OWNER, 200)
    for number in range(100):
        await fail(throttle, f"{number}@near.example", OWNER, 1)
    waits.taken()
    await throttle.before(WHO, OWNER)
    assert waits.taken() <= LONGEST_WAIT


async def test_an_address_that_tries_one_account_after_another_is_refused(throttle: Throttle) -> None:
    through = sum([await fail(throttle, f"{number}@near.example", STRANGER, 1) for number in range(200)])
    assert FREE_FAILURES_OF_ADDRESS <= through < 2 * FREE_FAILURES_OF_ADDRESS
    with pytest.raises(TooManyRequests) as refused:
        await throttle.before("another@near.example", STRANGER)
    assert 1 <= refused.value.retry_after <= 60
    await throttle.before("another@near.example", OWNER)


async def test_whether_there_is_an_account_makes_no_difference(throttle: Throttle, waits: Waits) -> None:
    seen = []
    for email in (WHO, "nobody@near.example"):
        await fail(throttle, email, STRANGER, 8)
        seen.append(waits.taken())
    assert seen[0] == seen[1] > 0


async def test_how_an_address_is_typed_makes_none_either(throttle: Throttle, waits: Waits) -> None:
    await fail(throttle, WHO, STRANGER, 6)
    waits.taken()
    await throttle.before(f" {WHO.upper()} ", STRANGER)
    assert waits.taken() > 0


async def test_few_wait_at_once_from_one_address() -> None:
    release = asyncio.Event()

    async def wait(_: float) -> None:
        await release.wait()

    throttle = Throttle(None, wait)
    for _ in range(FREE_FAILURES):
        await throttle.failed(WHO, STRANGER)
    waiting = [asyncio.create_task(throttle.before(WHO, STRANGER)) for _ in range(WAITING_OF_ADDRESS)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await throttle.before(WHO, STRANGER)
    release.set()
    await asyncio.gather(*waiting)
    await throttle.before(WHO, STRANGER)


async def test_codes_of_the_second_factor_are_refused_for_longer_and_longer(throttle: Throttle) -> None:
    refused = []
    for _ in range(FREE_CODES + 3):
        await throttle.code_failed(WHO)
        try:
            await throttle.before_code(WHO)
        except TooManyRequests as error:
            refused.append(error.retry_after)
    assert refused == sorted(refused)
    assert len(refused) >= 3
    for password_was_right in (throttle.succeeded, throttle.forget):
        await password_was_right(WHO, OWNER)
        with pytest.raises(TooManyRequests):
            await throttle.before_code(WHO)
    await throttle.code_accepted(WHO)
    await throttle.before_code(WHO)


async def test_nobodys_mailbox_is_filled(throttle: Throttle) -> None:
    allowed = [await throttle.may_mail(WHO) for _ in range(LETTERS_AN_HOUR + 3)]
    assert allowed == [True] * LETTERS_AN_HOUR + [False] * 3


async def test_all_hosts_count_together(valkey: str, waits: Waits) -> None:
    clients = [open_redis(valkey) for _ in range(2)]
    one, two = (Throttle(client, waits) for client in clients)
    email = f"{id(one)}@shared.example"
    try:
        await fail(one, email, STRANGER, FREE_FAILURES + 2)
        waits.taken()
        await two.before(email, STRANGER)
        assert waits.taken() > 0
        await two.forget(email, STRANGER)
        await one.before(email, STRANGER)
        assert waits.taken() == 0
        assert not [key for key in await clients[0].keys("hub:signin:*") if b"shared.example" in key]
    finally:
        for client in clients:
            await client.aclose()
