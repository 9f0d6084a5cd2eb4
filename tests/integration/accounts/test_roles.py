"""/admin/roles and /admin/permissions: made out of what one holds, in force at once, and never the built-in ones."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from hub.accounts.permissions import BUILT_IN, Permission
from tests.integration.accounts.office import ROLE_IDS, Office
from tests.integration.feed_world import until

ROLES = "/admin/roles"
ADMIN, STAFF, ROOT = "school_admin@near.example", "staff@near.example", "root@all.example"
NEW = {"name": "front desk", "permissions": ["passes:read", "visitors:create"]}


async def test_the_tables_hold_what_the_program_says(office: Office) -> None:
    rows = await office.fetch("SELECT name, resource, action FROM permissions")
    assert {row["name"] for row in rows} == {permission.value for permission in Permission}
    assert all(f"{row['resource']}:{row['action']}" == row["name"] for row in rows)
    held = await office.fetch(
        "SELECT r.name, array_agg(p.name) AS permissions FROM roles r JOIN role_permissions rp ON rp.role_id = r.id"
        " JOIN permissions p ON p.id = rp.permission_id WHERE r.built_in GROUP BY r.name"
    )
    assert {row["name"]: set(row["permissions"]) for row in held} == {
        name: {permission.value for permission in permissions} for name, permissions in BUILT_IN.items()
    }


async def test_all_permissions_are_listed(office: Office) -> None:
    token = await office.one.token(ADMIN)
    listed = await office.one.ask("GET", "/admin/permissions?limit=200", token)
    assert [item["name"] for item in listed.json["data"]] == sorted(permission.value for permission in Permission)
    assert (await office.one.ask("GET", "/admin/permissions", await office.one.token(STAFF))).status == 403


async def test_a_role_is_made_given_and_changed_and_counts_at_once(office: Office) -> None:
    token = await office.one.token(ADMIN)
    made = await office.one.ask("POST", ROLES, token, NEW)
    assert made.status == 201, made.text
    assert made.json["schoolId"] == str(office.schools["near"])
    assert not made.json["builtIn"]
    user = f"/admin/users/{office.users[STAFF]}"
    assert (await office.one.ask("PUT", user, token, {"roleId": made.json["id"]})).status == 200
    theirs = await office.two.token(STAFF)
    assert (await office.two.ask("GET", "/auth/me", theirs)).json["permissions"] == NEW["permissions"]
    assert (await office.two.ask("GET", "/admin/users", theirs)).status == 403

    path = f"{ROLES}/{made.json['id']}"
    changed: list[object] = []
    office.two.accounts.sessions.on_changed(changed.append)
    put = await office.one.ask("PUT", path, token, {"permissions": ["users:read"], "description": "sees people"})
    assert (put.status, put.json["permissions"], put.json["name"]) == (200, ["users:read"], "front desk")
    await until(lambda: changed, "the session's rights are another's")
    assert (await office.two.ask("GET", "/admin/users", theirs)).status == 200
    rows = await office.fetch("SELECT old_values, new_values FROM audit_logs WHERE resource_type = 'role' ORDER BY id")
    assert "visitors:create" in rows[1]["old_values"]
    assert "users:read" in rows[1]["new_values"]


async def test_another_schools_role_is_not_there(office: Office) -> None:
    made = await office.one.ask("POST", ROLES, await office.one.token("school_admin@far.example"), NEW)
    token = await office.one.token(ADMIN)
    path = f"{ROLES}/{made.json['id']}"
    assert (await office.one.ask("GET", path, token)).status == 404
    assert (await office.one.ask("PUT", path, token, {"name": "mine"})).status == 404
    listed = await office.one.ask("GET", ROLES, token)
    assert {item["name"] for item in listed.json["data"]} == set(BUILT_IN)
    assert (await office.one.ask("POST", ROLES, token, NEW)).status == 201  # the same name in another school
    assert (await office.one.ask("POST", ROLES, token, NEW)).status == 409


async def test_nobody_grants_what_they_do_not_hold(office: Office) -> None:
    token = await office.one.token(ADMIN)
    refused = await office.one.ask("POST", ROLES, token, {"name": "x", "permissions": ["schools:create"]})
    assert refused.status == 403
    assert "schools:create" in refused.json["message"]
    made = await office.one.ask("POST", ROLES, token, NEW)
    path = f"{ROLES}/{made.json['id']}"
    assert (await office.one.ask("PUT", path, token, {"permissions": ["signing_keys:rotate"]})).status == 403
    assert (await office.one.ask("GET", path, token)).json["permissions"] == sorted(NEW["permissions"])
    # What a super admin has put into it is beyond the school's own administrators.
    root = await office.one.token(ROOT)
    assert (await office.one.ask("PUT", path, root, {"permissions": ["schools:create"]})).status == 200
    assert (await office.one.ask("PUT", path, token, {"permissions": ["passes:read"]})).status == 403


async def test_the_installations_roles_are_its_super_admins(office: Office) -> None:
    root, token = await office.one.token(ROOT), await office.one.token(ADMIN)
    made = await office.one.ask("POST", ROLES, root, NEW)
    assert (made.status, made.json["schoolId"]) == (201, None)
    path = f"{ROLES}/{made.json['id']}"
    assert (await office.one.ask("GET", path, token)).status == 200
    assert (await office.one.ask("PUT", path, token, {"name": "mine"})).status == 403
    assert (await office.one.ask("PUT", path, root, {"name": "theirs"})).status == 200


@pytest.mark.parametrize("role", BUILT_IN)
async def test_built_in_roles_stay_as_they_are(office: Office, role: str) -> None:
    path = f"{ROLES}/{ROLE_IDS[role]}"
    for email in (ADMIN, ROOT):
        token = await office.one.token(email)
        bodies: list[dict[str, Any]] = [{"permissions": []}, {"name": "x"}, {"description": "x"}]
        for body in bodies:
            assert (await office.one.ask("PUT", path, token, body)).status == 409
        assert (await office.one.ask("POST", ROLES, token, NEW | {"name": role.upper()})).status == 409
    for statement in (
        "DELETE FROM role_permissions WHERE role_id = $1",
        "INSERT INTO role_permissions SELECT $1, id FROM permissions ON CONFLICT DO NOTHING",
        "UPDATE roles SET name = 'x' WHERE id = $1",
        "UPDATE roles SET built_in = false WHERE id = $1",
        "UPDATE roles SET id = gen_random_uuid() WHERE id = $1",
        "DELETE FROM roles WHERE id = $1",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await office.fetch(statement, ROLE_IDS[role])


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
async def test_bad_names_are_refused(office: Office, name: str) -> None:
    refused = await office.one.ask("POST", ROLES, await office.one.token(ADMIN), NEW | {"name": name})
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "name")


async def test_an_unknown_permission_is_refused(office: Office) -> None:
    body = {"name": "x", "permissions": ["everything:always"]}
    assert (await office.one.ask("POST", ROLES, await office.one.token(ADMIN), body)).status == 400


async def with_permissions(office: Office, *permissions: str) -> str:
    """A session of somebody at near who may just that."""
    admin = await office.one.token(ADMIN)
    made = await office.one.ask("POST", ROLES, admin, {"name": "narrow", "permissions": [*permissions]})
    given = {"roleId": made.json["id"]}
    assert (await office.one.ask("PUT", f"/admin/users/{office.users[STAFF]}", admin, given)).status == 200
    return await office.one.token(STAFF)


async def test_two_who_change_a_role_at_once_do_so_one_after_the_other(office: Office) -> None:
    """What the school asks of the role it goes on asking, though the second had read the former name."""
    token = await office.one.token(ADMIN)
    path = f"{ROLES}/{(await office.one.ask('POST', ROLES, token, NEW)).json['id']}"
    await office.set("near", '{"secondFactor": ["front desk"]}')
    tag = (await office.one.ask("GET", path, token)).headers["ETag"]
    first = await asyncpg.connect(office.database)
    try:
        async with first.transaction():
            await first.execute("UPDATE roles SET name = 'entrance' WHERE name = 'front desk'")
            await first.execute(
                "UPDATE schools SET settings = '{\"secondFactor\": [\"entrance\"]}' WHERE code = 'near'"
            )
            later = asyncio.create_task(office.one.ask("PUT", path, token, {"permissions": ["passes:read"]}))
            by_tag = {"If-Match": tag}
            stale = asyncio.create_task(office.two.ask("PUT", path, token, {"description": "x"}, headers=by_tag))
            await office.until_somebody_waits()
    finally:
        await first.close()
    put = await later
    assert (put.status, put.json["name"], put.json["permissions"]) == (200, "entrance", ["passes:read"])
    assert (await stale).status == 412


async def test_the_guard_desk_is_a_grant_too_and_what_is_forbidden_is_kept(office: Office) -> None:
    narrow, school = await with_permissions(office, "schools:read", "schools:update"), office.schools["near"]
    path, on = f"/schools/{school}", {"settings": {"guardDesk": True}}
    refused = await office.one.ask("PUT", path, narrow, on)
    assert refused.status == 403
    assert "access_logs:annul" in refused.json["message"]
    (entry,) = [one for one in office.one.trail.kept if one.action == "refuse"]
    assert (entry.user_id, entry.resource_type, entry.resource_id) == (office.users[STAFF], "schools", school)
    assert entry.new is not None
    assert entry.new["route"] == "PUT /schools/{id}"
    assert (await office.one.ask("PUT", path, narrow, {"phone": "+351 21 000 0000"} | {"settings": {}})).status == 200
    assert (await office.one.ask("PUT", path, await office.one.token(ADMIN), on)).status == 200
    assert (await office.one.ask("PUT", path, narrow, on)).status == 200  # it is on already
    assert (await office.one.ask("PUT", path, narrow, {"settings": {"guardDesk": False}})).status == 200


async def test_who_tries_to_grant_more_is_in_the_audit(office: Office) -> None:
    narrow = await with_permissions(office, "roles:create", "roles:read", "users:read", "users:update")
    more = {"name": "more", "permissions": ["roles:read", "students:erase"]}
    assert (await office.one.ask("POST", ROLES, narrow, more)).status == 403
    user = f"/admin/users/{office.users[STAFF]}"
    assert (await office.one.ask("PUT", user, narrow, {"roleId": str(ROLE_IDS["school_admin"])})).status == 403
    kept = [(one.resource_type, (one.new or {})["why"]) for one in office.one.trail.kept if one.action == "refuse"]
    assert kept == [
        ("roles", "you do not hold students:erase"),
        ("users", "the role school_admin may do what you may not"),
    ]


@pytest.mark.parametrize("who", [ADMIN, ROOT])
async def test_by_another_name_a_role_needs_its_second_factor_still(office: Office, who: str) -> None:
    """A role of a school, and one of the installation's."""
    token = await office.one.token(who)
    made = (await office.one.ask("POST", ROLES, token, NEW)).json
    near, far = (f"/schools/{office.schools[code]}" for code in ("near", "far"))
    root = await office.one.token(ROOT)
    wanted = {"settings": {"secondFactor": ["staff", NEW["name"]]}}
    assert (await office.one.ask("PUT", near, root, wanted)).status == 200
    await office.set("far", '{"secondFactor": ["front desk"]}')
    assert (await office.one.ask("PUT", f"{ROLES}/{made['id']}", token, {"name": "the desk"})).status == 200
    settings = [(await office.one.ask("GET", path, root)).json["settings"]["secondFactor"] for path in (near, far)]
    assert settings == [["staff", "the desk"], ["the desk" if who == ROOT else "front desk"]]
    told = [row for row in await office.audited("update") if "renamed" in (row["new_values"] or "")]
    assert {row["resource_id"] for row in told} == set(
        office.schools.values() if who == ROOT else [office.schools["near"]]
    )
