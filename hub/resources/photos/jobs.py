"""The job of this resource."""

from __future__ import annotations

from hub.resources.photos.importing import import_photos
from hub.resources.photos.model import Asked
from hub.rest.jobs.kinds import JobKind

IMPORT = JobKind("photos_import", Asked, import_photos, exclusive="photos")
JOBS = [IMPORT]
