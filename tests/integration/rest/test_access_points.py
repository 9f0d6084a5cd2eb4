"""/access-points, from the first request to the row and the audit of it."""

from __future__ import annotations

import hashlib
from uuid import UUID, uuid4

import pytest

from tests.integration.rest.site import SCHOOL_ADMIN, Site

POINTS = "/api/v1/access-points"


async def test_a_door_is_made_read_changed_and_deleted(site: Site) -> None:
    token = site.token()
    made = await site.ask("POST", POINTS, token, {"name": "North gate", "accessType": "both", "deviceId": "R-1"})
    assert made.status == 201
    key, id_ = made.json["deviceKey"], made.json["id"]
    assert made.headers["Location"] == f"{POINTS}/{id_}"
    assert UUID(id_).version == 7

    got = await site.ask("GET", f"{POINTS}/{id_}", token)
    assert got.status == 200
    assert "deviceKey" not in got.json
    assert got.json == {name: value for name, value in made.json.items() if name != "deviceKey"}
    keys = await site.fetch("SELECT key_hash FROM device_keys WHERE access_point_id = $1", UUID(id_))
    assert [row["key_hash"] for row in keys] == [hashlib.sha256(key.encode()).digest()]

    put = await site.ask(
        "PUT", f"{POINTS}/{id_}", token, {"location": "Wing"}, headers={"If-Match": got.headers["ETag"]}
    )
    assert put.status == 200
    assert (put.json["location"], put.json["name"]) == ("Wing", "North gate")
    assert put.headers["ETag"] != got.headers["ETag"]

    gone = await site.ask("DELETE", f"{POINTS}/{id_}", token)
    assert (gone.status, gone.text) == (204, "")
    assert (await site.ask("GET", f"{POINTS}/{id_}", token)).status == 404
    rows = await site.fetch("SELECT deleted_at, device_id FROM access_points WHERE id = $1", UUID(id_))
    assert rows[0]["deleted_at"] is not None
    assert rows[0]["device_id"] is None
    keys = await site.fetch("SELECT revoked_at, revoked_by FROM device_keys WHERE access_point_id = $1", UUID(id_))
    assert keys[0]["revoked_at"] is not None
    assert keys[0]["revoked_by"] == site.users["near"]


async def test_each_write_leaves_a_row_in_the_audit_without_the_key(site: Site) -> None:
    token = site.token()
    made = await site.ask("POST", POINTS, token, {"name": "Gate", "accessType": "entry"})
    path = f"{POINTS}/{made.json['id']}"
    await site.ask("PUT", path, token, {"name": "Door"})
    rotated = await site.ask("POST", f"{path}/rotate-key", token)
    await site.ask("DELETE", path, token)
    rows = await site.fetch("SELECT * FROM audit_logs ORDER BY created_at, id")
    assert [row["action"] for row in rows] == ["create", "update", "update", "delete"]
    assert {row["resource_id"] for row in rows} == {UUID(made.json["id"])}
    assert {row["school_id"] for row in rows} == {site.schools["near"]}
    assert {row["user_id"] for row in rows} == {site.users["near"]}
    assert '"name": "Gate"' in rows[1]["old_values"]
    text = "".join(str(row["old_values"]) + str(row["new_values"]) for row in rows)
    assert made.json["deviceKey"] not in text
    assert rotated.json["deviceKey"] not in text


async def test_a_rotated_key_works_beside_the_new_one_for_a_while(site: Site) -> None:
    token = site.token()
    made = await site.ask("POST", POINTS, token, {"name": "Gate", "accessType": "entry"})
    rotated = await site.ask("POST", f"{POINTS}/{made.json['id']}/rotate-key", token)
    assert rotated.status == 200
    assert rotated.json["deviceKey"] != made.json["deviceKey"]
    rows = await site.fetch("SELECT key_hash, expires_at > now() AS good FROM device_keys ORDER BY created_at")
    assert [row["good"] for row in rows] == [True, None]


async def test_a_device_that_is_in_use_is_a_conflict(site: Site) -> None:
    body = {"name": "Gate", "accessType": "entry", "deviceId": "R-1"}
    assert (await site.ask("POST", POINTS, site.token(), body)).status == 201
    refused = await site.ask("POST", POINTS, site.token(), body)
    assert (refused.status, refused.json["message"]) == (409, "deviceId is in use")


async def test_a_changed_door_is_not_overwritten_by_who_has_not_seen_it(site: Site) -> None:
    token, id_ = site.token(), await site.point()
    seen = (await site.ask("GET", f"{POINTS}/{id_}", token)).headers["ETag"]
    first = await site.ask("PUT", f"{POINTS}/{id_}", token, {"name": "A"}, headers={"If-Match": seen})
    second = await site.ask("PUT", f"{POINTS}/{id_}", token, {"name": "B"}, headers={"If-Match": seen})
    assert (first.status, second.status) == (200, 412)
    assert (await site.ask("GET", f"{POINTS}/{id_}", token)).json["name"] == "A"
    again = await site.ask("GET", f"{POINTS}/{id_}", token, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


async def test_a_super_admin_names_the_school(site: Site) -> None:
    token, near, far = site.token("super_admin"), await site.point("near"), await site.point("far")
    everything = await site.ask("GET", POINTS, token)
    assert {item["id"] for item in everything.json["data"]} == {str(near), str(far)}
    one = await site.ask("GET", f"{POINTS}?schoolId={site.schools['far']}", token)
    assert {item["id"] for item in one.json["data"]} == {str(far)}
    body = {"name": "Gate", "accessType": "entry"}
    assert (await site.ask("POST", POINTS, token, body)).status == 400
    made = await site.ask("POST", POINTS, token, body | {"schoolId": str(site.schools["far"])})
    assert (made.status, made.json["schoolId"]) == (201, str(site.schools["far"]))
    made = await site.ask("POST", f"{POINTS}?schoolId={site.schools['far']}", token, body)
    assert (made.status, made.json["schoolId"]) == (201, str(site.schools["far"]))
    nowhere = await site.ask("POST", f"{POINTS}?schoolId={uuid4()}", token, body)
    assert nowhere.status in {404, 409}


async def test_another_school_is_not_there(site: Site) -> None:
    token, id_ = site.token("school_admin", "far"), await site.point("near")
    assert (await site.ask("GET", POINTS, token)).json["data"] == []
    for method, path, body in (
        ("GET", f"{POINTS}/{id_}", None),
        ("PUT", f"{POINTS}/{id_}", {"name": "Mine"}),
        ("DELETE", f"{POINTS}/{id_}", None),
        ("POST", f"{POINTS}/{id_}/rotate-key", None),
        ("GET", f"{POINTS}?schoolId={site.schools['near']}", None),
        ("POST", POINTS, {"name": "Mine", "accessType": "both", "schoolId": str(site.schools["near"])}),
    ):
        refused = await site.ask(method, path, token, body)
        assert refused.status == 404, (method, path, refused.text)
    assert (await site.ask("GET", f"{POINTS}/{id_}", site.token())).json["name"] == "Gate"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (POINTS, {"name": "Gate", "accessType": "both"}),
        (
            "/api/v1/admin/users",
            {"email": "g@x.example", "firstName": "G", "lastName": "O", "roleId": str(SCHOOL_ADMIN)},
        ),
        ("/api/v1/admin/roles", {"name": "porter", "permissions": ["passes:read"]}),
    ],
)
@pytest.mark.parametrize("where", ["body", "query"])
async def test_a_school_that_is_not_there_is_not_found(
    site: Site, path: str, body: dict[str, object], where: str
) -> None:
    nowhere = str(uuid4())
    named, query = ({"schoolId": nowhere}, "") if where == "body" else ({}, f"?schoolId={nowhere}")
    answer = await site.ask("POST", path + query, site.token("super_admin"), body | named)
    assert (answer.status, answer.json["message"]) == (404, "no such school")
    assert await site.fetch("SELECT FROM audit_logs WHERE action = 'create'") == []
