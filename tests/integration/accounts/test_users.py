"""/admin/users: who sees, makes, changes and deletes whom; and who would like to, and may not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.accounts.office import ROLE_IDS, Office
from tests.integration.feed_world import until

USERS = "/admin/users"
ADMIN, STAFF, ROOT = "school_admin@near.example", "staff@near.example", "root@all.example"


def new(role: str = "staff", **more: Any) -> dict[str, Any]:
    return {
        "email": "new@near.example",
        "firstName": "Grace",
        "lastName": "Hopper",
        "roleId": str(ROLE_IDS[role]),
    } | more


async def test_an_account_is_made_read_changed_and_deleted(office: Office) -> None:
    token = await office.one.token(ADMIN)
    made = await office.one.ask("POST", USERS, token, new())
    assert made.status == 201, made.text
    path = f"{USERS}/{made.json['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert (made.json["schoolId"], made.json["role"]) == (str(office.schools["near"]), "staff")
    assert not any("assword" in name for name in made.json)
    got = await office.one.ask("GET", path, token)
    assert got.json == made.json
    put = await office.one.ask("PUT", path, token, {"firstName": "G."}, headers={"If-Match": got.headers["ETag"]})
    assert (put.status, put.json["firstName"], put.json["lastName"]) == (200, "G.", "Hopper")
    stale = await office.one.ask("PUT", path, token, {"firstName": "x"}, headers={"If-Match": got.headers["ETag"]})
    assert stale.status == 412
    assert (await office.one.ask("DELETE", path, token)).status == 204
    assert (await office.one.ask("GET", path, token)).status == 404
    again = await office.one.ask("POST", USERS, token, new(email="NEW@near.example"))
    assert again.status == 201
    rows = await office.fetch("SELECT action, resource_id FROM audit_logs WHERE resource_type = 'user' ORDER BY id")
    assert [row["action"] for row in rows] == ["create", "update", "delete", "create"]


async def test_a_school_sees_its_own_people_and_nobody_elses(office: Office) -> None:
    token = await office.one.token(ADMIN)
    listed = await office.one.ask("GET", f"{USERS}?sort=email", token)
    assert [item["email"] for item in listed.json["data"]] == sorted(
        email for email in office.users if email.endswith("near.example")
    )
    for email in ("staff@far.example", ROOT):
        path = f"{USERS}/{office.users[email]}"
        for method, body in (("GET", None), ("PUT", {"firstName": "Mine"}), ("DELETE", None)):
            assert (await office.one.ask(method, path, token, body)).status == 404, (method, email)
        assert (await office.one.ask("POST", f"{path}/invite", token)).status == 404
    foreign = new(schoolId=str(office.schools["far"]))
    assert (await office.one.ask("POST", USERS, token, foreign)).status == 404
    everybody = await office.one.ask("GET", f"{USERS}?total=true", await office.one.token(ROOT))
    assert everybody.json["page"]["total"] == len(office.users)


@pytest.mark.parametrize("email", ["staff@near.example", "security@near.example", "card_reader@near.example"])
async def test_who_is_no_administrator_sees_nobody(office: Office, email: str) -> None:
    token = await office.one.token(email)
    assert (await office.one.ask("GET", USERS, token)).status == 403
    assert (await office.one.ask("POST", USERS, token, new())).status == 403


async def test_nobody_makes_somebody_who_may_do_more_than_they(office: Office) -> None:
    token = await office.one.token(ADMIN)
    for body in (new("super_admin"), new("super_admin", schoolId=str(office.schools["near"]))):
        assert (await office.one.ask("POST", USERS, token, body)).status == 403
    path = f"{USERS}/{office.users[STAFF]}"
    promoted = await office.one.ask("PUT", path, token, {"roleId": str(ROLE_IDS["super_admin"])})
    assert promoted.status == 403
    # An office manager: may make users, and not much else.
    rows = await office.fetch(
        "INSERT INTO roles (id, name, school_id) VALUES ($1, 'office', $2) RETURNING id",
        *(uuid4(), office.schools["near"]),
    )
    await office.fetch(
        "INSERT INTO role_permissions SELECT $1, id FROM permissions WHERE name = ANY ($2)",
        *(rows[0]["id"], ["users:create", "users:read", "users:update", "users:delete", "passes:read"]),
    )
    await office.fetch("UPDATE users SET role_id = $1 WHERE email = $2", rows[0]["id"], STAFF)
    manager = await office.one.token(STAFF)
    for role, status in (("staff", 403), ("school_admin", 403), ("card_reader", 403)):
        assert (await office.one.ask("POST", USERS, manager, new(role))).status == status
    assert (await office.one.ask("POST", USERS, manager, new() | {"roleId": str(rows[0]["id"])})).status == 201
    tries: list[tuple[str, Any]] = [
        ("PUT", {"isActive": False}),
        ("PUT", {"email": "a@near.example"}),
        ("DELETE", None),
    ]
    for method, body in tries:
        assert (await office.one.ask(method, f"{USERS}/{office.users[ADMIN]}", manager, body)).status == 403
    own = await office.one.ask(
        "PUT", f"{USERS}/{office.users[STAFF]}", manager, {"roleId": str(ROLE_IDS["school_admin"])}
    )
    assert own.status == 403


async def test_a_role_of_another_school_is_nobodys_here(office: Office) -> None:
    foreign = (
        await office.fetch("INSERT INTO roles (name, school_id) VALUES ('x', $1) RETURNING id", office.schools["far"])
    )[0]["id"]
    body = new() | {"roleId": str(foreign)}
    assert (await office.one.ask("POST", USERS, await office.one.token(ADMIN), body)).status == 422
    body["schoolId"] = str(office.schools["near"])
    assert (await office.one.ask("POST", USERS, await office.one.token(ROOT), body)).status == 409


async def test_the_last_super_admin_is_neither_removed_nor_demoted(office: Office) -> None:
    token, path = await office.one.token(ROOT), f"{USERS}/{office.users[ROOT]}"
    assert (await office.one.ask("DELETE", path, token)).status == 409
    assert (await office.one.ask("PUT", path, token, {"isActive": False})).status == 409
    assert (await office.one.ask("PUT", path, token, {"roleId": str(ROLE_IDS["staff"])})).status == 409
    # One who was invited and never came does not count: nobody could sign in as that one.
    invited = await office.one.ask("POST", USERS, token, new("super_admin"))
    assert (invited.status, invited.json["schoolId"]) == (201, None)
    await office.person("second@all.example", "super_admin", None)
    second = await office.one.token("second@all.example")
    assert (await office.one.ask("DELETE", path, second)).status == 204
    await office.one.refuses(token)
    assert (await office.one.ask("DELETE", f"{USERS}/{office.users['second@all.example']}", second)).status == 409


async def test_nobody_deletes_or_deactivates_themselves(office: Office) -> None:
    token, path = await office.one.token(ADMIN), f"{USERS}/{office.users[ADMIN]}"
    assert (await office.one.ask("DELETE", path, token)).status == 409
    assert (await office.one.ask("PUT", path, token, {"isActive": False})).status == 409


@pytest.mark.parametrize("body", [{"isActive": False}, {"roleId": str(ROLE_IDS["security"])}, None])
async def test_what_changes_somebody_ends_their_sessions(office: Office, body: dict[str, Any] | None) -> None:
    theirs, token = await office.two.token(STAFF), await office.one.token(ADMIN)
    path = f"{USERS}/{office.users[STAFF]}"
    done = await office.one.ask("DELETE" if body is None else "PUT", path, token, body)
    assert done.status in {200, 204}
    await office.two.refuses(theirs)
    await office.one.refuses(theirs)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "two@at@near.example"},
        {"email": "line\nbreak@near.example"},
        {"email": "x@" + "y" * 300},
        {"firstName": ""},
        {"firstName": "   "},
        {"lastName": "x" * 101},
        {"roleId": "staff"},
        {"password": "is not set by somebody else"},
        {"isActive": "yes"},
    ],
)
async def test_bad_input_is_refused_by_the_fields_name(office: Office, change: dict[str, Any]) -> None:
    refused = await office.one.ask("POST", USERS, await office.one.token(ADMIN), new() | change)
    assert refused.status == 400
    assert [fault["field"] for fault in refused.json["details"]] == list(change)


async def test_an_address_is_used_once_however_it_is_typed(office: Office) -> None:
    token = await office.one.token(ADMIN)
    refused = await office.one.ask("POST", USERS, token, new(email=STAFF.upper()))
    assert (refused.status, refused.json["message"]) == (409, "email is in use")
    assert (await office.one.ask("POST", USERS, token, new(roleId=str(uuid4())))).status == 422


async def test_nobody_takes_their_own_second_factor_away_with_a_session_alone(office: Office) -> None:
    token = await office.one.token(ADMIN)
    user = office.users[ADMIN]
    await office.fetch("INSERT INTO second_factors (user_id, secret, confirmed_at) VALUES ($1, 'x', now())", user)
    refused = await office.one.ask("PUT", f"{USERS}/{user}", token, {"secondFactor": False})
    assert refused.status == 409
    assert "/auth/second-factor/remove" in refused.json["message"]
    assert len(await office.fetch("SELECT FROM second_factors WHERE user_id = $1", user)) == 1
    assert (await office.one.ask("PUT", f"{USERS}/{user}", token, {"firstName": "Grace"})).status == 200
    root = await office.one.token(ROOT)  # another administrator does
    assert (await office.one.ask("PUT", f"{USERS}/{user}", root, {"secondFactor": False})).status == 200


async def test_a_guard_at_a_desk_is_made_and_changed_by_who_may_do_as_much(office: Office) -> None:
    admin = await office.one.token(ADMIN)
    token = await office.one.token("security@near.example")
    held = (await office.one.ask("GET", "/auth/me", token)).json["permissions"]
    more = ["users:create", "users:update", "users:read"]
    role = {"name": "hires guards", "permissions": [*held, *more]}
    made = await office.one.ask("POST", "/admin/roles", admin, role)
    given = {"roleId": made.json["id"]}
    assert (await office.one.ask("PUT", f"{USERS}/{office.users[STAFF]}", admin, given)).status == 200
    narrow, guard = await office.one.token(STAFF), f"{USERS}/{office.users['security@near.example']}"
    assert (await office.one.ask("PUT", guard, narrow, {"firstName": "Grace"})).status == 200
    await office.set("near", '{"guardDesk": true}')
    assert (await office.one.ask("PUT", guard, narrow, {"email": "mine@near.example"})).status == 403
    assert (await office.one.ask("POST", USERS, narrow, new("security"))).status == 403
    assert (await office.one.ask("POST", USERS, admin, new("security"))).status == 201


async def test_guards_only_read_until_their_school_says_more(office: Office) -> None:
    token = await office.two.token("security@near.example")
    assert (await office.two.ask("GET", "/auth/me", token)).json["permissions"] == [
        "access_logs:read",
        "acknowledgements:create",
        "faces:read",
        "live:read",
        "passes:read",
    ]
    changed: list[Any] = []
    office.two.accounts.sessions.on_changed(changed.append)
    await office.set("near", '{"guardDesk": true}')
    await until(lambda: changed, "the session's rights are another's")
    more = (await office.two.ask("GET", "/auth/me", token)).json["permissions"]
    assert set(more) >= {"access_logs:create", "access_logs:annul", "visitors:create"}
    assert "lockdown:set" not in more
    other = await office.two.token("security@far.example")
    assert "visitors:create" not in (await office.two.ask("GET", "/auth/me", other)).json["permissions"]
