"""Screens on a whole hub: how soon a scan is on them, what they cost the scans, what one gets that was away.

One worker and the recorder share the server's core. The screens of the cost are a process of their own, which yields to
the one that measures: both are on the client's core, and what the screens cost there is not the hub's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import uvloop

from loadtests.bench.pace import Paced, Scan
from loadtests.bench.screens import Audience, close, connect
from loadtests.bench.world import ADMIN, SIDE, SIDE_ADMIN, Crowd, World, sign_in, wait_ready

PORT = 19_108
DOORS, SIDE_DOORS = 64, 16
FEW, MANY = 50, 200
SCANS_A_SECOND, BUSY_SCANS_A_SECOND = 200, 2_000
MISSED = 10_000
WARM_UP, REST_SECONDS, LATE_SECONDS, PATIENCE_SECONDS = 1.0, 1.0, 0.5, 60.0


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


# Scan → screen


def soon(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    """From the moment a scan was due at its door to each screen's arrival."""
    with place.serving(PORT):
        found = [uvloop.run(_watch_scans(place.crowd, seconds)) for _ in range(rounds)]
    return {"rounds": found, "screens": FEW, "rate": SCANS_A_SECOND}


async def _watch_scans(crowd: Crowd, seconds: float) -> dict[str, float]:
    audience = Audience()
    screens = await connect(PORT, sign_in(PORT, ADMIN), FEW, audience)
    await Paced(PORT, crowd, connections=DOORS, rate=SCANS_A_SECOND).run(WARM_UP)
    scans = await Paced(PORT, crowd, connections=DOORS, rate=SCANS_A_SECOND).run(seconds)
    await _heard(audience, len(scans) * FEW, {scan.id for scan in scans})
    await close(screens)
    if audience.lost:
        raise RuntimeError(f"screens were lost: {audience.lost[:3]}")
    of = {scan.id: scan for scan in scans}
    seen = [(now, of[id_]) for now, batch in audience.arrivals for id_ in batch.ids if id_ in of]
    shown = [now - scan.due for now, scan in seen]
    after = [now - scan.answered for now, scan in seen]
    return {
        "p50": median(shown),
        "p99": quantile(shown, 0.99),
        "after_answer_p50": median(after),
        "after_answer_p99": quantile(after, 0.99),
    }


async def _heard(audience: Audience, count: int, wanted: set[str]) -> None:
    """Until all screens together were shown the wanted ones `count` times, and not once more."""

    def shown() -> int:
        return sum(len(wanted.intersection(batch.ids)) for _, batch in audience.arrivals)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (so_far := shown()) < count:
            audience.changed.clear()
            await audience.changed.wait()
            await asyncio.sleep(0.05)
    if so_far != count:
        raise RuntimeError(f"screens were shown {so_far} scans, not {count}")


# What screens cost the scans


def cost(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    """HTTP verify at a fixed rate in two schools: without screens, with many of the side school, with many of the large
    one, where each scan is on each screen."""
    found: dict[str, list[dict[str, float]]] = {"none": [], "many": [], "flooded": []}
    with place.serving(PORT):
        for number in range(rounds):
            found["none"].append(_ask(place.crowd, seconds))
            for what, email in (("many", SIDE_ADMIN), ("flooded", ADMIN)):
                time.sleep(REST_SECONDS)
                with _screens_apart(MANY, sign_in(PORT, email)) as lost:
                    found[what].append(_ask(place.crowd, seconds))
                found[what][-1]["lost"] = len(lost)
                if lost and what == "many":
                    raise RuntimeError(f"screens were lost: {lost[:3]}")
            time.sleep(REST_SECONDS)
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['p99'] * 1e3:.1f} ms" for k, v in found.items()))
    return {**found, "screens": MANY, "rate": BUSY_SCANS_A_SECOND, "side_rate": SCANS_A_SECOND}


def _ask(crowd: Crowd, seconds: float) -> dict[str, float]:
    async def ask(seconds: float) -> list[Scan]:
        large = Paced(PORT, crowd, connections=DOORS, rate=BUSY_SCANS_A_SECOND - SCANS_A_SECOND)
        side = Paced(PORT, SIDE, connections=SIDE_DOORS, rate=SCANS_A_SECOND)
        both = await asyncio.gather(large.run(seconds), side.run(seconds))
        return [*both[0], *both[1]]

    async def warm_up_and_ask() -> list[Scan]:
        await ask(WARM_UP)
        return await ask(seconds)

    waited = [scan.answered - scan.due for scan in uvloop.run(warm_up_and_ask())]
    return {"p50": median(waited), "p99": quantile(waited, 0.99)}


@contextmanager
def _screens_apart(count: int, token: str) -> Iterator[list[str]]:
    """A process of screens. Afterwards the list says why some were lost, if they were."""
    lost: list[str] = []
    command = [sys.executable, "-m", "loadtests.bench.screens", str(PORT), token, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as screens:
        assert screens.stdin is not None
        assert screens.stdout is not None
        if screens.stdout.readline() != "ready\n":
            raise RuntimeError("the screens did not join")
        yield lost
        screens.stdin.close()
        heard = json.loads(screens.stdout.readline())
    lost += heard["lost"]
    if not heard["least"]:
        raise RuntimeError(f"a screen was shown nothing: {heard}")


# What a screen gets that was away


def resume(place: World, rounds: int) -> dict[str, Any]:
    """Seconds from connecting to the last missed event: from memory, and after worker and recorder were killed."""
    found: dict[str, list[float]] = {"memory": [], "killed": []}
    with place.serving(PORT):
        for number in range(rounds):
            for what, seconds in found.items():
                token = sign_in(PORT, ADMIN)
                cursor, expected = uvloop.run(_miss(place.crowd, token))
                if what == "killed":
                    _kill(place)
                seconds.append(uvloop.run(_come_back(token, cursor, expected)))
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]:.2f} s" for k, v in found.items()))
    return {**found, "missed": MISSED}


async def _miss(crowd: Crowd, token: str) -> tuple[str, list[str]]:
    """A screen's cursor, and the ids of what it missed."""
    audience = Audience()
    (screen,) = await connect(PORT, token, 1, audience)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not audience.arrivals:
            audience.changed.clear()
            await audience.changed.wait()
    await close([screen])
    pace = Paced(PORT, crowd, connections=DOORS, rate=BUSY_SCANS_A_SECOND)
    scans = await pace.run(MISSED / BUSY_SCANS_A_SECOND)
    return audience.arrivals[-1][1].cursor, [scan.id for scan in scans]


def _kill(place: World) -> None:
    """Worker and recorder at once; returns when others are ready in their places."""
    before = place.processes(PORT)
    gone = {before["recorder"], *before["workers"]}
    for pid in gone:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = place.processes(PORT)
        pids = [now["recorder"], *now["workers"]]
        if all(pids) and not gone.intersection(pids):
            wait_ready(PORT)
            return
        time.sleep(0.05)
    raise RuntimeError("the killed processes were not replaced")


async def _come_back(token: str, cursor: str, expected: list[str]) -> float:
    """Seconds until all of `expected` came; each has to come once, and nothing else."""
    audience = Audience()
    started = time.monotonic()
    (screen,) = await connect(PORT, token, 1, audience, cursor)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while screen.events < len(expected):
            audience.changed.clear()
            await audience.changed.wait()
    seconds = audience.arrivals[-1][0] - started
    await asyncio.sleep(LATE_SECONDS)
    await close([screen])
    ids = [id_ for _, batch in audience.arrivals for id_ in batch.ids]
    if sorted(ids) != sorted(expected) or audience.resets:
        raise RuntimeError(f"{len(ids)} events came, {len(set(ids))} different, {audience.resets} resets")
    return seconds
