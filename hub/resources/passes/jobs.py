"""The jobs of this resource."""

from __future__ import annotations

from hub.resources.passes.issuing import ISSUE
from hub.resources.passes.sending import SEND

JOBS = [ISSUE, SEND]
