"""The job of this resource."""

from __future__ import annotations

from hub.resources.signing_keys.reissue import REISSUE

JOBS = [REISSUE]
