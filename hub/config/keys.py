"""The keys that encrypt and sign, and how they are written in a variable."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from hub.domain.keyring import KeyRing
from hub.errors import SettingsError


class KeySettings(BaseSettings):
    """The keys of personal data, of signing keys and of the audit chain."""

    secret_key: SecretStr | None = Field(
        None,
        description="32 random bytes in base64url; encrypts signing keys and sensitive fields; no default;"
        " to exchange it, see HUB_DATA_KEYS",
    )
    data_keys: SecretStr | None = Field(
        None,
        description="32-byte keys in base64url, by commas: the first encrypts, all decrypt, and so does HUB_SECRET_KEY",
    )
    audit_key: SecretStr | None = Field(
        None,
        description="32 random bytes in base64url that sign the audit chain; several by commas: the first signs;"
        " without it nothing is sealed",
    )
    audit_heads: Path | None = Field(
        None,
        description="file that the signed heads of the audit chain are appended to; keep it off the database's host",
    )

    @field_validator("secret_key")
    @classmethod
    def _key_has_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            decode_key(value.get_secret_value())
        return value

    @field_validator("data_keys", "audit_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """A compose file can hand on a variable that may be left out only as an empty one."""
        return None if value == "" else value

    @field_validator("data_keys", "audit_key")
    @classmethod
    def _keys_have_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            decode_keys(value.get_secret_value())
        return value


def decode_key(text: str) -> bytes:
    """32 bytes from base64url, padded or not. Raises ValueError that says how to make one, never showing the value."""
    hint = "must be 32 bytes in base64url; make one with: passhub settings --new-secret-key"
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(hint) from None
    if len(raw) != 32:
        raise ValueError(hint)
    return raw


def decode_keys(text: str) -> list[bytes]:
    """One key or several, with commas between them. Raises ValueError, as `decode_key`, and when one is there twice."""
    keys = [decode_key(part.strip()) for part in text.split(",")]
    if len(set(keys)) != len(keys):
        raise ValueError("has the same key twice")
    return keys


def key_ring(settings: KeySettings) -> KeyRing:
    """The keys of HUB_DATA_KEYS, then HUB_SECRET_KEY. Raises SettingsError when there is none at all."""
    keys = [] if settings.data_keys is None else decode_keys(settings.data_keys.get_secret_value())
    if settings.secret_key is not None:
        keys.append(decode_key(settings.secret_key.get_secret_value()))
    if not keys:
        raise SettingsError(
            "HUB_SECRET_KEY is not set, nor HUB_DATA_KEYS: personal data and signing keys cannot be encrypted; set the"
            " key that this installation was made with, or for a new one: passhub settings --new-secret-key"
        )
    return KeyRing(dict.fromkeys(keys))


def audit_seeds(settings: KeySettings) -> list[bytes]:
    """The keys of HUB_AUDIT_KEY, the signing one first; none when it is not set."""
    return [] if settings.audit_key is None else decode_keys(settings.audit_key.get_secret_value())
