"""What is held about a student: all of it in a ZIP when asked for, and none of it once erased."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from hub.accounts.permissions import Permission
from hub.accounts.trail import AuditTrail
from hub.config import Settings, key_ring
from hub.domain.audit_row import AuditRow
from hub.domain.clock import moment
from hub.store.pg import Pg, Role
from tests.integration.rest.site import Site, site_running
from tests.integration.rest.test_students import STUDENTS, WHOLE, add_pass, made, statuses
from tests.integration.rest.test_students_found import numbers

#: A name that no hexadecimal digits spell by chance.
PERSON = WHOLE | {"firstName": "Quillon"}


class Journal:
    """Takes rows as the recorder does, and has them in audit_logs at once."""

    def __init__(self, pg: Pg) -> None:
        self._pg = pg

    async def keep(self, row: AuditRow) -> None:
        async with self._pg.system() as tx:
            await tx.execute(
                "INSERT INTO audit_logs (id, created_at, school_id, user_id, action, resource_type, resource_id,"
                " old_values, new_values, subject_id, personal, salt)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                *(_id(row.id), moment(row.at), _id(row.school), _id(row.user), row.action, row.resource_type),
                *(_id(row.resource), row.old, row.new, _id(row.subject), row.personal, row.salt),
            )


def _id(raw: bytes | None) -> UUID | None:
    return None if raw is None else UUID(bytes=raw)


@pytest.fixture
async def real(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    """A site with the program's own trail: what is personal in the audit is under the student's key."""
    own = settings(rate_anonymous=10_000)
    pg = await Pg.open(own, Role)
    trail = AuditTrail(key_ring(own), pg, Journal(pg).keep)
    try:
        async with site_running(own) as site:
            site.trail.write = trail.write  # type: ignore[method-assign]
            site.trail.read = trail.read  # type: ignore[method-assign]
            yield site
    finally:
        await pg.close()


async def unpacked(site: Site, student: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with site.http.get(f"{site.url}{STUDENTS}/{student}/data-export", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


async def test_a_file_of_many_names_each_whom_it_had(real: Site) -> None:
    token = real.token()
    student: str = (await made(real, PERSON, token))["id"]
    assert (await real.ask("GET", "/api/v1/students/export?lastName=Nobody", token)).status == 200
    for path in ("/api/v1/students/export", "/api/v1/students/export?format=xlsx"):
        async with real.http.get(real.url + path, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 200
            await answer.read()
    readers = msgspec.json.decode((await unpacked(real, student, token))["readers.json"])
    assert [one["how"] for one in readers].count("exported in a file of many") == 2


async def furnished(site: Site) -> str:
    """A student with a pass, a file and a scan, whom people have read and changed."""
    token = site.token()
    student: str = (await made(site, PERSON, token))["id"]
    pass_ = await add_pass(site, student)
    await site.fetch(
        "INSERT INTO documents (school_id, student_id, file_name) VALUES ($1, $2, 'id.pdf')",
        *(site.schools["near"], UUID(student)),
    )
    door = await site.point()
    await site.fetch(
        "INSERT INTO access_logs (school_id, student_id, pass_id, access_point_id, status)"
        " VALUES ($1, $2, $3, $4, 'granted')",
        *(site.schools["near"], UUID(student), pass_, door),
    )
    await site.ask("PUT", f"{STUDENTS}/{student}", token, {"lastName": "Byron"})
    await site.ask("GET", f"{STUDENTS}/{student}", token)
    await made(site, {"studentId": "Z-0001", "firstName": "Trent", "lastName": "Kline"}, token)
    await site.ask("GET", STUDENTS, site.token("staff"))
    return student


async def test_everything_that_is_held_is_in_the_export_and_who_read_it(real: Site) -> None:
    student = await furnished(real)
    files = await unpacked(real, student, real.token())
    held = {name: msgspec.json.decode(raw) for name, raw in files.items() if name.endswith(".json")}
    person = held["student.json"]
    assert {name: person[name] for name in PERSON} == PERSON | {"lastName": "Byron"}
    assert len(held["passes.json"][0]["qrCode"]) > 0
    assert held["documents.json"][0]["fileName"] == "id.pdf"
    assert (held["scans.json"][0]["status"], held["scans.json"][0]["accessPoint"]) == ("granted", "Gate")
    assert [one["action"] for one in held["changes.json"]] == ["create", "update"]
    assert (held["changes.json"][1]["old"]["lastName"], held["changes.json"][1]["new"]["lastName"]) == (
        "Lovelace",
        "Byron",
    )
    assert [one["how"] for one in held["readers.json"]] == ["read", "read in a list"]
    assert {one["by"]["email"] for one in held["readers.json"]} == {"near@example.org"}
    again = msgspec.json.decode((await unpacked(real, student, real.token()))["readers.json"])
    assert [one["how"] for one in again] == ["read", "read in a list", "export", "read"]


async def test_an_export_holds_nobody_elses(real: Site) -> None:
    student = await furnished(real)
    other = await made(real, WHOLE | {"studentId": "S-0002", "firstName": "Mallory"})
    await add_pass(real, other["id"])
    files = await unpacked(real, student, real.token())
    assert b"Mallory" not in b"".join(files.values())
    assert other["id"].encode() not in b"".join(files.values())
    refused = await real.ask("GET", f"{STUDENTS}/{student}/data-export", real.token("school_admin", "far"))
    assert refused.status == 404


async def test_nothing_of_an_erased_student_is_anywhere(real: Site) -> None:
    student = await furnished(real)
    token = real.token()
    gone = await real.ask("DELETE", f"{STUDENTS}/{student}?erase=true", token)
    assert (gone.status, gone.text) == (204, "")
    for method, path in (
        ("GET", f"{STUDENTS}/{student}"),
        ("GET", f"{STUDENTS}/{student}?deleted=true"),
        ("GET", f"{STUDENTS}/{student}/data-export"),
        ("POST", f"{STUDENTS}/{student}/restore"),
        ("DELETE", f"{STUDENTS}/{student}?erase=true"),
        ("PUT", f"{STUDENTS}/{student}"),
    ):
        body = {"lastName": "Back"} if method == "PUT" else None
        assert (await real.ask(method, path, token, body)).status == 404, path
    for query in ("q=byron", "deleted=true", "q=lovlace", f"phone={WHOLE['phone'].replace('+', '%2B')}"):
        assert await numbers(real, query) == [], query

    assert set((await statuses(real)).values()) == {"revoked"}
    text = await everything(real)
    for name in ("firstName", "lastName", "middleName", "studentId", "email", "program", "phone", "dateOfBirth"):
        assert str(PERSON[name]).lower() not in text, name
    for word in ("byron", "annabella", "id.pdf"):
        assert word not in text, word
    scans = await real.fetch("SELECT student_id, status FROM access_logs")
    assert [(str(row["student_id"]), row["status"]) for row in scans] == [(student, "granted")]
    (key,) = await real.fetch("SELECT key, erased_at FROM student_keys WHERE student_id = $1", UUID(student))
    assert (key["key"], key["erased_at"] is None) == (None, False)
    await made(real, WHOLE)


async def everything(site: Site) -> str:
    """All rows of all tables, but for the people who work there."""
    tables = await site.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = []
    for table in (row["relname"] for row in tables):
        if table not in {"users", "roles", "permissions", "schools", "access_points", "schema_migrations"}:
            found += [str(dict(row)) for row in await site.fetch(f'SELECT * FROM "{table}"')]
    return "\n".join(found).lower()


async def test_a_deleted_student_can_be_erased(site: Site) -> None:
    student = await made(site, WHOLE)
    path = f"{STUDENTS}/{student['id']}"
    await site.ask("DELETE", path, site.token())
    assert (await site.ask("DELETE", f"{path}?erase=true", site.token())).status == 204
    assert (await site.ask("GET", f"{STUDENTS}?deleted=true", site.token())).json["data"] == []


async def test_who_may_delete_may_not_erase(site: Site) -> None:
    student = await made(site, WHOLE)
    token = site.people.sign_in(
        "staff", site.schools["near"], site.users["near"], frozenset({Permission.students_delete})
    )
    refused = await site.ask("DELETE", f"{STUDENTS}/{student['id']}?erase=true", token)
    assert (refused.status, "students:erase" in refused.json["message"]) == (403, True)
    assert site.trail.kept[-1].action == "refuse"
    assert (await site.ask("DELETE", f"{STUDENTS}/{uuid4()}", token)).status == 404
