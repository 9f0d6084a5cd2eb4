"""Students by the file, from the request to the rows: every form of file, what is wrong with one, what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from hub.accounts.permissions import Permission
from hub.config import Settings, key_ring
from hub.domain.qr import load_public_key, read_code
from hub.domain.vault import column_place
from tests.integration.jobs.files import HEADER, IMPORT, csv_bytes, row, send, xlsx_bytes
from tests.integration.jobs.world import ended, jobs_running
from tests.integration.rest.site import Answer, Site, site_running


@pytest.fixture
def own(settings: Callable[..., Settings]) -> Settings:
    return settings(import_max_rows=300, upload_max_bytes=5 * 2**20)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


async def done(site: Site, own: Settings, answer: Answer) -> dict[str, Any]:
    assert answer.status == 202, answer.text
    async with jobs_running(own):
        return await ended(site, answer.json["id"])


async def students(site: Site) -> list[Any]:
    return await site.fetch("SELECT * FROM students ORDER BY student_id")


def refusals(answer: Answer) -> dict[str, str]:
    assert answer.status == 400, answer.text
    return {one["field"]: one["message"] for one in answer.json["details"]}


FORMS = {
    "comma": (csv_bytes([row(1), row(2)]), "students.csv"),
    "semicolon": (csv_bytes([row(1), row(2)], by=";"), "students.csv"),
    "tab": (csv_bytes([row(1), row(2)], by="\t"), "students.txt"),
    "bom": (csv_bytes([row(1), row(2)], encoding="utf-8-sig"), "students.csv"),
    "latin-1": (csv_bytes([row(1), row(2)], encoding="latin-1", by=";"), "students.csv"),
    "utf-16": (csv_bytes([row(1), row(2)], encoding="utf-16"), "students.csv"),
    "utf-16 unmarked": (csv_bytes([row(1), row(2)], encoding="utf-16-le"), "students.csv"),
    "old mac": (csv_bytes([row(1), row(2)]).replace(b"\r\n", b"\r"), "students.csv"),
    "xlsx": (xlsx_bytes([row(1), row(2)]), "students.xlsx"),
}

ENCODINGS = {
    "bom": "utf-8-sig",
    "latin-1": "cp1252",
    "utf-16": "utf-16",
    "utf-16 unmarked": "utf-16-le",
    "xlsx": None,
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_file_gives_the_same_students(site: Site, own: Settings, form: str) -> None:
    content, name = FORMS[form]
    job = await done(site, own, await send(site, content, name=name))
    assert (job["status"], job["errors"]) == ("finished", [])
    encoding = job["result"].pop("encoding")
    assert encoding == ENCODINGS.get(form, "utf-8")
    assert job["result"] == {
        "rows": 2,
        "created": 2,
        "updated": 0,
        "refused": 0,
        "passes": 0,
        "dryRun": False,
        "refusedRows": None,
    }
    rows = await students(site)
    assert [(r["student_id"], r["first_name"], r["last_name"]) for r in rows] == [
        ("S-00001", "José", "Weiß"),
        ("S-00002", "José", "Weiß"),
    ]
    assert {r["school_id"] for r in rows} == {site.schools["near"]}


async def test_sensitive_fields_are_sealed_and_the_file_is_gone(site: Site, own: Settings) -> None:
    answer = await send(site, csv_bytes([row(1)]))
    kept = await site.fetch("SELECT content FROM job_file_parts")
    assert kept
    assert all(b"S-0000" not in part["content"] and b"Jos" not in part["content"] for part in kept)
    await done(site, own, answer)
    assert await site.fetch("SELECT 1 FROM job_file_parts") == []
    ring, student = key_ring(own), (await students(site))[0]
    phone = ring.unseal(student["phone"], column_place("students", "phone", student["id"]))
    assert phone == b"+491700000001"
    assert student["phone_bidx"] == ring.blind_index("phone", student["school_id"], "+491700000001")
    born = ring.unseal(student["date_of_birth"], column_place("students", "date_of_birth", student["id"]))
    assert born == b"2008-02-29"


async def test_who_is_there_is_changed_and_only_in_what_the_file_has(site: Site, own: Settings) -> None:
    await done(site, own, await send(site, csv_bytes([row(1), row(2)])))
    content = csv_bytes([["S-00001", "Zoë", "Weiß", ""]], ["studentId", "firstName", "lastName", "email"])
    job = await done(site, own, await send(site, content))
    assert (job["result"]["created"], job["result"]["updated"]) == (0, 1)
    changed, other = await students(site)
    assert (changed["first_name"], changed["email"], changed["status"]) == ("Zoë", None, "active")
    assert changed["phone"] is not None
    assert other["email"] == "s2@example.org"


async def test_a_dry_run_writes_nothing_and_says_what_would_be(site: Site, own: Settings) -> None:
    await done(site, own, await send(site, csv_bytes([row(1)])))
    content = csv_bytes([row(1), row(2), row(3, phone="nine")])
    job = await done(site, own, await send(site, content, "?dryRun=true"))
    counts = {name: job["result"][name] for name in ("rows", "created", "updated", "refused", "dryRun")}
    assert counts == {"rows": 3, "created": 1, "updated": 1, "refused": 1, "dryRun": True}
    assert [(error["line"], error["field"]) for error in job["errors"]] == [(4, "phone")]
    assert len(await students(site)) == 1


BAD = [
    row(1),
    row(2, dateOfBirth="2007-02-29", email="no", status="gone"),
    row(3, firstName=""),
    row(1),
    row(4, department="NONE"),
    [*row(5), "more"],
]


async def test_one_row_at_fault_and_nothing_is_written(site: Site, own: Settings) -> None:
    job = await done(site, own, await send(site, csv_bytes(BAD)))
    assert job["status"] == "failed"
    assert [job["result"][name] for name in ("rows", "created", "updated", "refused")] == [6, 0, 0, 5]
    assert {(error["line"], error["field"]) for error in job["errors"]} == {
        *((3, "dateOfBirth"), (3, "email"), (3, "status"), (4, "firstName"), (5, "studentId"), (6, "departmentId")),
        (7, "file"),
    }
    assert {e["field"]: e["message"] for e in job["errors"]}["dateOfBirth"] == "is a date that does not exist"
    assert await students(site) == []


async def test_who_may_issue_no_passes_issues_none_by_a_file_either(site: Site) -> None:
    may = frozenset({Permission.students_import, Permission.jobs_read})
    clerk = site.people.sign_in("data clerk", site.schools["near"], site.users["near"], may)
    query = "?issuePasses=true&expiryDate=2149-06-04"
    refused = await send(site, csv_bytes([row(1)]), query, token=clerk)
    assert (refused.status, "passes:create" in refused.text) == (403, True)
    assert (await send(site, csv_bytes([row(1)]), token=clerk)).status == 202


async def test_what_is_good_is_kept_and_the_rest_is_mended_and_sent_again(site: Site, own: Settings) -> None:
    job = await done(site, own, await send(site, csv_bytes(BAD), "?onFault=keep_good"))
    assert (job["status"], job["result"]["created"], job["result"]["refused"]) == ("finished", 1, 5)
    refused = await site.ask("GET", f"/api/v1{job['result']['refusedRows']}", site.token())
    assert refused.status == 200
    lines = refused.text.lstrip("\ufeff").splitlines()
    assert lines[0] == ",".join(["importLine", "importFaults", *HEADER])
    assert lines[1].startswith('3,"email: is no e-mail address; dateOfBirth: is a date that does not exist; status:')
    assert "'+4917" in lines[1]
    assert site.trail.kept[-1].action == "export"
    mended = "\n".join(
        [lines[0], lines[1].replace("2007-02-29", "2007-02-28").replace(",no,", ",,").replace("gone", "")]
    )
    job = await done(site, own, await send(site, mended.encode()))
    assert (job["status"], job["result"]["created"]) == ("finished", 1), job["errors"]
    assert [r["student_id"] for r in await students(site)] == ["S-00001", "S-00002"]
    assert (await site.ask("GET", f"{IMPORT}/{job['id']}/refused", site.token())).status == 404


async def test_a_deleted_student_does_not_come_back_by_the_file(site: Site, own: Settings) -> None:
    await done(site, own, await send(site, csv_bytes([row(1)])))
    await site.fetch("UPDATE students SET deleted_at = now()")
    job = await done(site, own, await send(site, csv_bytes([row(1)])))
    assert job["errors"][0]["message"] == "belongs to a student who was deleted; restore that one first"


async def test_passes_are_issued_once_and_to_the_active(site: Site, own: Settings) -> None:
    query = "?issuePasses=true&issueDate=2026-09-01&expiryDate=2027-08-31"
    content = csv_bytes([row(1), row(2, status="graduated"), row(3)])
    job = await done(site, own, await send(site, content, query))
    assert job["result"]["passes"] == 2
    assert (await done(site, own, await send(site, content, query)))["result"]["passes"] == 0
    passes = await site.fetch("SELECT * FROM passes")
    keys = await site.fetch("SELECT kid, public_key FROM signing_keys")
    known = {key["kid"]: load_public_key(key["public_key"]) for key in keys}
    for one in passes:
        claims = read_code(one["qr_code"], known)
        assert (claims.pass_id, claims.school_id) == (one["id"], site.schools["near"])
        assert (one["issue_date"], one["expiry_date"]) == (date(2026, 9, 1), date(2027, 8, 31))
        assert one["issued_by"] == site.users["near"]
    assert len({one["pass_number"] for one in passes}) == 2
    acts = await site.fetch("SELECT action, resource_type, new_values FROM audit_logs ORDER BY created_at, id")
    assert [(act["action"], act["resource_type"]) for act in acts] == [
        *(("create", "job"), ("create", "student"), ("create", "pass"), ("create", "job"), ("update", "student")),
    ]


async def test_departments_and_what_the_school_wants(site: Site, own: Settings) -> None:
    made = await site.fetch(
        "INSERT INTO departments (name, code, school_id) VALUES ('Physics', 'Phys', $1) RETURNING id",
        site.schools["near"],
    )
    await site.fetch(
        "UPDATE schools SET settings = $1 WHERE code = 'near'",
        '{"studentFields": {"phone": "off", "email": "required", "gender": "required"}}',
    )
    refused = refusals(await send(site, csv_bytes([row(1)])))
    assert refused == {"phone": "phone is not kept by this school; map it to null to leave it out"}
    mapped = '?mapping={"phone":null}'
    job = await done(site, own, await send(site, csv_bytes([row(1, email="", department="phys")]), mapped))
    assert {(error["field"], error["message"]) for error in job["errors"]} >= {("email", "is required")}
    content = csv_bytes(
        [["S-1", "A", "B", "a@b.de", "x", "PHYS"], ["S-2", "A", "B", "a@b.de", "x", str(made[0]["id"])]]
    )
    header = b"studentId,firstName,lastName,email,gender,department\r\n"
    job = await done(site, own, await send(site, header + content.split(b"\r\n", 1)[1]))
    assert job["status"] == "finished", job["errors"]
    assert {r["department_id"] for r in await students(site)} == {made[0]["id"]}


async def test_columns_are_mapped(site: Site, own: Settings) -> None:
    content = csv_bytes([["S-1", "Ada", "Lovelace", "x"]], ["Matrikel", "Vorname", "Surname", "Note"])
    assert set(refusals(await send(site, content))) == {"Matrikel", "Vorname", "Note", "studentId", "firstName"}
    mapping = '?mapping={"matrikel":"studentId","Vorname":"firstName","Note":null}'
    job = await done(site, own, await send(site, content, mapping))
    assert job["result"]["created"] == 1
    wrong = refusals(await send(site, content, '?mapping={"Matrikel":"studentNo"}'))
    assert wrong == {"mapping": "studentNo is no field of a student"}


async def test_nobody_elses_school(site: Site, own: Settings) -> None:
    answer = await send(site, csv_bytes([row(1)]), token=site.token("school_admin", "far"))
    async with jobs_running(own):
        await ended(site, answer.json["id"], site.token("school_admin", "far"))
    assert {r["school_id"] for r in await students(site)} == {site.schools["far"]}
    assert (await site.ask("GET", f"{IMPORT}/{answer.json['id']}/refused", site.token())).status == 404
    assert (await send(site, csv_bytes([row(1)]), token=site.token("super_admin"))).status == 400
    assert (await send(site, b"x", token=site.token("security"))).status == 403
    named = await send(site, csv_bytes([row(9)]), f"?schoolId={site.schools['near']}", token=site.token("super_admin"))
    async with jobs_running(own):
        await ended(site, named.json["id"])
    assert UUID(named.json["schoolId"]) == site.schools["near"]
