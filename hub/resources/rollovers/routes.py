"""/students/roll-over: asked for, counted, looked at, confirmed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.domain.students import OLDEST
from hub.errors import Conflict, NotFound
from hub.resources.rollovers.jobs import ROLL_OVER
from hub.resources.rollovers.model import Asked, RollOver
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.jobs.model import Job
from hub.rest.jobs.starting import confirm_job, start_job
from hub.rest.route import Route
from hub.rest.students.query import chosen
from hub.store.queries import load_queries

Q = load_queries(__package__)
EXAMPLE: dict[str, Any] = {
    "steps": [
        {"action": "graduate", "filter": {"program": "Physics", "yearOfStudy": 3}},
        {"action": "promote", "filter": {"program": "Physics", "status": "active"}},
    ]
}


async def ask_roll_over(call: Call[None, RollOver]) -> Job:
    body, school = call.body, call.school_for(call.body.schoolId)
    filters = [msgspec.to_builtins(step.filter) for step in body.steps]
    faults = [
        fault(f"steps.{number}.filter", 'is empty, which means everybody; say "everybody": true if that is meant')
        for number, (given, step) in enumerate(zip(filters, body.steps, strict=True))
        if not given and not step.everybody
    ]
    faults += [
        fault(f"steps.{number}.everybody", "is only taken with an empty filter")
        for number, (given, step) in enumerate(zip(filters, body.steps, strict=True))
        if given and step.everybody
    ]
    if body.graduationDate is not UNSET and body.graduationDate < OLDEST:
        faults.append(fault("graduationDate", f"must not be before {OLDEST}"))
    if faults:
        raise refusal(faults)
    for step in body.steps:
        chosen(step.filter, key_ring(call.settings), school)
    zone = await (await call.tx()).fetchval(Q.school_zone, school)
    if zone is None:
        raise NotFound("no such school")
    asked = Asked(
        actions=[step.action for step in body.steps],
        filters=filters,
        passes=[step.deactivatePasses for step in body.steps],
        day=_today(zone) if body.graduationDate is UNSET else body.graduationDate,
        reason=body.reason,
    )
    return await start_job(call, ROLL_OVER, asked, school=school, told={"actions": asked.actions})


def _today(zone: str) -> date:
    """There; in UTC where the zone's name says nothing, as at the doors."""
    try:
        return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return datetime.now(UTC).date()


async def confirm_roll_over(call: Call[None, None]) -> Job:
    return await confirm_job(call, ROLL_OVER)


ROUTES = [
    Route(
        "POST",
        "/students/roll-over",
        ask_roll_over,
        summary="Promote, graduate or deactivate whole filters of students: counts first, as a job",
        permission=Permission.students_import,
        body=RollOver,
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict),
        example=EXAMPLE,
    ),
    Route(
        "POST",
        "/students/roll-over/{id}/confirm",
        confirm_roll_over,
        summary="Do what the job has counted",
        permission=Permission.students_import,
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict),
    ),
]
