"""A guard's card of a student: what the cache costs, what the audit of the read costs, and the whole request.

`python -m loadtests.bench.card URL REDIS SOCKET N` measures in a process of its own, on the hub's core, and prints
JSON. SOCKET is a recorder's: the audit row is on disk when it answers.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop

from hub.accounts.audit import AuditEntry
from hub.accounts.trail import AuditTrail
from hub.config import key_ring, load_settings
from hub.domain.ids import new_id
from hub.recorder.client import RecorderClient
from hub.resources.students.cards import Cards
from hub.rest.etags import encode
from hub.store.pg import Connection, Pg, Role
from loadtests.bench import scans
from loadtests.bench.clients import HttpLoop, Result
from loadtests.bench.live import quantile
from loadtests.bench.people import UNLIMITED
from loadtests.bench.section import Section, item, mid, ms, row
from loadtests.bench.world import ADMIN, SCHOOL, SERVER_CORE, World, pin, sign_in

PORT = 19_131
STUDENTS, CALLS, CLIENTS = 500, 2_000, 16
LONGEST = 0.0002
STUDENT = "00000001-0000-7000-8000-{:012x}"


def measure(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {"inside": [], "alone": [], "many": []}
    with place.serving(PORT, 1, **UNLIMITED) as hub:
        own = [int(str(hub["supervisor"]))]
        asking = _asking(sign_in(PORT, ADMIN))
        scans.run(asking, PORT, CLIENTS, own, 1.0)  # every card is kept afterwards
        command = [sys.executable, "-m", "loadtests.bench.card", place.url, place.redis_url]
        command += [str(place.root / f"journal-{PORT}" / "recorder.sock"), str(CALLS)]
        for number in range(rounds):
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            found["inside"].append(json.loads(done.stdout))
            found["alone"].append(scans.run(asking, PORT, 1, own, seconds))
            found["many"].append(scans.run(asking, PORT, CLIENTS, own, seconds))
            print(
                f"  round {number + 1}: " + ", ".join(f"{k} {v * 1e3:.3f} ms" for k, v in found["inside"][-1].items())
            )
    return found


def _asking(token: str) -> Callable[[int, Result], HttpLoop]:
    def make(number: int, result: Result) -> HttpLoop:
        turn = count(number)

        def request() -> bytes:
            return (
                b"GET /api/v1/students/00000001-0000-7000-8000-%012x/card HTTP/1.1\r\nHost: localhost\r\n"
                b"Authorization: Bearer %b\r\n\r\n" % (next(turn) % STUDENTS, token.encode())
            )

        return HttpLoop(request, b'"entriesAsOf"', result)

    return make


class Inside:
    """A worker's part that answers, with the trail of its reads."""

    def __init__(self, cards: Cards, pg: Pg, trail: AuditTrail) -> None:
        self._cards = cards
        self._pg = pg
        self._trail = trail
        self._turn = 0
        self._school = UUID(bytes=SCHOOL)

    def _next(self) -> UUID:
        self._turn += 1
        return UUID(STUDENT.format(self._turn % STUDENTS))

    async def _never(self) -> Any:
        raise RuntimeError("this card was to be kept")

    async def kept(self) -> None:
        encode(await self._cards.card(self._next(), self._school, self._never))

    async def from_redis(self) -> None:
        student = self._next()
        self._cards.cards._drop(student.hex)
        await self._cards.cards.get(student.hex, self._never)

    async def loaded(self) -> None:
        student = self._next()
        self._cards.cards._drop(student.hex)
        self._cards.entries._drop(student.hex)
        async with self._pg.tenant(self._school) as tx:

            async def given() -> Connection:
                return tx

            encode(await self._cards.card(student, self._school, given))

    async def audited(self) -> None:
        entry = AuditEntry(
            id=new_id(),
            at=time.time_ns() // 1000,
            school_id=self._school,
            user_id=self._school,
            action="read",
            resource_type="student",
            subject_id=self._next(),
        )
        await self._trail.read(entry)


async def _inside(url: str, redis_url: str, recorder: Path, calls: int) -> dict[str, float]:
    """Medians and a p99, in seconds, of calls one after the other."""
    own = {"database_url": url, "secret_key": "A" * 43}
    settings = load_settings(**own, redis_url=redis_url)
    pg = await Pg.open(settings, [Role.hub_api])
    client = RecorderClient(recorder, worker="bench", timeout_ms=30_000, backlog=1_000)
    trail = AuditTrail(key_ring(settings), pg, client.notes.keep)
    both, alone = (Cards(one, pg, lambda: True) for one in (settings, load_settings(**own)))
    telling = asyncio.create_task(client.run())
    try:
        found = {"loaded": await _time(Inside(alone, pg, trail).loaded, STUDENTS)}
        inside = Inside(both, pg, trail)
        await _time(inside.loaded, STUDENTS)
        found["redis"] = await _time(inside.from_redis, calls)
        await _time(inside.loaded, STUDENTS)
        found["memory"], found["memory_p99"] = await _times(inside.kept, calls)
        found["audit"] = await _time(inside.audited, STUDENTS)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        for cards in (both, alone):
            await cards.close()
        await pg.close()
    return found


async def _time(do: Callable[[], Awaitable[None]], calls: int) -> float:
    return (await _times(do, calls))[0]


async def _times(do: Callable[[], Awaitable[None]], calls: int) -> tuple[float, float]:
    """p50 and p99."""
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        await do()
        taken.append(time.perf_counter() - began)
    return quantile(taken, 0.5), quantile(taken, 0.99)


def section(found: dict[str, Any]) -> Section:
    inside = found["inside"]
    kept, audit = mid(inside, "memory"), mid(inside, "audit")
    return Section(
        must=[row("a kept student card: server time", f"{kept * 1e3:.3f} ms", "≤ 0.2 ms", kept <= LONGEST)],
        figures=[
            item(
                f"A student card: from memory {kept * 1e3:.3f} ms (p99 {mid(inside, 'memory_p99') * 1e3:.3f}), from"
                f" Redis {mid(inside, 'redis') * 1e3:.2f}, from the tables {mid(inside, 'loaded') * 1e3:.2f}; the audit"
                f" row of the read, on disk, {audit * 1e3:.2f}. The whole request, one after the other:"
                f" {ms(found['alone'], 'p50')}; {CLIENTS} at once {mid(found['many'], 'rate'):,.0f}/s,"
                f" p99 {ms(found['many'], 'p99')}."
            )
        ],
        how=[
            item(
                f"Cards: {STUDENTS} students in turn; memory, Redis and tables in a process of their own on the hub's"
                " core, with the answer's JSON; the audit row through the hub's recorder. The request is the hub's,"
                " with everything that a request of a person passes, and its audit row."
            )
        ],
    )


if __name__ == "__main__":
    pin(SERVER_CORE)
    print(json.dumps(uvloop.run(_inside(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))))
