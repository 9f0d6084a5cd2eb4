"""/admin/audit-logs: what is found, by whom, and that the reading is kept too."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import AsyncMock
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from hub.accounts.audit import AuditEntry
from hub.accounts.masking import SEALED
from hub.accounts.personal import student_keys
from hub.accounts.trail import AuditTrail
from hub.config import Settings, key_ring
from hub.domain.audit_row import AuditRow
from hub.domain.ids import new_id
from hub.errors import JournalError
from hub.store.pg import Pg, Role
from tests.integration.rest.site import Site

LOGS = "/api/v1/admin/audit-logs"
MARK = "Quillfeather"


class Past:
    """What was done before, written as the program writes it."""

    def __init__(self, site: Site, pg: Pg, settings: Settings) -> None:
        self.site = site
        self.pg = pg
        self.trail = AuditTrail(key_ring(settings), pg, _never)
        self.student = uuid4()
        self.at = time.time_ns() // 1000

    async def add(self, school: str = "near", **more: Any) -> UUID:
        """One entry, a second after the one before."""
        self.at += 1
        values: dict[str, Any] = {
            "id": new_id(),
            "at": self.at,
            "school_id": self.site.schools[school],
            "user_id": self.site.users[school],
            "action": "update",
            "resource_type": "access_point",
        }
        entry = AuditEntry(**(values | more))
        async with self.pg.tenant(self.site.schools[school]) as tx:
            await self.trail.write(tx, entry)
        return entry.id

    async def of_student(self) -> UUID:
        about: dict[str, Any] = {"subject_id": self.student, "resource_id": self.student, "resource_type": "student"}
        return await self.add(**about, old={"lastName": MARK, "status": "active"}, new={"lastName": "Smith"})


async def _never(row: AuditRow) -> None:
    raise AssertionError(row)


@pytest.fixture
async def past(site: Site, settings: Callable[..., Settings]) -> AsyncIterator[Past]:
    own = settings()
    pg = await Pg.open(own, [Role.hub_api])
    yield Past(site, pg, own)
    await pg.close()


async def ids(site: Site, token: str, **query: Any) -> list[str]:
    answer = await site.ask("GET", f"{LOGS}?{urlencode(query)}", token)
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["data"]]


async def test_newest_first_page_by_page(site: Site, past: Past) -> None:
    made = [str(await past.add()) for _ in range(7)]
    token, seen, cursor = site.token(), list[str](), None
    while True:
        query = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        answer = await site.ask("GET", f"{LOGS}?{urlencode(query)}", token)
        seen += [item["id"] for item in answer.json["data"]]
        cursor = answer.json["page"].get("nextCursor")
        if not answer.json["page"]["hasMore"]:
            break
    assert seen == made[::-1]
    assert await ids(site, token, sort="createdAt") == made


async def test_each_filter_finds_its_own(site: Site, past: Past) -> None:
    other, thing = uuid4(), uuid4()
    login = str(await past.add(action="login", resource_type="session", user_id=other))
    change = str(await past.add(resource_id=thing))
    student = str(await past.of_student())
    token = site.token()
    rows = {item["id"]: item for item in (await site.ask("GET", LOGS, token)).json["data"]}
    assert await ids(site, token, action="login") == [login]
    assert await ids(site, token, userId=other) == [login]
    assert await ids(site, token, resourceType="access_point") == [change]
    assert await ids(site, token, resourceId=thing) == [change]
    assert await ids(site, token, studentId=past.student) == [student]
    assert await ids(site, token, createdFrom=rows[change]["createdAt"]) == [student, change]
    assert await ids(site, token, createdUntil=rows[change]["createdAt"]) == [login]
    assert await ids(site, token, action="export") == []


async def test_a_students_values_are_opened_and_their_reading_is_kept(site: Site, past: Past) -> None:
    entry = await past.of_student()
    await past.add()
    token = site.token()
    listed = (await site.ask("GET", LOGS, token)).json["data"][1]
    one = (await site.ask("GET", f"{LOGS}/{entry}", token)).json
    assert listed == one
    assert (one["oldValues"], one["newValues"]) == ({"lastName": MARK, "status": "active"}, {"lastName": "Smith"})
    assert (one["studentId"], one["isErased"]) == (str(past.student), False)
    kept = [(e.action, e.resource_type, e.resource_id, e.subject_id) for e in site.trail.kept]
    assert kept == [("read", "audit_log", None, past.student), ("read", "audit_log", entry, past.student)]
    stored = await site.fetch("SELECT * FROM audit_logs")
    assert MARK not in str([dict(row) for row in stored])


async def test_of_an_erased_student_only_the_names_of_fields_are_left(site: Site, past: Past) -> None:
    entry = await past.of_student()
    async with past.pg.tenant(site.schools["near"]) as tx:
        await student_keys.erase(tx, past.student, site.schools["near"])
    one = (await site.ask("GET", f"{LOGS}/{entry}", site.token())).json
    assert (one["oldValues"], one["newValues"]) == ({"lastName": SEALED, "status": "active"}, {"lastName": SEALED})


async def test_another_school_and_who_may_not(site: Site, past: Past) -> None:
    near, far = str(await past.add("near")), str(await past.add("far"))
    assert await ids(site, site.token("school_admin", "far")) == [far]
    assert set(await ids(site, site.token("super_admin"))) == {near, far}
    assert await ids(site, site.token("super_admin"), schoolId=site.schools["near"]) == [near]
    assert (await site.ask("GET", f"{LOGS}/{near}", site.token("school_admin", "far"))).status == 404
    for role in ("staff", "security", "card_reader"):
        assert (await site.ask("GET", LOGS, site.token(role))).status == 403
    assert (await site.ask("GET", LOGS)).status == 401


@pytest.mark.parametrize("id_", [UUID(int=0), uuid4(), UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), new_id()])
async def test_what_is_no_entry_is_not_found(site: Site, id_: UUID) -> None:
    assert (await site.ask("GET", f"{LOGS}/{id_}", site.token())).status == 404


@pytest.mark.parametrize(
    "query",
    [
        *(
            "createdFrom=yesterday",
            "createdUntil=0.5",
            "createdFrom=1700000000",
            "createdFrom=2026-01-01T00:00:00",
            "action=burn",
            "userId=me",
            "studentId=1",
        ),
        *("sort=action", "limit=0", "limit=201", "cursor=zzz", "resourceType=", "unknown=1", "q=x"),
        *("createdFrom=0001-01-01T00:00:00%2B14:00", "createdUntil=9999-12-31T23:59:59-14:00"),
    ],
)
async def test_bad_filters_are_refused(site: Site, query: str) -> None:
    assert (await site.ask("GET", f"{LOGS}?{query}", site.token())).status == 400


async def test_what_plain_sql_has_written_is_shown_too(site: Site) -> None:
    await site.fetch(
        "INSERT INTO audit_logs (school_id, old_values, new_values) VALUES ($1, '[1]', 'null')",
        site.schools["near"],
    )
    (item,) = (await site.ask("GET", LOGS, site.token())).json["data"]
    assert (item["action"], item["oldValues"], item["newValues"]) == ("", {"value": [1]}, None)


async def test_without_a_journal_nothing_is_shown(site: Site, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    await past.of_student()
    monkeypatch.setattr(site.trail, "read", AsyncMock(side_effect=JournalError("the disk is full")))
    refused = await site.ask("GET", LOGS, site.token())
    assert refused.status == 503
    assert MARK not in refused.text


async def test_an_entry_can_be_neither_changed_nor_removed(site: Site, past: Past) -> None:
    entry, token = await past.add(), site.token()
    for method in ("PUT", "DELETE"):
        assert (await site.ask(method, f"{LOGS}/{entry}", token, {} if method == "PUT" else None)).status == 405
    assert (await site.ask("POST", LOGS, token, {})).status == 405
