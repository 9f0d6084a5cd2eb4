"""A pass as a picture, and every check of what a door says to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hub.domain.ids import new_id
from tests.integration.rest.site import Site

PASSES = "/api/v1/passes"


async def made(site: Site, **more: Any) -> dict[str, Any]:
    body = {"visitorName": "Grace Hopper", "hostName": "Ada"} | more
    answer = await site.ask("POST", f"{PASSES}/visitors", site.token(), body)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize(
    ("query", "media", "start"),
    [
        ("", "image/svg+xml", "<svg "),
        ("?format=svg&ecc=H", "image/svg+xml", "<svg "),
        ("?format=png&size=250", "image/png", "\ufffdPNG"),
        ("?format=pdf&size=200", "application/pdf", "%PDF-1.4"),
    ],
)
async def test_a_code_is_drawn_once_and_known_by_its_tag(site: Site, query: str, media: str, start: str) -> None:
    one, token = await made(site), site.token("security")
    path = f"{PASSES}/{one['id']}/qr{query}"
    drawn = await site.ask("GET", path, token)
    assert (drawn.status, drawn.headers["Content-Type"]) == (200, media), drawn.text
    assert drawn.text.startswith(start)
    assert one["passNumber"] in drawn.headers["Content-Disposition"]
    assert (await site.ask("GET", path, token)).text == drawn.text
    same = await site.ask("GET", path, token, headers={"If-None-Match": drawn.headers["ETag"]})
    assert (same.status, same.text) == (304, "")
    whose = UUID(one["studentId"]) if one["studentId"] else None
    told = [(entry.action, entry.resource_type, entry.subject_id) for entry in site.trail.kept]
    assert told == [("read", "pass", whose)] * 3
    last = (datetime.now(UTC) + timedelta(days=9)).date()
    await site.ask("POST", f"{PASSES}/{one['id']}/renew", site.token(), {"expiryDate": str(last)})
    renewed = await site.ask("GET", path, token, headers={"If-None-Match": drawn.headers["ETag"]})
    assert renewed.status == 200
    assert renewed.text != drawn.text


@pytest.mark.parametrize("query", ["format=gif", "size=99", "size=2001", "size=x", "ecc=m", "colour=red"])
async def test_what_cannot_be_drawn_is_refused(site: Site, query: str) -> None:
    one = await made(site)
    assert (await site.ask("GET", f"{PASSES}/{one['id']}/qr?{query}", site.token())).status == 400


async def explained(site: Site, one: dict[str, Any], door: Any, query: str = "") -> dict[str, Any]:
    answer = await site.ask("GET", f"{PASSES}/{one['id']}/explain?accessPointId={door}{query}", site.token())
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


async def test_every_check_is_told(site: Site) -> None:
    one, door = await made(site, issueDate="2026-09-01", expiryDate="2026-09-30", maxUses=1), await site.point()
    good = await explained(site, one, door, "&at=2026-09-30T23:59:59Z")
    assert (good["decision"], good["reason"], good["localDay"]) == ("granted", None, "2026-09-30")
    assert all(check["passed"] for check in good["checks"])
    late = await explained(site, one, door, "&at=2026-10-01T00:00:00Z")
    assert (late["decision"], late["reason"]) == ("denied", "expired_pass")
    await site.fetch("UPDATE schools SET timezone = 'America/New_York'")
    there = await explained(site, one, door, "&at=2026-10-01T00:00:00Z")
    assert (there["decision"], there["localDay"]) == ("granted", "2026-09-30")

    await site.fetch("UPDATE passes SET uses = 1")
    used = await explained(site, one, door, "&at=2026-09-30T12:00:00Z")
    assert used["reason"] == "uses_exhausted"
    assert [check["reason"] for check in used["checks"] if not check["passed"]] == ["uses_exhausted"]
    out = await explained(site, one, door, "&at=2026-09-30T12:00:00Z&direction=exit")
    assert out["decision"] == "granted"

    await site.fetch("UPDATE access_points SET is_active = false")
    shut = await explained(site, one, door, "&at=2026-09-30T12:00:00Z")
    assert shut["reason"] == "access_point_inactive"


async def test_an_explanation_needs_a_door_of_ones_own(site: Site) -> None:
    one = await made(site)
    path = f"{PASSES}/{one['id']}/explain"
    assert (await site.ask("GET", path, site.token())).status == 400
    for door in (await site.point("far"), new_id()):
        assert (await site.ask("GET", f"{path}?accessPointId={door}", site.token())).status == 404
    at = "&at=0001-01-01T00:00:00Z"
    assert (await site.ask("GET", f"{path}?accessPointId={await site.point()}{at}", site.token())).status == 400
