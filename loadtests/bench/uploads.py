"""Photos uploaded at once, while scans go on: over HTTP, through a real hub whose one core all of it shares.

Each round has scans alone and then scans with uploads, so that the ratio is of the same minute of the machine.
"""

from __future__ import annotations

import asyncio
import io
import random
import tempfile
import time
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import uvloop
from PIL import Image

from hub.domain.ids import new_id
from loadtests.bench.bulk import DOORS, PORT, SCANS_A_SECOND, Site, p99
from loadtests.bench.pace import Paced
from loadtests.bench.world import World

AT_ONCE = 50
QUIET_SECONDS = 5.0
SIDE = 1600


def made_up() -> bytes:
    """A photo as a telephone's, of about a megabyte: noise does not become small."""
    chance = random.Random(7)
    noise = Image.frombytes("RGB", (SIDE // 4, SIDE // 4), chance.randbytes(3 * (SIDE // 4) ** 2))
    made = io.BytesIO()
    noise.resize((SIDE, SIDE)).save(made, "JPEG", quality=92)
    return made.getvalue()


async def _students(owner: asyncpg.Connection, school: UUID) -> list[UUID]:
    ids = [new_id() for _ in range(AT_ONCE)]
    await owner.executemany(
        "INSERT INTO students (id, school_id, student_id, first_name, last_name) VALUES ($1, $2, $3, 'x', 'x')",
        [(id_, school, str(id_)) for id_ in ids],
    )
    return ids


async def _send(site: Site, student: UUID, content: bytes) -> None:
    form = aiohttp.FormData()
    form.add_field("photo", content, filename="photo.jpg", content_type="image/jpeg")
    await site.ask("POST", f"/students/{student}/photo", data=form)


async def _rounds(place: World, rounds: int) -> dict[str, Any]:
    found: list[dict[str, float]] = []
    content = made_up()
    owner, http = await asyncpg.connect(place.url), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    try:
        site = Site(owner, http)
        await site.found(0)
        for number in range(rounds + 1):
            students = await _students(owner, site.school)
            quiet = p99(await Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND).run(QUIET_SECONDS))
            pace = Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND)
            scanning = asyncio.create_task(pace.run(QUIET_SECONDS))
            started = time.monotonic()
            await asyncio.gather(*(_send(site, student, content) for student in students))
            seconds = time.monotonic() - started
            one = {"seconds": seconds, "quiet": quiet, "busy": p99(await scanning)}
            print("  ", {name: round(value, 4) for name, value in one.items()})
            if number:  # the first one warms up
                found.append(one)
    finally:
        await owner.close()
        await http.close()
    return {"rounds": found, "photos": AT_ONCE, "bytes": len(content)}


def uploads(place: World, rounds: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-files-") as folder,
        place.serving(PORT, HUB_RATE_SIGNED_IN="1000000", HUB_FILES_DIR=folder, HUB_FILES_UNSCANNED="serve"),
    ):
        return uvloop.run(_rounds(place, rounds))
