"""A person goes through everything that the hub does, is erased, and is then looked for in everything that it keeps."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from tests.acceptance.hub import Hub
from tests.acceptance.school import PASSWORD, School, guard

pytestmark = pytest.mark.service

API = "/api/v1"
#: In every text about the person; no hexadecimal digits spell it by chance.
MARK = "xqzv"
PHONE = "+4930555019873"
PERSON = {
    "studentId": f"{MARK}-0001",
    "email": f"{MARK}@school.example",
    "firstName": f"{MARK.title()}ada",
    "middleName": f"{MARK.title()}maria",
    "lastName": f"{MARK.title()}first",
    "dateOfBirth": "2010-04-30",
    "gender": f"{MARK}g",
    "phone": PHONE,
    "address": f"1 {MARK} street",
    "emergencyContactName": f"{MARK} mother",
    "emergencyContactPhone": PHONE,
    "program": f"{MARK} physics",
}
#: What a person wrote at a door is in the journal for as long as scans are (docs/privacy.md).
AT_DOOR = f"{MARK}door has forgotten the card"


class Office:
    """What an administrator of the school asks."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http, self._url = http, url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, body: Any = None, *, form: Any = None, **headers: str) -> Any:
        """The answer's JSON, or its bytes; anything below 500 is one."""
        async with self._http.request(
            method, f"{self._url}{API}{path}", json=body, data=form, headers=self._headers | headers
        ) as answer:
            assert answer.status < 500, await answer.text()
            return await answer.json() if "json" in answer.content_type else await answer.read()

    async def job(self, path: str, body: Any = None, *, form: Any = None) -> Any:
        """A job, when it has ended or waits for somebody."""
        asked = await self.ask("POST", path, body, form=form)
        return await until(lambda: self.ask("GET", f"/jobs/{asked['id']}"), lambda job: job["status"] in ENDS)


ENDS = {"finished", "failed", "needs_confirmation"}


async def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What is answered when it is as it should be."""
    async with asyncio.timeout(120):
        while not good(found := await ask()):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    return found


def file(*rows: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    text = "\r\n".join(["studentId,firstName,lastName,email", *rows])
    form.add_field("file", text.encode(), filename="students.csv", content_type="text/csv")
    return form


@asynccontextmanager
async def office(hub: Hub, sql: asyncpg.Connection) -> AsyncIterator[Office]:
    await sql.execute(
        "UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'school_admin' AND school_id IS NULL)"
        " WHERE email = $1",
        guard("North"),
    )
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{hub.port}"
        login = {"email": guard("North"), "password": PASSWORD}
        async with http.post(f"{url}{API}/auth/login", json=login) as answer:
            token = (await answer.json())["accessToken"]
        yield Office(http, url, token)


async def live(office: Office, school: School, sql: asyncpg.Connection) -> str:
    """Everything that can be done with a student; the id."""
    student = (await office.ask("POST", "/students", PERSON, **{"Idempotency-Key": "once"}))["id"]
    imported = await office.job(
        "/students/import",
        form=file(
            f"{PERSON['studentId']},{MARK}ada,{MARK}second,{MARK}@school.example", "N-1,Nora,Near,n@school.example"
        ),
    )
    assert imported["status"] == "finished", imported
    refused = await office.job(
        "/students/import?onFault=keep_good", form=file(f"B-1,{MARK}bad,{MARK}row,no address of {MARK}")
    )
    assert refused["result"]["refusedRows"] is not None
    await sql.execute("UPDATE students SET last_name = $2 WHERE id = $1", student, f"{MARK}third")
    await office.ask("PUT", f"/students/{student}", {"lastName": f"{MARK}fourth"})

    made = await office.ask(
        "POST", "/passes", {"studentId": student, "expiryDate": "2090-01-01", "passNumber": "XQZV1"}
    )
    mailed = await office.job("/passes/send", {"students": {"q": MARK}})
    assert mailed["result"] == {"sent": 1, "refused": 0, "unknown": 0}, mailed
    await scan(office, school, sql, student, made["id"])
    await office.ask("POST", f"/passes/{made['id']}/deactivate", {"reason": f"{MARK} is ill"})
    await office.ask("POST", f"/passes/{made['id']}/revoke", {"reason": f"lost by {MARK}"})

    for path in (f"/students/{student}", f"/students?q={MARK}", f"/students/export?firstName={MARK}ada&format=csv"):
        await office.ask("GET", path)
    assert MARK.encode() in (await office.ask("GET", f"/students/export?lastName={MARK}fourth&format=csv"))
    assert (await office.ask("GET", f"/students/{student}/data-export")).startswith(b"PK")
    waiting = await office.job(
        "/students/roll-over", {"steps": [{"action": "deactivate", "filter": {"q": MARK}}], "reason": f"{MARK} leaves"}
    )
    assert waiting["status"] == "needs_confirmation"
    return str(student)


async def scan(office: Office, school: School, sql: asyncpg.Connection, student: str, pass_id: str) -> None:
    """At a door: by the code, by hand, and annulled."""
    door = school.doors[0]
    code = await sql.fetchval("SELECT qr_code FROM passes WHERE id = $1", pass_id)
    reader = {"Authorization": f"Bearer {door.key}"}
    await office.ask("POST", "/passes/verify", {"qrCode": code, "direction": "entry"}, **reader)
    by_hand = {"accessPointId": door.id, "decision": "granted", "reason": AT_DOOR, "studentId": student}
    entry = await office.ask("POST", "/access-logs", by_hand | {"scanId": str(uuid4())})
    await until(
        lambda: sql.fetchval("SELECT count(*) FROM access_logs WHERE student_id = $1", student), lambda rows: rows == 2
    )
    noted = await office.ask("POST", "/acknowledgements", {"scanId": entry["id"], "note": f"{MARK} comes without it"})
    assert "id" in noted, noted
    await office.ask("POST", f"/access-logs/{entry['id']}/annul", {"reason": AT_DOOR})
    await until(lambda: sql.fetchval("SELECT count(*) FROM scan_annulments"), lambda rows: rows == 1)


async def in_tables(sql: asyncpg.Connection, word: str) -> list[str]:
    """Every column of every table that has the word, in whatever case; bytes as they are."""
    columns = await sql.fetch(
        "SELECT c.relname, a.attname, t.typname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " JOIN pg_type AS t ON t.oid = a.atttypid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    )
    assert len(columns) > 300
    found = []
    for table, column, kind in columns:
        test = (
            "position($1::text IN lower(encode({0}, 'escape'))) > 0"
            if kind == "bytea"
            else "lower({0}::text) LIKE '%' || $1 || '%'"
        )
        if await sql.fetchval(f'SELECT count(*) FROM "{table}" WHERE {test.format(chr(34) + column + chr(34))}', word):
            found.append(f"{table}.{column}")
    return found


def in_files(directory: Path, word: str) -> list[str]:
    """Every file that has what is meant, in whatever case."""
    pattern = re.compile(word.encode(), re.IGNORECASE)
    return [str(path) for path in directory.rglob("*") if path.is_file() and pattern.search(path.read_bytes())]


async def test_nothing_of_an_erased_person_is_found_in_any_copy(school: School, directory: Path) -> None:
    sql = await asyncpg.connect(school.url)
    mail = directory / "mail"
    with Hub(school.url, directory, mail_dir=mail) as hub:
        hub.wait_ready()
        async with office(hub, sql) as asked:
            student = await live(asked, school, sql)
            assert len(await in_tables(sql, MARK)) > 10
            assert in_files(mail, MARK)
            await until(lambda: asyncio.to_thread(hub.waiting), lambda waiting: waiting == 0)

            assert await asked.ask("DELETE", f"/students/{student}?erase=true") == b""
            again = await asked.ask("POST", "/students", PERSON, **{"Idempotency-Key": "once"})
            assert again["statusCode"] == 422
            await until(lambda: asyncio.to_thread(hub.waiting), lambda waiting: waiting == 0)
            for word in (MARK, PHONE):
                assert await in_tables(sql, word) == []
        hub.stop()
        assert in_files(mail, MARK) == []
        assert in_files(directory, f"{MARK}(?!door)") == []
        assert in_files(directory, re.escape(PHONE)) == []
        assert MARK not in hub.text.lower()
    await sql.close()
