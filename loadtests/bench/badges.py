"""Badges with photos: from the rows of 1,000 passes to the bytes of their files, as a job draws them.

`python -m loadtests.bench.badges N` prints JSON. Every core draws; PostgreSQL and the store of files are left out,
whose part of it (a row and some kilobytes a badge) is small.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sys
import time
from typing import Any

import uvloop
from PIL import Image

from hub.config import load_settings
from hub.demo.names import draw_name
from hub.issuing.badges.badge import Badge
from hub.issuing.badges.presses import Presses

SEED, FILE, SIDE = 20261125, 500, 400
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
CODE_LENGTH = 233


def badges(count: int) -> list[Badge]:
    """With names of many scripts, a code of the usual length and a photo of its own each."""
    rng = random.Random(SEED)
    found = []
    for number in range(count):
        name = draw_name(rng)
        code = "SP1:" + "".join(rng.choices(ALPHABET, k=CODE_LENGTH))
        found.append(
            Badge(
                school="Northside School",
                name=f"{name.first} {name.last}",
                number=f"2026-{number:05d}",
                first_day="2026-09-01",
                last_day="2027-08-31",
                code=code,
                kind="standard",
                program="Mechanical Engineering",
                title="Student",
                photo=_photo(rng),
            )
        )
    return found


def _photo(rng: random.Random) -> bytes:
    """Noise of a face's size in a file: some 30 kB."""
    kept = io.BytesIO()
    small = Image.frombytes("RGB", (100, 100), rng.randbytes(30_000))
    small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(kept, "JPEG", quality=85)
    return kept.getvalue()


async def measure(count: int) -> dict[str, Any]:
    """Seconds for all, with a press for each core, and the same steps as a job takes."""
    wanted = await asyncio.to_thread(badges, count)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # the bench keeps its clients to one core
    presses = Presses.of_all_cores(load_settings(secret_key="A" * 43))
    size, left_out = 0, 0
    setting: asyncio.Task[bytes] | None = None
    started = time.perf_counter()
    try:
        for start in range(0, count, FILE):
            some = wanted[start : start + FILE]
            missing = await presses.make_ready(some)
            left_out += sum(1 for letters in missing if letters)
            good = [badge for badge, letters in zip(some, missing, strict=True) if not letters]
            size += 0 if setting is None else len(await setting)
            setting = asyncio.create_task(presses.pages(good, "a4"))
        size += 0 if setting is None else len(await setting)
        seconds = time.perf_counter() - started
    finally:
        await presses.close()
    photo = sum(len(badge.photo or b"") for badge in wanted) / count
    cores = len(os.sched_getaffinity(0))
    return {"badges": count, "seconds": seconds, "bytes": size, "photo": photo, "cores": cores, "leftOut": left_out}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(int(sys.argv[1])))))
