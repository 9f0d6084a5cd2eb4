"""The job of this resource."""

from __future__ import annotations

from hub.resources.imports.model import Asked
from hub.resources.imports.work import import_students
from hub.rest.jobs.kinds import JobKind

IMPORT = JobKind("students_import", Asked, import_students, exclusive="students")
JOBS = [IMPORT]
