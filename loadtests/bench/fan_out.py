"""One school with a thousand screens: from when a batch was due to its arrival, on ours and on Node's, in turn.

Both servers are one process on the server's core, and stamp a batch with its time on the monotonic clock; the screens,
one process on the other core, read the same clock. Ours is the worker's live stream as it is (hub/live), with
the batches put in where the recorder's come in.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import AbstractContextManager
from statistics import median
from typing import Any

import uvloop

from loadtests.bench import peers
from loadtests.bench.fan_out_server import DOORS
from loadtests.bench.screens import Audience, Screen, close, connect
from loadtests.bench.world import World, cpu_seconds

SCREENS = 1_000
BATCH = 10
BATCHES_A_SECOND = 20
WARM_UP, SETTLE = 1.0, 15
TOKEN = "bench"
OURS_PORT, NODE_PORT = 19_106, 19_107


def ours(port: int, url: str) -> AbstractContextManager[int]:
    """The live stream of a worker, and a clock that makes the batches."""
    more = [str(port), url, str(BATCH), str(BATCHES_A_SECOND)]
    return peers.serving([sys.executable, "-m", "loadtests.bench.fan_out_server", *more], port)


def measure(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    """Arrivals after the stamp, per round; `bytes`: what a batch weighs on the wire."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "node": []}
    peers.allow_descriptors()
    with ours(OURS_PORT, place.url) as own, peers.node_screens(NODE_PORT, BATCH, BATCHES_A_SECOND, DOORS) as node:
        for number in range(rounds):
            found["ours"].append(_round(OURS_PORT, own, seconds))
            found["node"].append(_round(NODE_PORT, node, seconds))
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['p99'] * 1e3:.1f} ms" for k, v in found.items()))
    return {**found, "screens": SCREENS, "batch": BATCH, "rate": BATCHES_A_SECOND, "versions": peers.versions()}


def _round(port: int, pid: int, seconds: float) -> dict[str, float]:
    gc.disable()  # a pause of the measuring process would look like one of the server
    try:
        return uvloop.run(_watch(port, pid, seconds))
    finally:
        gc.enable()


async def _watch(port: int, pid: int, seconds: float) -> dict[str, float]:
    audience = Audience()
    screens = await connect(port, TOKEN, SCREENS, audience)
    await _settle(audience, screens)
    audience.arrivals.clear()
    shown = [screen.events for screen in screens]
    gc.collect()
    before = cpu_seconds([pid])
    await asyncio.sleep(seconds)
    cpu = cpu_seconds([pid]) - before
    arrivals = [(now, batch) for now, batch in audience.arrivals if batch.ids]
    grown = [screen.events - then for screen, then in zip(screens, shown, strict=True)]
    await close(screens)
    if audience.lost or min(grown) < max(grown) / 2:
        raise RuntimeError(f"screens were left out: {min(grown)} to {max(grown)} events, {audience.lost[:3]}")
    delays = sorted(now - batch.stamp for now, batch in arrivals)
    return {
        "p50": delays[len(delays) // 2],
        "p99": delays[int(len(delays) * 0.99)],
        "bytes": arrivals[-1][1].size,
        "rate": len(arrivals) / seconds,
        "cpu_us": cpu / len(arrivals) * 1e6,
    }


async def _settle(audience: Audience, screens: list[Screen]) -> None:
    """Until every screen is shown batches and what piled up while they joined is gone, or that takes too long."""
    for _ in range(SETTLE):
        await asyncio.sleep(WARM_UP)
        newest = [now - batch.stamp for now, batch in audience.arrivals[-SCREENS:] if batch.ids]
        if newest and median(newest) < 1 / BATCHES_A_SECOND and all(screen.events for screen in screens):
            return
