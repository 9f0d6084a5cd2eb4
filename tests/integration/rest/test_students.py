"""/students, from the first request to the row, the passes and the audit of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.rest.site import Site

STUDENTS = "/api/v1/students"
ADA: dict[str, Any] = {"studentId": "S-0001", "firstName": "Ada", "lastName": "Lovelace"}
WHOLE: dict[str, Any] = ADA | {
    "middleName": "King",
    "email": "ada@school.example",
    "dateOfBirth": "2010-12-10",
    "gender": "female",
    "phone": "+493012345678",
    "address": "12 St. James's Square\nLondon",
    "emergencyContactName": "Annabella Byron",
    "emergencyContactPhone": "+493087654321",
    "program": "Mathematics",
    "yearOfStudy": 3,
    "enrollmentDate": "2024-09-01",
    "graduationDate": "2028-07-31",
    "status": "active",
}
SEALED = ("date_of_birth", "phone", "address", "emergency_contact_name", "emergency_contact_phone")


async def made(site: Site, body: dict[str, Any] = ADA, token: str | None = None) -> Any:
    answer = await site.ask("POST", STUDENTS, token or site.token(), body)
    assert answer.status == 201, answer.text
    return answer.json


async def add_pass(site: Site, student: str, status: str = "active") -> UUID:
    code = str(uuid4())
    rows = await site.fetch(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status)"
        " SELECT school_id, id, $2, $2, '2026-09-01', '2027-08-31', $3 FROM students WHERE id = $1 RETURNING id",
        *(UUID(student), code, status),
    )
    return UUID(bytes=rows[0]["id"].bytes)


async def statuses(site: Site) -> dict[UUID, str]:
    return {UUID(bytes=row["id"].bytes): row["status"] for row in await site.fetch("SELECT id, status FROM passes")}


async def test_a_student_is_made_read_and_changed(site: Site) -> None:
    token = site.token()
    student = await made(site, WHOLE, token)
    assert {name: student[name] for name in WHOLE} == WHOLE
    assert UUID(student["id"]).version == 7
    assert (student["schoolId"], student["photoUrl"], student["deletedAt"]) == (str(site.schools["near"]), None, None)

    got = await site.ask("GET", f"{STUDENTS}/{student['id']}", token)
    assert got.json == student
    change = {"lastName": "Byron", "phone": None, "dateOfBirth": "2010-12-11"}
    put = await site.ask("PUT", f"{STUDENTS}/{student['id']}", token, change, headers={"If-Match": got.headers["ETag"]})
    assert put.status == 200, put.text
    assert {name: put.json[name] for name in WHOLE} == WHOLE | change
    late = await site.ask("PUT", f"{STUDENTS}/{student['id']}", token, {}, headers={"If-Match": got.headers["ETag"]})
    assert late.status == 412


async def test_what_is_sensitive_is_not_in_the_table_as_it_is(site: Site) -> None:
    student = await made(site, WHOLE)
    (row,) = await site.fetch("SELECT * FROM students")
    for column in SEALED:
        assert len(row[column]) > 32
    text = str(dict(row))
    for name in ("dateOfBirth", "phone", "emergencyContactName", "emergencyContactPhone"):
        assert WHOLE[name] not in text
    await site.ask("PUT", f"{STUDENTS}/{student['id']}", site.token(), {"phone": None, "address": None})
    (row,) = await site.fetch("SELECT * FROM students")
    assert (row["phone"], row["phone_bidx"], row["address"]) == (None, None, None)
    assert row["date_of_birth_bidx"] is not None


async def test_names_are_kept_in_any_script_and_in_order(site: Site) -> None:
    student = await made(site, ADA | {"firstName": "Zoe\u0308  Marie ", "lastName": "O’Neill-Nguyễn"})
    assert (student["firstName"], student["lastName"]) == ("Zoë Marie", "O’Neill-Nguyễn")
    names = [
        "王伟",
        "محمد",
        "दिव्या",
        "Ọláolúwa",
        "D'Andre",
        "St. John",
        "ஆனந்தி",
        "בן־דוד",
        "Шевченко",
        "Ngọc Ánh",
        "さくら",
    ]
    for number, name in enumerate(names):
        answer = await site.ask(
            "POST", STUDENTS, site.token(), {"studentId": f"N-{number}", "firstName": name, "lastName": name}
        )
        assert answer.status == 201, (name, answer.text)


BAD: list[tuple[str, Any]] = [
    *(("studentId", value) for value in ("ab", "x" * 51, "S 1", "S_1", "Ä-12", 7, None)),
    *(("firstName", value) for value in ("", " ", "A1", "Ada!", "<b>", "a" * 101, "\u0000", "🎓", "-", "A\tB", None)),
    *(("email", value) for value in ("ada", "ada@", "@x", "a b@x.y", "ada@x..", "x" * 260 + "@y.z")),
    *(("phone", value) for value in ("030", "+0123", "12-34", "+12345678901234567", "phone")),
    *(("dateOfBirth", value) for value in ("2010-02-30", "2110-01-01", "1899-12-31", "10.12.2010", "2010-12-10T00:00")),
    *(("yearOfStudy", value) for value in (0, -1, 21, 1.5, "3")),
    *(("enrollmentDate", value) for value in ("2024-13-01", "0000-01-01", "tomorrow")),
    *(("status", value) for value in ("expelled", "", None)),
    *(("departmentId", value) for value in ("x", str(UUID(int=1)))),
    *(("program", value) for value in ("", "  ", "p" * 101)),
    *(("photoUrl", value) for value in ("https://x.example/a.jpg",)),
]


@pytest.mark.parametrize(("field", "value"), BAD)
async def test_what_no_student_has_is_refused_by_its_field(site: Site, field: str, value: Any) -> None:
    answer = await site.ask("POST", STUDENTS, site.token(), WHOLE | {field: value})
    assert answer.status == 400, answer.text
    assert {one["field"] for one in answer.json["details"]} == {field}
    assert await site.fetch("SELECT 1 FROM students") == []


async def test_every_fault_is_told_at_once(site: Site) -> None:
    body = {
        "studentId": "!",
        "lastName": "",
        "email": "x",
        "dateOfBirth": "2010-02-30",
        "enrollmentDate": "2026-09-01",
        "graduationDate": "2026-08-31",
        "departmentId": str(uuid4()),
        "hobby": "bees",
    }
    answer = await site.ask("POST", STUDENTS, site.token(), body)
    assert answer.status == 400
    assert sorted(one["field"] for one in answer.json["details"]) == [
        *("dateOfBirth", "departmentId", "email", "firstName", "graduationDate", "hobby", "lastName", "studentId"),
    ]


async def test_days_are_held_against_those_that_are_known(site: Site) -> None:
    student = await made(site, WHOLE)
    for change in ({"graduationDate": "2024-08-31"}, {"enrollmentDate": "2029-01-01"}, {"dateOfBirth": "2025-01-01"}):
        answer = await site.ask("PUT", f"{STUDENTS}/{student['id']}", site.token(), change)
        assert answer.status == 400, change
    good = await site.ask(
        "PUT", f"{STUDENTS}/{student['id']}", site.token(), {"enrollmentDate": None, "graduationDate": "2024-08-31"}
    )
    assert good.status == 200


async def test_a_school_says_which_fields_it_keeps(site: Site) -> None:
    fields = {"phone": "off", "email": "required", "gender": "bad word"}
    await site.fetch(
        "UPDATE schools SET settings = jsonb_build_object('studentFields', $2::text::jsonb) WHERE id = $1",
        *(site.schools["near"], json.dumps(fields)),
    )
    refused = await site.ask("POST", STUDENTS, site.token(), ADA | {"phone": "+493012345678", "yearOfStudy": 0})
    assert {one["field"]: one["message"] for one in refused.json["details"]} == {
        "phone": "is not kept at this school",
        "email": "is required at this school",
        "yearOfStudy": "Expected `int` >= 1",
    }
    student = await made(site, ADA | {"email": "ada@school.example", "phone": None, "gender": "female"})
    path = f"{STUDENTS}/{student['id']}"
    for change, status in (({"email": None}, 400), ({"phone": "+4930123"}, 400), ({"yearOfStudy": 2}, 200)):
        assert (await site.ask("PUT", path, site.token(), change)).status == status
    assert (await site.ask("POST", STUDENTS, site.token("school_admin", "far"), ADA)).status == 201


async def test_a_number_is_there_once_in_a_school(site: Site) -> None:
    first = await made(site)
    again = await site.ask("POST", STUDENTS, site.token(), ADA)
    assert (again.status, again.json["message"].partition(" at")[0]) == (409, "studentId is taken")
    await made(site, ADA, site.token("school_admin", "far"))
    await site.ask("DELETE", f"{STUDENTS}/{first['id']}", site.token())
    assert (await site.ask("POST", STUDENTS, site.token(), ADA)).status == 409
    other = await made(site, ADA | {"studentId": "S-0002"})
    assert (await site.ask("PUT", f"{STUDENTS}/{other['id']}", site.token(), {"studentId": "S-0001"})).status == 409


async def test_a_department_is_one_of_the_school(site: Site) -> None:
    ids = {
        school: (
            await site.fetch(
                "INSERT INTO departments (name, code, school_id) VALUES ('D', 'D', $1) RETURNING id",
                site.schools[school],
            )
        )[0]["id"]
        for school in ("near", "far")
    }
    student = await made(site, ADA | {"departmentId": str(ids["near"])})
    answer = await site.ask("PUT", f"{STUDENTS}/{student['id']}", site.token(), {"departmentId": str(ids["far"])})
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "departmentId")


async def test_the_passes_of_a_deleted_student_rest_and_come_back(site: Site) -> None:
    token, student = site.token(), await made(site)
    active, idle, revoked = [await add_pass(site, student["id"], s) for s in ("active", "inactive", "revoked")]
    path = f"{STUDENTS}/{student['id']}"
    gone = await site.ask("DELETE", path, token)
    assert (gone.status, gone.text) == (204, "")
    assert await statuses(site) == {active: "inactive", idle: "inactive", revoked: "revoked"}

    assert (await site.ask("GET", path, token)).status == 404
    assert (await site.ask("DELETE", path, token)).status == 404
    put = await site.ask("PUT", path, token, {"firstName": "Eve"})
    assert (put.status, "restore" in put.json["message"]) == (409, True)
    assert (await site.ask("GET", STUDENTS, token)).json["data"] == []
    (listed,) = (await site.ask("GET", f"{STUDENTS}?deleted=true&q=lovelace", token)).json["data"]
    assert listed == (await site.ask("GET", f"{path}?deleted=true", token)).json
    assert listed["deletedAt"] is not None

    back = await site.ask("POST", f"{path}/restore", token)
    assert (back.status, back.json["deletedAt"]) == (200, None)
    assert await statuses(site) == {active: "active", idle: "inactive", revoked: "revoked"}
    assert (await site.ask("GET", path, token)).json == back.json
    assert (await site.ask("POST", f"{path}/restore", token)).json == back.json


async def test_a_pass_that_was_touched_meanwhile_stays_as_it_is(site: Site) -> None:
    token, student = site.token(), await made(site)
    pass_ = await add_pass(site, student["id"])
    await site.ask("DELETE", f"{STUDENTS}/{student['id']}", token)
    await site.fetch("UPDATE passes SET status = 'revoked'")
    await site.ask("POST", f"{STUDENTS}/{student['id']}/restore", token)
    assert await statuses(site) == {pass_: "revoked"}


@pytest.mark.parametrize(
    ("method", "what", "body", "left"),
    [
        ("POST", "/deactivate", {"reason": "lost"}, "inactive"),
        ("DELETE", "", None, "inactive"),
        ("POST", "/revoke", {"reason": "lost"}, "revoked"),
    ],
)
async def test_a_pass_that_somebody_switched_off_meanwhile_does_not_come_back(
    site: Site, method: str, what: str, body: Any, left: str
) -> None:
    token, student = site.token(), await made(site)
    lost, kept = await add_pass(site, student["id"]), await add_pass(site, student["id"])
    await site.ask("DELETE", f"{STUDENTS}/{student['id']}", token)
    answer = await site.ask(method, f"/api/v1/passes/{lost}{what}", token, body)
    assert answer.status in {200, 204}, answer.text
    await site.ask("POST", f"{STUDENTS}/{student['id']}/restore", token)
    assert await statuses(site) == {lost: left, kept: "active"}


async def test_the_passes_of_a_student_are_listed_without_codes(site: Site) -> None:
    token, student = site.token(), await made(site)
    made_passes = [str(await add_pass(site, student["id"], status)) for status in ("active", "revoked", "active")]
    page = (await site.ask("GET", f"{STUDENTS}/{student['id']}/passes?limit=2&total=true", token)).json
    assert (len(page["data"]), page["page"]["total"]) == (2, 3)
    assert {one["id"] for one in page["data"]} < set(made_passes)
    assert "qrCode" not in page["data"][0]
    some = (await site.ask("GET", f"{STUDENTS}/{student['id']}/passes?status=revoked", token)).json
    assert [one["id"] for one in some["data"]] == [made_passes[1]]
    assert site.trail.kept[-1].subject_id == UUID(student["id"])
    assert (await site.ask("GET", f"{STUDENTS}/{uuid4()}/passes", token)).status == 404


async def test_each_read_and_each_write_is_kept(site: Site) -> None:
    token = site.token()
    student = await made(site, WHOLE, token)
    id_ = UUID(student["id"])
    await add_pass(site, student["id"])
    await site.ask("GET", f"{STUDENTS}/{id_}", token)
    await site.ask("GET", f"{STUDENTS}?limit=1", token)
    assert [(one.action, one.resource_id, one.new, one.subject_id) for one in site.trail.kept] == [
        ("read", id_, None, id_),
        ("read", None, None, id_),
    ]
    await site.ask("PUT", f"{STUDENTS}/{id_}", token, {"yearOfStudy": 4})
    await site.ask("DELETE", f"{STUDENTS}/{id_}", token)
    rows = await site.fetch(
        "SELECT action, resource_type, old_values, new_values FROM audit_logs ORDER BY created_at, id"
    )
    assert [(row["action"], row["resource_type"]) for row in rows] == [
        *(("create", "student"), ("update", "student"), ("delete", "student"), ("update", "pass")),
    ]
    assert json.loads(rows[1]["old_values"])["yearOfStudy"] == 3


async def test_a_super_admin_names_the_school(site: Site) -> None:
    token = site.token("super_admin")
    assert (await site.ask("POST", STUDENTS, token, ADA)).status == 400
    far = await site.ask("POST", STUDENTS, token, ADA | {"schoolId": str(site.schools["far"])})
    assert (far.status, far.json["schoolId"]) == (201, str(site.schools["far"]))
    assert (await site.ask("POST", f"{STUDENTS}?schoolId={uuid4()}", token, ADA)).status == 404
    path = f"{STUDENTS}/{far.json['id']}"
    assert (await site.ask("PUT", path, token, {"lastName": "Byron"})).json["lastName"] == "Byron"
    assert (await site.ask("DELETE", f"{path}?erase=true", token)).status == 204


async def test_another_school_is_not_there(site: Site) -> None:
    student = await made(site)
    path, token = f"{STUDENTS}/{student['id']}", site.token("school_admin", "far")
    for method, where, body in (
        ("GET", path, None),
        ("PUT", path, {"firstName": "Eve"}),
        ("DELETE", path, None),
        ("DELETE", f"{path}?erase=true", None),
        ("POST", f"{path}/restore", None),
        ("GET", f"{path}/passes", None),
        ("GET", f"{path}/data-export", None),
        ("POST", STUDENTS, ADA | {"schoolId": str(site.schools["near"])}),
    ):
        answer = await site.ask(method, where, token, body)
        assert answer.status == 404, (method, where, answer.text)
    assert (await site.ask("GET", f"{STUDENTS}?q=lovelace", token)).json["data"] == []
