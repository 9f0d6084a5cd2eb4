"""Tokens that open the live events of the demo's schools; the same on each run, and made from the demo's own secret."""

from __future__ import annotations

import base64
import hmac
import json

from hub.demo.schools import SCHOOLS


def live_token(secret_key: str, school_code: str) -> str:
    """Of one school."""
    digest = hmac.digest(secret_key.encode(), b"live events of " + school_code.encode(), "sha256")
    return "plt_" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def live_tokens_setting(secret_key: str) -> str:
    """HUB_LIVE_TOKENS of the demo."""
    return json.dumps({live_token(secret_key, school.code): school.code for school in SCHOOLS})
