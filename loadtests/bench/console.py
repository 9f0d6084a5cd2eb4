"""What a guard's screen does: how soon a scan is on it, its frames while many arrive, its memory, its first sight.

A hub with faces, its server processes on their core; chromium may use every core, as the screens of a school have one
of their own. The scans come over HTTP from the small school's doors, one in twenty of a code that nobody has.

`python -m loadtests.bench.console KIND PORT …` is the process that measures one of them and prints JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from PIL import Image

from loadtests.bench.browser import (
    DESK,
    WATCH,
    chromium,
    cookies,
    live_page,
    memory,
    painted,
    until_counted,
    use_every_core,
)
from loadtests.bench.live import quantile
from loadtests.bench.pace import Paced, Scan
from loadtests.bench.people import UNLIMITED
from loadtests.bench.world import SIDE, SIDE_ADMIN, SIDE_POINTS, Crowd, World, sign_in

PORT = 19_141
FACES, UPLOADS_AT_ONCE = 500, 8
SCANS_A_SECOND, FAST_SCANS_A_SECOND = 50, 1_000
SAMPLED, EVENTS = 10_000, 100_000
OPENED = 9
WARM_UP_SECONDS = 5.0
STUDENT = "00000001-0000-7000-9000-{:012x}"
PAGE = Path(__file__).resolve().parents[2] / "hub/live/page"
URL = f"http://127.0.0.1:{PORT}"

#: Nobody's code is one in twenty.
_UNKNOWN = FACES // 19
CROWD = Crowd(FACES + _UNKNOWN, lambda number: SIDE.code(number) if number < FACES else f"SP1:NOBODY{number}", SIDE.key)


class Mixed(Paced):
    """Scans that are granted or denied; `denied` counts those."""

    denied = 0

    def done(self, door: Any, scan: Scan, *, granted: bool) -> None:
        self.denied += not granted
        super().done(door, scan, granted=True)


async def scans(seconds: float, rate: float = SCANS_A_SECOND) -> list[Scan]:
    """Of the whole crowd. Raises RuntimeError when far more of them are denied than should be."""
    pace = Mixed(PORT, CROWD, connections=SIDE_POINTS, rate=rate)
    answered = await pace.run(seconds)
    if pace.denied > max(20.0, len(answered) / 10):
        raise RuntimeError(f"{pace.denied} of {len(answered)} scans were denied")
    return answered


# Faces


def _face(number: int) -> bytes:
    """A picture as of a telephone, small, and no two alike."""
    chance = random.Random(number)
    rough = Image.frombytes("RGB", (12, 12), chance.randbytes(3 * 12 * 12))
    made = io.BytesIO()
    rough.resize((480, 480), Image.Resampling.BICUBIC).save(made, "JPEG", quality=85)
    return made.getvalue()


async def give_faces(token: str) -> None:
    """To everybody of the crowd."""
    left = iter(range(FACES))

    async def some(http: aiohttp.ClientSession) -> None:
        for number in left:
            form = aiohttp.FormData()
            form.add_field("photo", _face(number), filename="photo.jpg", content_type="image/jpeg")
            async with http.post(f"{URL}/api/v1/students/{STUDENT.format(number)}/photo", data=form) as response:
                if response.status >= 400:
                    raise RuntimeError(await response.text())

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        await asyncio.gather(*(some(http) for _ in range(UPLOADS_AT_ONCE)))


# Frames, and how soon


async def frames(rounds: int, seconds: float) -> dict[str, Any]:
    """Each round a page of its own: frames while scans arrive, and milliseconds from when each was due."""
    found = []
    async with chromium() as browser:
        state = await cookies(browser, URL, SIDE_ADMIN)
        for _ in range(rounds):
            context = await browser.new_context(viewport=DESK, storage_state=state)
            page = await live_page(context, URL)
            before = len(await scans(WARM_UP_SECONDS))
            await page.evaluate(WATCH)
            wall = time.time() - time.monotonic()
            answered = await scans(seconds)
            await until_counted(page, before + len(answered))
            seen = await page.evaluate("window.seen")
            await context.close()
            found.append(_summary(seen, answered, wall))
            print("  ", found[-1], file=sys.stderr, flush=True)
    return {"rounds": found, "rate": SCANS_A_SECOND, "faces": FACES}


def _summary(seen: dict[str, Any], answered: list[Scan], wall: float) -> dict[str, float]:
    due = {scan.id: (scan.due + wall) * 1e3 for scan in answered}
    rows = _waits(answered, due, seen["rows"])
    large = [at - due[id_] for id_, at in seen["large"].items() if id_ in due]
    lengths = seen["frames"]
    return {
        "events": len(answered),
        "unseen": len(due.keys() - seen["rows"].keys()),
        "row_p50": median(rows),
        "row_p99": quantile(rows, 0.99),
        "row_most": max(rows),
        "large_p50": median(large),
        "large_p99": quantile(large, 0.99),
        "frames": len(lengths),
        "frame_p50": median(lengths),
        "frame_p95": quantile(lengths, 0.95),
        "frame_p99": quantile(lengths, 0.99),
        "frame_most": max(lengths),
        "slow": sum(length > 20 for length in lengths) / len(lengths),
        "tasks": len(seen["tasks"]),
        "seconds": sum(lengths) / 1e3,
    }


def _waits(answered: list[Scan], due: dict[str, float], shown: dict[str, float]) -> list[float]:
    """Milliseconds from each scan until it was in sight, or, where the next ones pushed it out before it was drawn,
    until one was that came after it. Raises RuntimeError when the last ones never were."""
    waits, soonest = [], math.inf
    for scan in reversed(answered):
        soonest = min(soonest, shown.get(scan.id, math.inf))
        waits.append(soonest - due[scan.id])
    if math.inf in waits:
        raise RuntimeError(f"{waits.count(math.inf)} of {len(waits)} scans were never in the list, nor any after them")
    return waits


# Memory


async def heap() -> dict[str, Any]:
    """Sampled at every 10,000 events, which come as fast as they are told: only their number is what fills a page."""
    found = []
    async with chromium() as browser:
        context = await browser.new_context(viewport=DESK, storage_state=await cookies(browser, URL, SIDE_ADMIN))
        page = await live_page(context, URL)
        devtools = await context.new_cdp_session(page)
        for events in range(SAMPLED, EVENTS + 1, SAMPLED):
            await scans(SAMPLED / FAST_SCANS_A_SECOND, FAST_SCANS_A_SECOND)
            await until_counted(page, events)
            found.append((await memory(page, devtools, events))._asdict())
            print("  ", found[-1], file=sys.stderr, flush=True)
    return {"samples": found, "rate": FAST_SCANS_A_SECOND}


# First sight, and what is built


def built(page: Path = PAGE) -> dict[str, int]:
    """Bytes of the built page as browsers get them, but for the camera's part: what reads codes in pictures."""
    found = {"code": 0, "fonts": 0}
    for path in page.rglob("*"):
        camera = path.suffix == ".wasm" or path.name.startswith("worker-")
        if camera or not path.is_file() or path.suffix in {".br", ".gz"} or path.name.startswith("."):
            continue
        packed = path.with_name(path.name + ".br")
        size = (packed if packed.exists() else path).stat().st_size
        found["fonts" if path.suffix == ".woff2" else "code"] += size
    return found | {"all": sum(found.values())}


async def paint() -> dict[str, Any]:
    """From the navigation to the first scan in the list: by a browser that knows nothing, and by one that was here."""
    found: dict[str, list[dict[str, Any]]] = {"fresh": [], "warm": []}
    async with chromium() as browser:
        state = await cookies(browser, URL, SIDE_ADMIN)
        scanning = asyncio.create_task(scans(600.0))
        try:
            for _ in range(OPENED):
                context = await browser.new_context(viewport=DESK, storage_state=state)
                found["fresh"].append(await painted(context, URL))
                found["warm"].append(await painted(context, URL))
                await context.close()
        finally:
            scanning.cancel()
            await asyncio.gather(scanning, return_exceptions=True)
    print("  ", found, file=sys.stderr, flush=True)
    return {**found, "rate": SCANS_A_SECOND, "built": built()}


def measure(place: World, kind: str, *arguments: object) -> dict[str, Any]:
    """`kind` in a process of its own, in front of a hub whose students have faces."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-files-") as folder,
        place.serving(PORT, 1, HUB_FILES_DIR=folder, HUB_FILES_UNSCANNED="serve", **UNLIMITED),
    ):
        asyncio.run(give_faces(sign_in(PORT, SIDE_ADMIN)))
        command = [sys.executable, "-m", "loadtests.bench.console", kind, *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main(kind: str, *arguments: str) -> None:
    work: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "frames": lambda: frames(int(arguments[0]), float(arguments[1])),
        "heap": heap,
        "paint": paint,
    }

    async def run() -> dict[str, Any]:
        return await work[kind]()

    use_every_core()
    print(json.dumps(asyncio.run(run())))


if __name__ == "__main__":
    main(*sys.argv[1:])
