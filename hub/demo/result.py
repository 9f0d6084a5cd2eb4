"""What a seed hands back, and the secrets that only its first run knows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from hub.errors import StartError


class Account(msgspec.Struct, rename="camel"):
    """`password` is None where nobody but its owner knows it any more; `school_code` is None for a super admin."""

    email: str
    password: str | None
    role: str
    school_code: str | None


class AccessPoint(msgspec.Struct, rename="camel"):
    """`device_key` is None when its text is not known any more."""

    id: str
    name: str
    school_code: str
    device_key: str | None
    access_type: str


class Code(msgspec.Struct, rename="camel", omit_defaults=True):
    """A code and the school at whose doors it is granted, or denied for `reason`."""

    qr_code: str
    school_code: str
    pass_id: str | None = None
    reason: str | None = None


class Codes(msgspec.Struct):
    granted: list[Code]
    denied: list[Code]


class SeedResult(msgspec.Struct):
    """`created`: whether this run made the data. `crowd`: by school, codes of people who may enter, for the readers."""

    created: bool
    accounts: list[Account]
    access_points: list[AccessPoint]
    codes: Codes
    crowd: dict[str, list[str]]

    def for_demo_json(self) -> dict[str, Any]:
        """`accounts`, `accessPoints` and `codes` as DIR/demo.json has them."""
        return {
            "accounts": msgspec.to_builtins(self.accounts),
            "accessPoints": msgspec.to_builtins(self.access_points),
            "codes": msgspec.to_builtins(self.codes),
        }


class Secrets(msgspec.Struct, rename="camel"):
    """Passwords by e-mail address and device keys by the access point's id, with `hashes` as the database keeps them.

    The hash beside a password tells whether it is still the account's, without the time that verifying takes.
    """

    passwords: dict[str, str]
    hashes: dict[str, str]
    device_keys: dict[str, str]


def read_secrets(path: Path | None) -> Secrets:
    """What a former run wrote; empty where there is nothing or nothing readable: lost secrets are replaced."""
    if path is not None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Secrets)
        except (FileNotFoundError, msgspec.MsgspecError):
            pass
        except OSError as error:
            raise StartError(f"cannot read {path}: {error.strerror}") from error
    return Secrets({}, {}, {})


def write_secrets(path: Path | None, secrets: Secrets) -> None:
    """Replaces the file in one step, mode 0600, on disk when this returns."""
    if path is None:
        return
    text = json.dumps(msgspec.to_builtins(secrets), indent=1) + "\n"
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.unlink(missing_ok=True)
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        unfinished.replace(path)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error
