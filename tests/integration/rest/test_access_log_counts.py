"""How many scans there were, by time, door and reason: what the log holds, of one's own school."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.integration.rest.site import Site
from tests.integration.rest.test_access_logs import NOW, scan

COUNTS = "/api/v1/access-logs/counts"


def since(**ago: int) -> str:
    return quote((NOW - timedelta(**ago)).isoformat())


async def test_scans_are_counted_by_minute_door_and_reason(site: Site) -> None:
    door = await site.point("near")
    for minutes, reason in ((1, None), (1, None), (1, "expired_pass"), (7, "revoked_pass"), (9, "expired_pass")):
        await scan(site, minutes, access_point_id=door, status="denied" if reason else "granted", reason=reason)
    await scan(site, 1)
    await scan(site, 1, school="far")
    await scan(site, 100)
    answer = await site.ask("GET", f"{COUNTS}?accessTimeFrom={since(minutes=30)}", site.token())
    assert answer.status == 200, answer.text
    counted = answer.json
    assert [(one["granted"], one["denied"]) for one in counted["times"]] == [(0, 1), (0, 1), (3, 1)]
    assert [one["at"][16:] for one in counted["times"]] == [":00Z"] * 3
    assert counted["doors"][0] == {"accessPointId": str(door), "granted": 2, "denied": 3}
    assert len(counted["doors"]) == 2
    assert counted["reasons"] == [{"reason": "expired_pass", "count": 2}, {"reason": "revoked_pass", "count": 1}]
    hours = await site.ask("GET", f"{COUNTS}?step=hour&accessTimeFrom={since(hours=3)}", site.token())
    assert sum(one["granted"] for one in hours.json["times"]) == 4
    assert all(one["at"][13:] == ":00:00Z" for one in hours.json["times"])


@pytest.mark.parametrize("days", [None, 3, -1])
async def test_what_cannot_be_counted_is_refused(site: Site, days: int | None) -> None:
    query = "" if days is None else f"accessTimeFrom={since(days=days)}"
    answer = await site.ask("GET", f"{COUNTS}?{query}", site.token())
    assert answer.status == 400
    assert [one["field"] for one in answer.json["details"]] == ["accessTimeFrom"]
