"""The jobs of this resource."""

from __future__ import annotations

from hub.resources.passes.issuing import ISSUE
from hub.resources.passes.printing import PRINT
from hub.resources.passes.sending import SEND

JOBS = [ISSUE, PRINT, SEND]
