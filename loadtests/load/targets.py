"""Whom the load plays: doors and screens of a file that has the form of the demo's demo.json.

An operator writes such a file for a server of their own; only this much of it is read, `baseUrl`, `accounts` and
`codes.denied` may be missing, and whatever else is in it is ignored:

    {"baseUrl": "http://…",
     "accessPoints": [{"name", "schoolCode", "deviceKey"}],
     "codes": {"granted": [{"qrCode", "schoolCode"}], "denied": [{"qrCode", "schoolCode", "reason"?}]},
     "accounts": [{"email", "password", "role"?, "schoolCode"}]}
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

#: Built-in roles that see no school's events, or would have to say which school's.
BLIND = frozenset({"super_admin", "card_reader"})


class LoadError(Exception):
    """One line for the person who started it."""


class _Point(msgspec.Struct, rename="camel"):
    name: str
    school_code: str
    device_key: str | None = None


class _Code(msgspec.Struct, rename="camel"):
    qr_code: str
    school_code: str
    reason: str | None = None


class _Codes(msgspec.Struct):
    granted: list[_Code]
    denied: list[_Code] = []


class _Account(msgspec.Struct, rename="camel"):
    email: str | None = None
    password: str | None = None
    role: str | None = None
    school_code: str | None = None


class _Document(msgspec.Struct, rename="camel"):
    access_points: list[_Point]
    codes: _Codes
    base_url: str | None = None
    accounts: list[_Account] = []


@dataclass(frozen=True, slots=True)
class Code:
    """A code and its answer at the doors of its school; `reason` is None where any reason will do."""

    text: str
    decision: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """An access point that can be played, and the codes to hold to it."""

    name: str
    school: str
    key: str
    granted: tuple[Code, ...]
    denied: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Watcher:
    """An account that may watch; `school` is None where the file does not say of which school it sees everything."""

    email: str
    password: str
    school: str | None


@dataclass(frozen=True, slots=True)
class Targets:
    base_url: str | None
    doors: tuple[Door, ...]
    watchers: tuple[Watcher, ...]


def read_targets(path: Path) -> Targets:
    """Raises LoadError when there is nothing to play in the file."""
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise LoadError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LoadError(f"{path} is not a file of the form of demo.json: {error}") from error
    doors = _doors(document)
    if not doors:
        raise LoadError(f"{path} has no access point with a deviceKey and a granted code of its school")
    return Targets(document.base_url, _in_turn(doors), _watchers(document.accounts))


def _watchers(accounts: list[_Account]) -> tuple[Watcher, ...]:
    """One of each school, so that few screens are spread over all schools."""
    found: dict[str, Watcher] = {}
    for account in accounts:
        if account.email and account.password and account.role not in BLIND:
            watcher = Watcher(account.email, account.password, account.school_code)
            found.setdefault(account.school_code or account.email, watcher)
    return tuple(found.values())


def _doors(document: _Document) -> list[Door]:
    found = []
    for point in document.access_points:
        granted = tuple(
            Code(c.qr_code, "granted") for c in document.codes.granted if c.school_code == point.school_code
        )
        denied = tuple(
            Code(c.qr_code, "denied", c.reason) for c in document.codes.denied if c.school_code == point.school_code
        )
        if point.device_key and granted:
            found.append(Door(point.name, point.school_code, point.device_key, granted, denied))
    return found


def _in_turn(doors: list[Door]) -> tuple[Door, ...]:
    """A door of each school, then the next of each: few readers are spread over all schools."""
    seen: dict[str, int] = {}
    ranked = []
    for door in doors:
        seen[door.school] = seen.get(door.school, -1) + 1
        ranked.append((seen[door.school], door))
    return tuple(door for _, door in sorted(ranked, key=lambda pair: pair[0]))


def require_loopback(url: str, *, anywhere: bool) -> None:
    """Raises LoadError for an address that is not this machine's, unless `anywhere`."""
    host = urlsplit(url).hostname
    if host is None:
        raise LoadError(f"{url!r} is not an address like http://127.0.0.1:8080")
    if not anywhere and not _is_loopback(host):
        raise LoadError(
            f"{host} is not this machine, and load can put a server out of service: say --another-host if it is yours"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
