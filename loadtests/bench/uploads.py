"""Photos uploaded at once, while scans go on: over HTTP, through a real hub whose one core all of it shares.

Each round has scans alone and then scans with uploads, so that the ratio is of the same minute of the machine. What is
uploaded comes from a process of its own: who measures would else wait for its own fifty megabytes.

`python -m loadtests.bench.uploads PORT` is that process. It prints `ready`, takes a line `{"headers", "students"}`,
sends each student's photo at once, and prints `{"seconds", "bytes"}`, until its input ends.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import uvloop
from PIL import Image

from hub.domain.ids import new_id
from loadtests.bench.bulk import DOORS, PORT, SCANS_A_SECOND, Site, first_in_line, p99
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


async def _send(http: aiohttp.ClientSession, port: int, headers: dict[str, str], student: str, content: bytes) -> None:
    form = aiohttp.FormData()
    form.add_field("photo", content, filename="photo.jpg", content_type="image/jpeg")
    url = f"http://127.0.0.1:{port}/api/v1/students/{student}/photo"
    async with http.post(url, headers=headers, data=form) as response:
        if response.status >= 400:
            raise RuntimeError(await response.text())


async def _upload(port: int) -> None:
    content, loop = made_up(), asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        print("ready", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            wanted = json.loads(line)
            started = time.monotonic()
            await asyncio.gather(*(_send(http, port, wanted["headers"], one, content) for one in wanted["students"]))
            print(json.dumps({"seconds": time.monotonic() - started, "bytes": len(content)}), flush=True)


async def _sender() -> Process:
    """The other process, once it is ready."""
    sender = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests.bench.uploads", str(PORT)), stdin=PIPE, stdout=PIPE
    )
    assert sender.stdout
    await sender.stdout.readline()
    return sender


async def _all_sent(sender: Process, headers: dict[str, str], students: list[UUID]) -> dict[str, Any]:
    assert sender.stdin
    assert sender.stdout
    sender.stdin.write(json.dumps({"headers": headers, "students": [str(one) for one in students]}).encode() + b"\n")
    if not (line := await sender.stdout.readline()):
        raise RuntimeError("an upload failed, see above")
    answer: dict[str, Any] = json.loads(line)
    return answer


async def _rounds(place: World, rounds: int) -> dict[str, Any]:
    found: list[dict[str, float]] = []
    size = 0
    owner, http = await asyncpg.connect(place.url), aiohttp.ClientSession()
    sender = await _sender()
    try:
        site = Site(owner, http)
        await site.found()
        for number in range(rounds + 1):
            students = await _students(owner, site.school)
            quiet = p99(await Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND).run(QUIET_SECONDS))
            pace = Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND)
            scanning = asyncio.create_task(pace.run(QUIET_SECONDS))
            sent = await _all_sent(sender, site.headers, students)
            size = sent["bytes"]
            one = {"seconds": sent["seconds"], "quiet": quiet, "busy": p99(await scanning)}
            print("  ", {name: round(value, 4) for name, value in one.items()})
            if number:  # the first one warms up
                found.append(one)
    finally:
        sender.terminate()
        await sender.wait()
        await owner.close()
        await http.close()
    return {"rounds": found, "photos": AT_ONCE, "bytes": size}


def uploads(place: World, rounds: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-files-") as folder,
        place.serving(PORT, HUB_RATE_SIGNED_IN="1000000", HUB_FILES_DIR=folder, HUB_FILES_UNSCANNED="serve"),
        first_in_line(),
    ):
        return uvloop.run(_rounds(place, rounds))


if __name__ == "__main__":
    os.setpriority(os.PRIO_PROCESS, 0, 19)  # those who measure on this core come first
    uvloop.run(_upload(int(sys.argv[1])))
