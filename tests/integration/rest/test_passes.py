"""Passes through HTTP: made, changed, switched, taken back, renewed, replaced, and what is kept of all that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.domain.qr import load_public_key, lookup_key, read_code
from tests.integration.rest.site import Site

PASSES = "/api/v1/passes"
TEMPLATES = "/api/v1/passes/templates"
NEXT_YEAR = str(datetime.now(UTC).year + 1)


async def student(site: Site, status: str = "active", school: str = "near", *, deleted: bool = False) -> str:
    rows = await site.fetch(
        "INSERT INTO students (student_id, first_name, last_name, school_id, status, deleted_at)"
        " VALUES ($1, 'Ada', 'Lovelace', $2, $3, CASE WHEN $4 THEN now() END) RETURNING id",
        *(str(uuid4()), site.schools[school], status, deleted),
    )
    return str(rows[0]["id"])


async def made(site: Site, token: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"studentId": await student(site), "expiryDate": f"{NEXT_YEAR}-07-31"} | more
    answer = await site.ask("POST", PASSES, token or site.token(), body)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


async def test_a_pass_is_made_signed_and_found(site: Site) -> None:
    token, holder = site.token(), await student(site)
    body = {"studentId": holder, "passType": "standard", "issueDate": "2026-09-01", "expiryDate": "2027-07-31"}
    answer = await site.ask("POST", PASSES, token, body)
    assert answer.status == 201, answer.text
    one = answer.json
    assert {name: one[name] for name in body} == body
    assert (one["status"], one["schoolId"], one["uses"]) == ("active", str(site.schools["near"]), 0)
    assert one["issuedBy"] == str(site.users["near"])
    assert answer.headers["Location"] == f"{PASSES}/{one['id']}"
    assert (await site.ask("GET", answer.headers["Location"], token)).json == one
    (row,) = await site.fetch("SELECT * FROM signing_keys")
    claims = read_code(one["qrCode"], {row["kid"]: load_public_key(row["public_key"])})
    assert (claims.pass_id, claims.school_id, claims.kid) == (UUID(one["id"]), site.schools["near"], one["keyId"])
    assert datetime.fromtimestamp(claims.not_before, UTC) == datetime(2026, 9, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(claims.expires, UTC) == datetime(2027, 7, 31, 23, 59, 59, tzinfo=UTC)
    (stored,) = await site.fetch("SELECT lookup_key FROM passes")
    assert stored["lookup_key"] == lookup_key(one["qrCode"])


async def test_days_are_the_schools(site: Site) -> None:
    await site.fetch("UPDATE schools SET timezone = 'Pacific/Auckland'")
    one = await made(site, issueDate="2026-09-01", expiryDate="2026-09-01")
    (row,) = await site.fetch("SELECT * FROM signing_keys")
    claims = read_code(one["qrCode"], {row["kid"]: load_public_key(row["public_key"])})
    assert datetime.fromtimestamp(claims.not_before, UTC) == datetime(2026, 8, 31, 12, tzinfo=UTC)
    assert datetime.fromtimestamp(claims.expires, UTC) == datetime(2026, 9, 1, 11, 59, 59, tzinfo=UTC)


async def test_all_faults_are_said_at_once(site: Site) -> None:
    body = {
        "passType": "gold",
        "issueDate": "2026-02-30",
        "expiryDate": "soon",
        "passNumber": "?",
        "colour": "red",
        "studentId": "1",
    }
    answer = await site.ask("POST", PASSES, site.token(), body)
    assert answer.status == 400
    assert {one["field"] for one in answer.json["details"]} == set(body)
    wrong = {"issueDate": "1900-01-01", "expiryDate": "1890-01-01", "visitorName": "X", "maxUses": 1}
    answer = await site.ask("POST", PASSES, site.token(), wrong)
    assert {one["field"] for one in answer.json["details"]} == {
        *("studentId", "visitorName", "maxUses", "issueDate", "expiryDate")
    }
    answer = await site.ask("POST", PASSES, site.token(), {"passType": "visitor"})
    assert {one["field"] for one in answer.json["details"]} == {"visitorName", "expiryDate"}
    assert await site.fetch("SELECT FROM passes") == []


@pytest.mark.parametrize("status", ["graduated", "deleted", "nobody", "elsewhere"])
async def test_nobody_gets_a_pass_who_may_not(site: Site, status: str) -> None:
    holder = {
        "graduated": await student(site, "graduated"),
        "deleted": await student(site, deleted=True),
        "nobody": str(uuid4()),
        "elsewhere": await student(site, school="far"),
    }[status]
    body = {"studentId": holder, "expiryDate": f"{NEXT_YEAR}-07-31"}
    answer = await site.ask("POST", PASSES, site.token(), body)
    assert (answer.status, answer.json["details"][0]["field"]) == (422, "studentId")
    assert await site.fetch("SELECT FROM passes") == []


async def test_a_number_is_nobody_elses(site: Site) -> None:
    await made(site, passNumber="CARD-1")
    body = {"studentId": await student(site), "expiryDate": f"{NEXT_YEAR}-07-31", "passNumber": "CARD-1"}
    answer = await site.ask("POST", PASSES, site.token(), body)
    assert (answer.status, answer.json["message"]) == (409, "passNumber is in use")


async def test_a_visitor_is_let_in_today(site: Site) -> None:
    body: dict[str, Any] = {"visitorName": "Grace Hopper", "hostName": "Ada Lovelace", "maxUses": 2}
    answer = await site.ask("POST", f"{PASSES}/visitors", site.token(), body)
    assert answer.status == 201, answer.text
    one = answer.json
    assert (one["passType"], one["studentId"], one["maxUses"], one["hostName"]) == ("visitor", None, 2, "Ada Lovelace")
    assert one["issueDate"] == one["expiryDate"] == str(datetime.now(UTC).date())
    answer = await site.ask("POST", f"{PASSES}/visitors", site.token(), body | {"maxUses": 101})
    assert answer.status == 400


async def test_a_template_fills_in_what_is_left_out(site: Site) -> None:
    token = site.token()
    body = {"name": "Day guest", "passType": "visitor", "validDays": 3, "numberPrefix": "V-"}
    kind = await site.ask("POST", TEMPLATES, token, body)
    assert kind.status == 201, kind.text
    one = await made(
        site,
        studentId=None,
        visitorName="Grace",
        templateId=kind.json["id"],
        issueDate="2026-09-01",
        expiryDate="2026-09-03",
    )
    assert one["passType"] == "visitor"
    body = {"visitorName": "Grace", "templateId": kind.json["id"], "issueDate": "2026-12-30"}
    two = (await site.ask("POST", PASSES, token, body)).json
    assert (two["expiryDate"], two["passNumber"][:2]) == ("2027-01-01", "V-")
    path = f"{TEMPLATES}/{kind.json['id']}"
    tag = (await site.ask("GET", path, token)).headers["ETag"]
    changed = await site.ask("PUT", path, token, {"isActive": False}, headers={"If-Match": tag})
    assert (changed.status, changed.json["isActive"]) == (200, False)
    assert (await site.ask("POST", PASSES, token, body)).status == 422
    assert (await site.ask("POST", PASSES, token, body | {"templateId": str(uuid4())})).status == 422
    listed = await site.ask("GET", f"{TEMPLATES}?isActive=false&q=guest", token)
    assert [item["id"] for item in listed.json["data"]] == [kind.json["id"]]
    again = {"name": "Day guest", "passType": "standard"}
    assert (await site.ask("POST", TEMPLATES, token, again)).status == 409


async def test_lists_are_filtered_and_hold_no_code(site: Site) -> None:
    token, one, two = site.token(), await made(site), await made(site, issueDate="2026-01-01", expiryDate="2026-01-31")
    for query, found in (
        (f"studentId={one['studentId']}", [one]),
        (f"passNumber={two['passNumber']}", [two]),
        ("expiryDateTo=2026-12-31", [two]),
        ("expiryDateFrom=2026-01-31&expiryDateTo=2026-01-31", [two]),
        ("issueDateFrom=2026-01-02", [one]),
        ("status=revoked", []),
        ("passType=standard&sort=expiryDate", [two, one]),
        (f"keyId={one['keyId']}&sort=createdAt", [one, two]),
    ):
        page = await site.ask("GET", f"{PASSES}?{query}", token)
        assert [item["id"] for item in page.json["data"]] == [item["id"] for item in found], query
        assert all("qrCode" not in item for item in page.json["data"])


async def act(site: Site, one: dict[str, Any], what: str, body: Any = None) -> tuple[int, Any]:
    answer = await site.ask("POST", f"{PASSES}/{one['id']}/{what}", site.token(), body)
    return answer.status, answer.json


async def test_a_pass_is_switched_off_and_on_and_its_history_says_who_and_why(site: Site) -> None:
    one = await made(site)
    status, off = await act(site, one, "deactivate", {"reason": "left at home"})
    assert (status, off["status"], off["qrCode"]) == (200, "inactive", one["qrCode"])
    assert (await act(site, one, "deactivate", {}))[0] == 400
    status, on = await act(site, one, "activate")
    assert (status, on["status"]) == (200, "active")
    await site.fetch("UPDATE passes SET status = 'expired'")
    known = (await site.ask("GET", f"{PASSES}/{one['id']}/history", site.token())).json["data"]
    assert [(e["kind"], e["reason"], e["userId"]) for e in known] == [
        ("deactivated", "left at home", str(site.users["near"])),
        ("activated", None, str(site.users["near"])),
        ("expired", None, None),
    ]
    assert known[0]["changes"] == {"status": "inactive"}
    for what, body in (("activate", None), ("deactivate", {"reason": "x"}), ("replace", {})):
        assert (await act(site, one, what, body))[0] == 409, what


async def test_delete_deactivates_and_may_be_said_twice(site: Site) -> None:
    one, token = await made(site), site.token()
    for _ in range(2):
        assert (await site.ask("DELETE", f"{PASSES}/{one['id']}", token)).status == 204
    assert (await site.ask("GET", f"{PASSES}/{one['id']}", token)).json["status"] == "inactive"


async def test_revoked_is_for_good(site: Site) -> None:
    one = await made(site)
    status, gone = await act(site, one, "revoke", {"reason": "lent to a friend"})
    assert (status, gone["status"], gone["revokeReason"]) == (200, "revoked", "lent to a friend")
    assert gone["revokedBy"] == str(site.users["near"])
    assert gone["revokedAt"] is not None
    for what, body in (
        ("revoke", {"reason": "x"}),
        ("activate", None),
        ("deactivate", {"reason": "x"}),
        ("renew", {"expiryDate": f"{NEXT_YEAR}-08-31"}),
        ("replace", {}),
    ):
        assert (await act(site, one, what, body))[0] == 409, what
    put = await site.ask("PUT", f"{PASSES}/{one['id']}", site.token(), {"expiryDate": f"{NEXT_YEAR}-08-31"})
    assert put.status == 409


async def test_a_renewed_pass_has_another_code_and_is_active(site: Site) -> None:
    one = await made(site, issueDate="2026-01-01", expiryDate="2026-01-31")
    await site.fetch("UPDATE passes SET status = 'expired'")
    status, new = await act(site, one, "renew", {"expiryDate": f"{NEXT_YEAR}-07-31"})
    assert (status, new["status"], new["expiryDate"]) == (200, "active", f"{NEXT_YEAR}-07-31")
    assert new["qrCode"] != one["qrCode"]
    for last in ("2026-01-30", "2025-12-31"):
        status, refused = await act(site, one, "renew", {"expiryDate": last})
        assert (status, refused["details"][0]["field"]) == (400, "expiryDate")
    await site.fetch("UPDATE students SET status = 'graduated'")
    assert (await act(site, one, "renew", {"expiryDate": f"{NEXT_YEAR}-08-31"}))[0] == 422


async def test_a_lost_pass_is_replaced_in_one_step(site: Site) -> None:
    one = await made(site)
    status, new = await act(site, one, "replace", {"reason": "lost on the bus"})
    assert status == 201
    assert (new["replacesId"], new["status"], new["studentId"]) == (one["id"], "active", one["studentId"])
    assert (new["issueDate"], new["expiryDate"]) == (one["issueDate"], one["expiryDate"])
    assert new["qrCode"] != one["qrCode"]
    old = (await site.ask("GET", f"{PASSES}/{one['id']}", site.token())).json
    assert (old["status"], old["revokeReason"]) == ("revoked", "replaced: lost on the bus")
    (row,) = await site.fetch("SELECT count(DISTINCT xmin::text) AS commits FROM passes")
    assert row["commits"] == 1


async def test_other_days_are_another_code_and_etags_count(site: Site) -> None:
    one, token = await made(site), site.token()
    path = f"{PASSES}/{one['id']}"
    tag = (await site.ask("GET", path, token)).headers["ETag"]
    body = {"expiryDate": f"{NEXT_YEAR}-12-31"}
    changed = await site.ask("PUT", path, token, body, headers={"If-Match": tag})
    assert (changed.status, changed.json["expiryDate"]) == (200, body["expiryDate"])
    assert changed.json["qrCode"] != one["qrCode"]
    assert (await site.ask("PUT", path, token, body, headers={"If-Match": tag})).status == 412
    faulty: list[tuple[Any, str]] = [
        ({"expiryDate": "2020-01-01"}, "expiryDate"),
        ({"maxUses": 3}, "maxUses"),
        ({"studentId": str(uuid4())}, "studentId"),
    ]
    for change, field in faulty:
        refused = await site.ask("PUT", path, token, change)
        assert (refused.status, refused.json["details"][0]["field"]) == (400, field)


async def test_the_audit_keeps_each_change_and_no_code(site: Site) -> None:
    one = await made(site)
    await act(site, one, "deactivate", {"reason": "left at home"})
    await act(site, one, "replace", {"reason": "lost"})
    rows = await site.fetch("SELECT * FROM audit_logs ORDER BY created_at, id")
    assert [row["action"] for row in rows] == ["create", "update", "create"]
    assert "left at home" in rows[1]["new_values"]
    assert "SP1:" not in "".join(str(row["old_values"]) + str(row["new_values"]) for row in rows)


async def test_another_schools_pass_is_not_there(site: Site) -> None:
    one, token = await made(site), site.token("school_admin", "far")
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"expiryDate": f"{NEXT_YEAR}-08-31"}),
        ("DELETE", "", None),
        ("POST", "/activate", None),
        ("POST", "/revoke", {"reason": "x"}),
        ("POST", "/renew", {"expiryDate": f"{NEXT_YEAR}-08-31"}),
        ("POST", "/replace", {}),
        ("GET", "/history", None),
    ):
        assert (await site.ask(method, f"{PASSES}/{one['id']}{path}", token, body)).status == 404, path
    assert (await site.ask("GET", PASSES, token)).json["data"] == []


async def test_two_schools_sign_with_the_installations_one_key(site: Site) -> None:
    body = {"visitorName": "Grace", "hostName": "Ada"}
    for school in ("near", "far"):
        made_there = await site.ask("POST", f"{PASSES}/visitors", site.token("school_admin", school), body)
        assert made_there.status == 201
    (key,) = await site.fetch("SELECT school_id, private_key FROM signing_keys")
    assert key["school_id"] is None
    assert len(key["private_key"]) > 32
