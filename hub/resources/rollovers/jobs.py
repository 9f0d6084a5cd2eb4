"""The job of this resource."""

from __future__ import annotations

from hub.resources.rollovers.model import Asked
from hub.resources.rollovers.work import roll_over
from hub.rest.jobs.kinds import JobKind

ROLL_OVER = JobKind("students_roll_over", Asked, roll_over, exclusive="students")
JOBS = [ROLL_OVER]
