"""How long a refused sign-in takes tells nothing about whether there is such an account.

Pairs of attempts, one after the other in turns, so that whatever else the machine does meets both alike; then a sign
test with a generous bound. Without the hash that is verified for nobody, the account is the slower one in every pair.
"""

from __future__ import annotations

import time

import pytest

from hub.accounts import throttle
from tests.integration.accounts.office import Office

PAIRS = 60
#: Of 60 fair coins so many fall one way less often than once in 10^7 runs.
FEWEST = 9


async def took(office: Office, email: str) -> float:
    body = {"email": email, "password": "certainly not this one"}
    started = time.perf_counter()
    assert (await office.one.ask("POST", "/auth/login", body=body)).status == 401
    return time.perf_counter() - started


@pytest.mark.parametrize("kind", ["active", "deactivated", "invited"])
async def test_an_account_and_none_take_the_same_time(
    office: Office, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(throttle, "FREE_FAILURES_OF_ADDRESS", 10_000)
    there = "staff@near.example"
    if kind == "deactivated":
        await office.fetch("UPDATE users SET is_active = false WHERE email = $1", there)
    elif kind == "invited":
        await office.fetch("UPDATE users SET password_hash = '' WHERE email = $1", there)
    for email in (there, "nobody@near.example") * 3:
        await took(office, email)
    slower = 0
    for turn in range(PAIRS):
        emails = [there, "nobody@near.example"]
        times = {email: await took(office, email) for email in (emails if turn % 2 else emails[::-1])}
        slower += times[there] > times["nobody@near.example"]
    assert FEWEST <= slower <= PAIRS - FEWEST
