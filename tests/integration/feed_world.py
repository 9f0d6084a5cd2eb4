"""A school with a door and passes, and the feed that keeps a worker's index of them: the real objects, in process."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg

from hub.config import Settings
from hub.domain.verdict import REASON_TEXT
from hub.gate.desk import Answer, Desk
from hub.index.directory import AccessPoint, Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.recorder.client import RecorderClient
from tests.integration.rows import add_door, add_pass, add_school, add_student

PATIENCE = 120.0


async def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Waits until `condition()` is true, looking now and then."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.002)


class World:
    """`owner` writes as the schema's owner, on a connection that no proxy cuts. `async with` starts and ends it all.

    Made before the feed starts: a school, its door with the device key `key`, a student with the passes `kept`,
    `revoked`, `replaced`, `deleted`, and another student with `suspended`.
    """

    CODES = ("kept", "revoked", "replaced", "deleted", "suspended")

    def __init__(self, database: str, settings: Settings) -> None:
        self._database = database
        self.settings = settings
        self.index = PassIndex()
        self.directory = Directory()

    async def __aenter__(self) -> Self:
        self.owner = await asyncpg.connect(self._database)
        self.school = await add_school(self.owner, "ONE")
        self.door = await add_door(self.owner, self.school)
        self.key = await self.add_key("secret")
        self.student = await add_student(self.owner, self.school)
        self.suspect = await add_student(self.owner, self.school, "S2")
        for code in self.CODES:
            await add_pass(self.owner, self.school, self.suspect if code == "suspended" else self.student, code)
        self.feed = Feed(self.settings, self.index, self.directory)
        recorder = RecorderClient(Path("unused"), worker="test", timeout_ms=500, backlog=10)
        self.desk = Desk(self.index, self.directory, self.feed, recorder)
        self.task = asyncio.create_task(self.feed.run())
        await asyncio.wait_for(self.feed.ready.wait(), PATIENCE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.owner.close()

    async def add_key(self, secret: str) -> UUID:
        id_: UUID = await self.owner.fetchval(
            "INSERT INTO device_keys (school_id, access_point_id, key_hash) VALUES ($1, $2, $3) RETURNING id",
            self.school,
            self.door,
            key_hash(secret),
        )
        return id_

    @property
    def point(self) -> AccessPoint:
        return self.directory.points[self.door.bytes]

    def ask(self, code: str) -> Answer:
        """What the desk says of a code at the door, unrecorded."""
        answers: list[Answer] = []
        self.desk.ask(self.point, code, None, 0, answers.append, record=False)
        return answers[0]

    def verdict(self, code: str) -> str:
        return REASON_TEXT[self.ask(code).code] or "granted"

    async def verdict_becomes(self, code: str, wanted: str) -> None:
        await until(lambda: self.verdict(code) == wanted, f"{code} is {wanted}, it is {self.verdict(code)}")

    async def change_everything(self) -> None:
        """What must not be granted afterwards: all of CODES but `kept`."""
        await self.owner.execute("UPDATE passes SET status = 'revoked' WHERE qr_code = 'revoked'")
        await self.owner.execute("UPDATE passes SET qr_code = 'successor' WHERE qr_code = 'replaced'")
        await self.owner.execute("DELETE FROM passes WHERE qr_code = 'deleted'")
        await self.owner.execute("UPDATE students SET status = 'suspended' WHERE id = $1", self.suspect)

    def verdicts(self) -> dict[str, str]:
        return {code: self.verdict(code) for code in (*self.CODES, "successor")}


#: A code that no table holds is not even a well-formed one here.
BEFORE = dict.fromkeys(World.CODES, "granted") | {"successor": "malformed_code"}
AFTER = {
    "kept": "granted",
    "revoked": "revoked_pass",
    "replaced": "malformed_code",
    "deleted": "malformed_code",
    "suspended": "student_suspended",
    "successor": "granted",
}


def key_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
