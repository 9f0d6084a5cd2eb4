"""Students by the file, in and out: over HTTP, through a real hub, while scans go on.

An import is held against the same rows put back by bare COPY into the same tables, with all their indexes and triggers.
The jobs process shares the hub's core with the worker that answers the scans.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import uvloop

from hub.accounts.hashing import hasher
from hub.domain.ids import new_id
from loadtests.bench.pace import Paced
from loadtests.bench.world import World

PORT = 19_121
PASSWORD = "three herons on a pier"
SCHOOL_ADMIN = UUID("018bcfe5-6800-7000-8000-000000000002")
SCANS_A_SECOND, DOORS, QUIET_SECONDS = 200.0, 16, 5.0
COLUMNS = (
    "SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0"
    " AND NOT a.attisdropped AND a.attgenerated = ''"
)
HEADER = [
    *("studentId", "firstName", "lastName", "email", "gender", "dateOfBirth", "phone", "address", "program"),
    *("emergencyContactName", "emergencyContactPhone", "yearOfStudy", "enrollmentDate", "status"),
]
FIRST = ("Maximilian", "Søren", "Aisha", "Ólafur", "Chiara", "Wei", "Zoë", "Anastasia")
LAST = ("Schmidt", "Nguyễn", "Fernández", "O'Neill", "Kowalczyk", "Yılmaz", "Dupont", "García")


def made_up(rows: int) -> bytes:
    """A file of so many students, all fields filled."""
    chance, text = random.Random(7), io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for n in range(rows):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        writer.writerow([
            *(f"N-{n:07}", first, last, f"n{n}@bulk.example", "f", f"20{chance.randrange(10):02}-03-17"),
            *(f"+4917{n:08}", f"{n} Long Street, 10115 Berlin", "Physics", f"{first} {last}", f"+4930{n:07}"),
            *(1 + n % 6, "2026-09-01", "active"),
        ])  # fmt: skip
    return text.getvalue().encode()


class Site:
    """A school with a door and an admin, and the hub on PORT as that admin sees it."""

    def __init__(self, owner: asyncpg.Connection, http: aiohttp.ClientSession) -> None:
        self.owner = owner
        self.http = http
        self.school = UUID(int=0)
        self.headers: dict[str, str] = {}

    async def enter(self, school: UUID) -> None:
        """Signs in as an admin of a school that is there."""
        self.school, email = school, f"{new_id()}@bench.example"
        await self.owner.execute(
            "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
            " VALUES ($1, $2, 'x', 'x', $3, $4)",
            *(email, hasher().hash(PASSWORD), SCHOOL_ADMIN, school),
        )
        body = {"email": email, "password": PASSWORD}
        answer = await self.ask("POST", "/auth/login", json=body)
        self.headers = {"Authorization": f"Bearer {answer['accessToken']}"}

    async def found(self) -> str:
        """A new school with a door; the door's key."""
        school, door = new_id(), new_id()
        code, key = f"BULK-{school.hex[-8:]}", f"phk_bulk{school.hex}"
        await self.owner.execute("INSERT INTO schools (id, name, code) VALUES ($1, $2, $2)", school, code)
        await self.owner.execute("INSERT INTO access_points (id, name, school_id) VALUES ($1, 'x', $2)", door, school)
        await self.owner.execute(
            "INSERT INTO device_keys (school_id, access_point_id, key_hash)"
            " VALUES ($1, $2, sha256(convert_to($3, 'UTF8')))",
            *(school, door, key),
        )
        await self.enter(school)
        return key

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        url = f"http://127.0.0.1:{PORT}/api/v1{path}"
        async with self.http.request(method, url, headers=self.headers, **more) as response:
            if response.status >= 400:
                raise RuntimeError(await response.text())
            return await response.json()

    async def export(self, query: str) -> int:
        """Reads an export to its end; its size."""
        url, size = f"http://127.0.0.1:{PORT}/api/v1/students/export{query}", 0
        async with self.http.get(url, headers=self.headers) as response:
            response.raise_for_status()
            async for part in response.content.iter_any():
                size += len(part)
        return size

    async def bring(self, content: bytes) -> float:
        """An import with passes; seconds until the job says that it has ended."""
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(content), filename="students.csv")
        started = time.monotonic()
        query = "?issuePasses=true&issueDate=2026-01-01&expiryDate=2099-12-31&onFault=keep_good"
        job = await self.ask("POST", f"/students/import{query}", data=form)
        while job["status"] in {"queued", "running"}:
            await asyncio.sleep(0.02)
            job = await self.ask("GET", f"/jobs/{job['id']}")
        if job["status"] != "finished" or job["result"]["refused"]:
            raise RuntimeError(str(job))
        return time.monotonic() - started

    async def door_opens(self, key: str) -> float:
        """Seconds until the pass that was made last opens the door."""
        code = await self.owner.fetchval(
            "SELECT qr_code FROM passes WHERE school_id = $1 ORDER BY id DESC LIMIT 1", self.school
        )
        started, headers = time.monotonic(), {"Authorization": f"Bearer {key}"}
        while True:
            body = {"qrCode": code}
            url = f"http://127.0.0.1:{PORT}/api/v1/passes/verify"
            async with self.http.post(url, json=body, headers=headers) as response:
                if "granted" in (await response.text()):
                    return time.monotonic() - started

    async def copied(self) -> float:
        """Seconds of a bare COPY of the rows that the school has, taken out before."""
        files: dict[str, tuple[bytes, list[str]]] = {}
        for table in ("students", "passes"):
            columns = [row[0] for row in await self.owner.fetch(COLUMNS, table)]
            sink = io.BytesIO()
            query = f"SELECT {', '.join(columns)} FROM {table} WHERE school_id = '{self.school}'"
            await self.owner.copy_from_query(query, output=sink, format="binary")
            files[table] = sink.getvalue(), columns
        for table in ("passes", "students"):
            await self.owner.execute(f"DELETE FROM {table} WHERE school_id = $1", self.school, timeout=600)
        started = time.monotonic()
        for table, (content, columns) in files.items():
            await self.owner.copy_to_table(table, source=io.BytesIO(content), columns=columns, format="binary")
        return time.monotonic() - started


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


class Peak:
    """The most memory of a process above what it had, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = resident(pid)
        self.above = 0

    async def run(self) -> None:
        while True:
            self.above = max(self.above, resident(self._pid) - self._before)
            await asyncio.sleep(0.02)


@contextmanager
def first_in_line() -> Iterator[None]:
    """This process before PostgreSQL, which shares its core and is another host's in real life, where the machine lets
    it: who measures would else wait for the statements of what is measured."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def p99(scans: list[Any]) -> float:
    times = sorted(scan.answered - scan.due for scan in scans)
    return float(times[int(len(times) * 0.99) - 1])


async def _import(place: World, rows: int, rounds: int) -> dict[str, Any]:
    found: list[dict[str, float]] = []
    jobs = int(place.processes(PORT)["jobs"])
    small, content = made_up(2_000), made_up(rows)
    owner, http = await asyncpg.connect(place.url, server_settings={"statement_timeout": "0"}), aiohttp.ClientSession()
    try:
        for number in range(rounds + 1):
            site = Site(owner, http)
            key = await site.found()
            quiet = p99(await Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND).run(QUIET_SECONDS))
            peak = Peak(jobs)
            watching = asyncio.create_task(peak.run())
            pace = Paced(PORT, place.crowd, connections=DOORS, rate=SCANS_A_SECOND)
            scanning = asyncio.create_task(pace.run(QUIET_SECONDS if number else 1.0))
            seconds = await site.bring(content if number else small)  # the first one warms up
            opens = await site.door_opens(key)
            busy = p99(await scanning)
            watching.cancel()
            copy = await site.copied()
            one = {"seconds": seconds, "copy": copy, "opens": opens, "quiet": quiet, "busy": busy}
            print("  ", {name: round(value, 4) for name, value in one.items()}, f"{peak.above / 2**20:.1f} MiB")
            if number:
                found.append(one | {"memory": float(peak.above)})
    finally:
        await owner.close()
        await http.close()
    return {"rounds": found, "rows": rows}


async def _export(place: World) -> dict[str, Any]:
    """The large school, in both forms."""
    worker = int(place.processes(PORT)["workers"][0])
    owner, http = (
        await asyncpg.connect(place.url, server_settings={"statement_timeout": "0"}),
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)),
    )
    found: dict[str, Any] = {"rows": place.passes}
    try:
        site = Site(owner, http)
        await site.enter(UUID("00000000-0000-7000-8000-000000000001"))
        for form in ("csv", "xlsx"):
            await site.export(f"?format={form}&studentId=S1")
            peak = Peak(worker)
            watching, started = asyncio.create_task(peak.run()), time.monotonic()
            size = await site.export(f"?format={form}")
            watching.cancel()
            found[form] = {"seconds": time.monotonic() - started, "bytes": size, "memory": peak.above}
            print("  ", form, found[form])
    finally:
        await owner.close()
        await http.close()
    return found


def imports(place: World, rows: int, rounds: int) -> dict[str, Any]:
    with place.serving(PORT, HUB_RATE_SIGNED_IN="1000000"), first_in_line():
        return uvloop.run(_import(place, rows, rounds))


def exports(place: World) -> dict[str, Any]:
    with place.serving(PORT, HUB_RATE_SIGNED_IN="1000000"):
        return uvloop.run(_export(place))
