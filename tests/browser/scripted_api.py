"""What the scripted hub answers to the console's requests: one guard, one person, one hour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

SCHOOL = "00000000-0000-0000-0000-0000000000a0"
ADA = str(UUID(int=1))
RIGHTS = [
    "live:read",
    "faces:read",
    "passes:read",
    "access_logs:read",
    "access_logs:create",
    "access_logs:annul",
    "acknowledgements:create",
    "access_points:read",
    "access_points:scan",
]
USER: dict[str, Any] = {
    "id": str(UUID(int=7)),
    "email": "guard@school.example",
    "firstName": "Gil",
    "lastName": "Guard",
    "role": "security",
    "schoolId": SCHOOL,
    "school": {"id": SCHOOL, "name": "North School", "timezone": "Europe/Berlin"},
    "permissions": RIGHTS,
    "secondFactor": {"required": False, "enrolled": False},
}
FACE = {
    "id": ADA,
    "studentId": "S-1",
    "name": "Ada Lovelace",
    "program": "Mathematics",
    "yearOfStudy": 2,
    "status": "active",
    "photoUrl": None,
}
PASS = {
    "id": ADA,
    "passNumber": "P-1",
    "passType": "standard",
    "status": "revoked",
    "issueDate": "2026-01-01",
    "expiryDate": "2030-01-01",
    "revokeReason": "lost",
}
CHECKS = [
    *[{"reason": "wrong_school", "passed": True}] * 2,
    {"reason": "revoked_pass", "passed": False},
]  # a reason, twice
GATE = {"id": ADA, "name": "North gate", "location": "Hill Road", "accessType": "both", "isActive": True}
_ITEM = {"schoolId": SCHOOL, "accessPointId": ADA, "accessPoint": "North gate", "at": "2026-11-25T08:00:00Z"}
_NONE = dict.fromkeys(("scanId", "decision", "reason", "note", "student", "userId", "userName"))
OPEN = [
    _ITEM | _NONE | {"id": ADA, "kind": "denial", "decision": "denied", "reason": "revoked_pass", "student": FACE},
    _ITEM | _NONE | {"id": ADA, "kind": "door", "reason": "silent"},
    _ITEM | _NONE | {"id": ADA, "kind": "entry", "decision": "granted", "reason": "known to me", "student": FACE},
    _ITEM | _NONE | {"id": ADA, "kind": "note", "note": "it was a joke", "userName": "Gil Guard"},
]
#: Of the same student, not the first.
WORN = PASS | {"id": str(UUID(int=7)), "passNumber": "P-7", "status": "expired", "revokeReason": None}
Answer = Callable[[web.Request], Awaitable[web.Response]]


def _log(number: int, **other: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=number)).isoformat()
    return {
        "id": str(UUID(int=number)),
        "accessPointId": "North gate",
        "accessTime": at,
        "status": "granted",
        "reason": None,
        "recordedBy": None,
        "annulledAt": None,
    } | other


def _counts() -> dict[str, Any]:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    times = [
        {"at": (now - timedelta(minutes=minutes)).isoformat(), "granted": minutes % 7, "denied": minutes % 3 % 2}
        for minutes in range(50)
    ]
    return {
        "times": times,
        "doors": [{"accessPointId": "North gate", "granted": 90, "denied": 3}],
        "reasons": [{"reason": "expired_pass", "count": 3}],
    }


def _always(make: Callable[[], Any]) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(make())

    return answer


async def _hand_over(request: web.Request) -> web.Response:
    found = [one for one in OPEN if one["kind"] == request.query.get("kind", one["kind"])]
    return web.json_response({"data": found, "page": {"hasMore": False}})


def api_routes() -> list[web.RouteDef]:
    logs = [_log(1), _log(2, status="denied", reason="revoked_pass"), _log(3, annulledAt="2026-01-01T00:00:00Z")]
    explained = {"decision": "denied", "reason": "revoked_pass", "checks": CHECKS}
    worn = {"decision": "denied", "reason": "expired_pass", "checks": [{"reason": "expired_pass", "passed": False}]}
    school = {"id": SCHOOL, "name": "North School", "timezone": "Europe/Berlin"}
    return [
        web.get("/api/v1/schools", _always(lambda: {"data": [school], "page": {"hasMore": False}})),
        web.get("/api/v1/access-points", _always(lambda: {"data": [GATE], "page": {"hasMore": False}})),
        web.get("/api/v1/hand-over", _hand_over),
        web.get("/api/v1/faces", _always(lambda: {"data": [FACE], "page": {"hasMore": False}})),
        web.get("/api/v1/students/{student}/card", _always(lambda: FACE | {"passes": [PASS, WORN]})),
        web.get("/api/v1/access-logs", _always(lambda: {"data": logs, "page": {"hasMore": False}})),
        web.get("/api/v1/access-logs/counts", _always(_counts)),
        web.get(f"/api/v1/passes/{ADA}/explain", _always(lambda: explained)),
        web.get(f"/api/v1/passes/{WORN['id']}/explain", _always(lambda: worn)),
    ]
