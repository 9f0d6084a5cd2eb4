"""/schools: who makes them, what may be set, and what it does at the doors and at the desk."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from hub.accounts.tokens import new_opaque
from hub.domain.school_settings import SchoolSettings, school_settings
from tests.integration.rest.site import Site

SCHOOLS = "/api/v1/schools"


async def test_a_school_is_made_read_changed_and_listed(site: Site) -> None:
    admin = site.token("super_admin")
    body = {"name": "East School", "code": "EAST", "timezone": "Pacific/Auckland", "settings": {"failOpen": True}}
    made = await site.ask("POST", SCHOOLS, admin, body)
    assert made.status == 201, made.text
    path = made.headers["Location"]
    assert path == f"{SCHOOLS}/{made.json['id']}"
    assert UUID(made.json["id"]).version == 7
    assert (made.json["isActive"], made.json["maxStalenessSeconds"]) == (True, 300)
    assert made.json["settings"]["failOpen"] is True
    assert made.json["settings"]["studentFields"]["phone"] == "optional"

    got = await site.ask("GET", path, admin)
    assert got.json == made.json
    put = await site.ask(
        "PUT", path, admin, {"phone": "+64 9 1", "email": "a@b.nz"}, headers={"If-Match": got.headers["ETag"]}
    )
    assert (put.status, put.json["phone"], put.json["timezone"]) == (200, "+64 9 1", "Pacific/Auckland")
    stale = await site.ask("PUT", path, admin, {"phone": None}, headers={"If-Match": got.headers["ETag"]})
    assert stale.status == 412
    listed = await site.ask("GET", f"{SCHOOLS}?q=east&timezone=Pacific/Auckland&total=true", admin)
    assert [item["id"] for item in listed.json["data"]] == [made.json["id"]]
    rows = await site.fetch("SELECT action, school_id, resource_type FROM audit_logs ORDER BY created_at")
    assert [tuple(row) for row in rows] == [
        ("create", UUID(made.json["id"]), "school"),
        ("update", UUID(made.json["id"]), "school"),
    ]


async def test_people_of_a_school_see_and_change_their_own_alone(site: Site) -> None:
    token = site.token()
    listed = await site.ask("GET", SCHOOLS, token)
    assert [item["id"] for item in listed.json["data"]] == [str(site.schools["near"])]
    own, other = (f"{SCHOOLS}/{site.schools[code]}" for code in ("near", "far"))
    assert (await site.ask("PUT", own, token, {"name": "Nearer"})).json["name"] == "Nearer"
    assert (await site.ask("GET", other, token)).status == 404
    assert (await site.ask("PUT", other, token, {"name": "Mine"})).status == 404


async def test_only_a_super_admin_closes_a_school(site: Site) -> None:
    path = f"{SCHOOLS}/{site.schools['near']}"
    refused = await site.ask("PUT", path, site.token(), {"isActive": False, "name": "Gone"})
    assert refused.status == 403
    assert (await site.ask("PUT", path, site.token(), {"isActive": True})).status == 200
    closed = await site.ask("PUT", path, site.token("super_admin"), {"isActive": False})
    assert (closed.status, closed.json["isActive"], closed.json["name"]) == (200, False, "near")


async def test_settings_change_one_by_one_and_the_rest_stays(site: Site) -> None:
    path = f"{SCHOOLS}/{site.schools['near']}"
    await site.fetch('UPDATE schools SET settings = \'{"later": 1, "guardDesk": true}\'')
    rules: dict[str, Any] = {
        "secondFactor": ["school_admin"],
        "studentFields": {"phone": "off", "email": "required"},
        "retention": {"accessLogs": 90},
        "passwords": {"minLength": 16},
    }
    put = await site.ask("PUT", path, site.token(), {"settings": rules})
    assert put.status == 200, put.text
    settings = put.json["settings"]
    assert (settings["guardDesk"], settings["secondFactor"]) == (True, ["school_admin"])
    assert (settings["studentFields"]["phone"], settings["studentFields"]["email"]) == ("off", "required")
    assert settings["retention"] == {"accessLogs": 90, "auditLogs": 1825, "students": 365, "documents": None}
    assert settings["passwords"] == {"minLength": 16}
    again = await site.ask("PUT", path, site.token(), {"settings": {"guardDesk": False}})
    assert again.json["settings"] == settings | {"guardDesk": False}
    rows = await site.fetch("SELECT settings FROM schools WHERE id = $1", site.schools["near"])
    assert msgspec.json.decode(rows[0]["settings"])["later"] == 1


async def test_all_that_is_wrong_with_a_school_is_said_at_once(site: Site) -> None:
    body = {
        "name": " ",
        "code": "no spaces",
        "phone": "call us",
        "email": "nobody",
        "website": "javascript:alert(1)",
        "maxStalenessSeconds": -1,
        "more": 1,
        "settings": {"secondFactor": [""], "studentFields": {"phone": "maybe", "name": "off"}, "passwords": 12, "x": 1},
    }
    refused = await site.ask("POST", SCHOOLS, site.token("super_admin"), body)
    assert refused.status == 400
    assert {detail["field"] for detail in refused.json["details"]} == {
        *("name", "code", "phone", "email", "website", "maxStalenessSeconds", "more", "settings.secondFactor.0"),
        *("settings.studentFields.phone", "settings.studentFields.name", "settings.passwords", "settings.x"),
    }
    assert await site.fetch("SELECT 1 FROM schools WHERE code NOT IN ('near', 'far')") == []


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "localtime", "UTC+3"])
async def test_a_zone_has_to_be_one(site: Site, zone: str) -> None:
    body = {"timezone": zone, "settings": {"secondFactor": ["staff", "nobody"]}}
    refused = await site.ask("PUT", f"{SCHOOLS}/{site.schools['near']}", site.token(), body)
    assert refused.status == 400
    assert [detail["field"] for detail in refused.json["details"]] == ["timezone", "settings.secondFactor.1"]


async def test_a_code_is_one_schools(site: Site) -> None:
    refused = await site.ask("POST", SCHOOLS, site.token("super_admin"), {"name": "Again", "code": "near"})
    assert (refused.status, refused.json["message"]) == (409, "another school has this code")
    refused = await site.ask("PUT", f"{SCHOOLS}/{site.schools['near']}", site.token(), {"code": "far"})
    assert refused.status == 409


DEPARTMENT = {"name": "Mathematics", "code": "MATH", "headName": "Emmy Noether"}


async def test_a_department_is_made_read_changed_and_deleted(site: Site) -> None:
    token, of_school = site.token(), f"{SCHOOLS}/{site.schools['near']}/departments"
    made = await site.ask("POST", of_school, token, DEPARTMENT)
    assert made.status == 201, made.text
    path = made.headers["Location"]
    assert path == f"/api/v1/departments/{made.json['id']}"
    assert made.json["schoolId"] == str(site.schools["near"])
    taken = await site.ask("POST", of_school, token, DEPARTMENT)
    assert taken.status == 409
    put = await site.ask("PUT", path, token, {"headName": None})
    assert (put.status, put.json["headName"], put.json["code"]) == (200, None, "MATH")
    listed = await site.ask("GET", f"{of_school}?code=MATH&total=true", token)
    assert listed.json["data"] == [put.json]
    assert (await site.ask("DELETE", path, token)).status == 204
    assert (await site.ask("GET", path, token)).status == 404
    rows = await site.fetch("SELECT action FROM audit_logs WHERE resource_type = 'department' ORDER BY created_at")
    assert [row["action"] for row in rows] == ["create", "update", "delete"]


async def test_a_department_with_students_stays(site: Site) -> None:
    token = site.token()
    made = await site.ask("POST", f"{SCHOOLS}/{site.schools['near']}/departments", token, DEPARTMENT)
    await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id, department_id)"
        " VALUES ('S-1', 'A', 'B', $1, $2)",
        *(site.schools["near"], UUID(made.json["id"])),
    )
    refused = await site.ask("DELETE", made.headers["Location"], token)
    assert (refused.status, "students" in refused.json["message"]) == (409, True)
    assert (await site.ask("GET", made.headers["Location"], token)).status == 200


async def test_departments_of_another_school_are_not_there(site: Site) -> None:
    token, of_school = site.token("school_admin", "far"), f"{SCHOOLS}/{site.schools['near']}/departments"
    assert (await site.ask("GET", of_school, token)).status == 404
    assert (await site.ask("POST", of_school, token, DEPARTMENT)).status == 404
    assert (await site.ask("GET", f"{SCHOOLS}/{uuid4()}/departments", site.token("super_admin"))).status == 404


def test_what_plain_sql_has_set_in_another_shape_counts_as_not_set() -> None:
    odd = {"guardDesk": "yes", "secondFactor": "staff", "retention": {"accessLogs": 0}, "failOpen": True, "new": 1}
    assert school_settings(odd) == SchoolSettings(failOpen=True)


async def test_a_school_may_ask_for_longer_passwords(site: Site) -> None:
    admin = site.token()
    rules = {"settings": {"passwords": {"minLength": 30}}}
    assert (await site.ask("PUT", f"{SCHOOLS}/{site.schools['near']}", admin, rules)).status == 200
    token, hash_ = new_opaque()
    await site.fetch(
        "INSERT INTO mailed_tokens (hash, user_id, purpose, email, expires_at)"
        " VALUES ($1, $2, 'reset', 'near@example.org', now() + interval '1 h')",
        *(hash_, site.users["near"]),
    )
    reset = "/api/v1/auth/reset-password"
    refused = await site.ask("POST", reset, None, {"token": token, "password": "three herons on a pier"})
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "password")
    longer = {"token": token, "password": "three herons on a pier, and a lantern"}
    assert (await site.ask("POST", reset, None, longer)).status == 204
