"""Tokens of screens, from HUB_LIVE_TOKENS: each opens one school's events."""

from __future__ import annotations

import hashlib

import msgspec
from pydantic import SecretStr

from hub.errors import SettingsError, Unauthorized


class ScreenTokens:
    """By SHA-256: what is compared is no secret, so how long it takes tells nothing about one."""

    def __init__(self, setting: SecretStr | None) -> None:
        try:
            tokens = {} if setting is None else msgspec.json.decode(setting.get_secret_value(), type=dict[str, str])
        except msgspec.MsgspecError:
            raise SettingsError('HUB_LIVE_TOKENS: must be JSON: {"token": "school code"}') from None
        self._schools = {_hash(token): school for token, school in tokens.items()}

    def school(self, token: str) -> str:
        """The school's code. Raises Unauthorized."""
        school = self._schools.get(_hash(token))
        if school is None:
            raise Unauthorized("this token opens no school's events")
        return school


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
