"""What people cost: the shell around one item, against the bare query; and a flood of sign-ins, against the scans."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import Any

import uvloop

from loadtests.bench import scans
from loadtests.bench.clients import HttpLoop, Result
from loadtests.bench.live import quantile
from loadtests.bench.pace import Paced, Scan
from loadtests.bench.world import ADMIN, POINTS, Crowd, World, sign_in

SHELL_PORT, ITEM_PORT, FLOOD_PORT = 19_111, 19_112, 19_113
CLIENTS = 16
DOORS, SCANS_A_SECOND = 64, 1_000
ADDRESSES = 50
REST_SECONDS, WARM_UP = 1.0, 1.0
UNLIMITED = {"HUB_RATE_ANONYMOUS": "1000000000", "HUB_RATE_SIGNED_IN": "1000000000"}


# The shell


def shell(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    """GET of one access point: through everything that a request of a person passes, and without."""
    found: dict[str, list[dict[str, float]]] = {"bare": [], "shell": []}
    with scans.limit("item", ITEM_PORT, place.url) as bare, place.serving(SHELL_PORT, 1, **UNLIMITED) as hub:
        own = [int(str(hub["supervisor"]))]
        for number in range(rounds):
            asking = _asking(sign_in(SHELL_PORT, ADMIN))
            found["bare"].append(scans.run(asking, ITEM_PORT, CLIENTS, [bare], seconds))
            found["shell"].append(scans.run(asking, SHELL_PORT, CLIENTS, own, seconds))
            time.sleep(REST_SECONDS)
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['rate']:,.0f}/s" for k, v in found.items()))
    return {**found, "clients": CLIENTS}


def _asking(token: str) -> Callable[[int, Result], HttpLoop]:
    def make(number: int, result: Result) -> HttpLoop:
        turn = count(number)

        def request() -> bytes:
            return (
                b"GET /api/v1/access-points/00000003-0000-7000-8000-%012x HTTP/1.1\r\nHost: localhost\r\n"
                b"Authorization: Bearer %b\r\n\r\n" % (next(turn) % POINTS, token.encode())
            )

        return HttpLoop(request, b'"accessType"', result)

    return make


# A flood of sign-ins


def flood(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    """HTTP verify at a fixed rate, alone and while people sign in from many addresses as fast as they are let in."""
    found: dict[str, list[dict[str, float]]] = {"alone": [], "flooded": []}
    with place.serving(FLOOD_PORT, 1, **UNLIMITED):
        for number in range(rounds):
            found["alone"].append(_ask(place.crowd, seconds))
            time.sleep(REST_SECONDS)
            with _people_apart() as heard:
                found["flooded"].append(_ask(place.crowd, seconds))
            if not heard["signed_in"]:
                raise RuntimeError(f"nobody was let in: {heard}")
            found["flooded"][-1] |= heard
            time.sleep(REST_SECONDS)
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['p99'] * 1e3:.1f} ms" for k, v in found.items()))
    return {**found, "addresses": ADDRESSES, "rate": SCANS_A_SECOND}


def _ask(crowd: Crowd, seconds: float) -> dict[str, float]:
    async def ask() -> list[Scan]:
        await Paced(FLOOD_PORT, crowd, connections=DOORS, rate=SCANS_A_SECOND).run(WARM_UP)
        return await Paced(FLOOD_PORT, crowd, connections=DOORS, rate=SCANS_A_SECOND).run(seconds)

    waited = [scan.answered - scan.due for scan in uvloop.run(ask())]
    return {"p50": median(waited), "p99": quantile(waited, 0.99)}


@contextmanager
def _people_apart() -> Iterator[dict[str, float]]:
    """A process of people who sign in. Afterwards the dict says how many sign-ins a second there were."""
    heard: dict[str, float] = {}
    command = [sys.executable, "-m", "loadtests.bench.flood", str(FLOOD_PORT), str(ADDRESSES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as people:
        assert people.stdin is not None
        assert people.stdout is not None
        if people.stdout.readline() != "ready\n":
            raise RuntimeError("the people are not there")
        began = time.monotonic()
        yield heard
        people.stdin.close()
        elapsed = time.monotonic() - began
        heard |= {what: number / elapsed for what, number in json.loads(people.stdout.readline()).items()}
