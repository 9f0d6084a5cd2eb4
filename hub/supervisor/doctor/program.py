"""Python and the installed packages: not older than what the project asks for.

The least versions are read from passhub's own package data, so they are pyproject.toml's: the first without a
published vulnerability, or the first that were tried.
"""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires, version

from hub.supervisor.doctor.findings import Notes, some
from hub.version import __version__

LEAST_PYTHON = (3, 11)
_FLOOR = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


def examine(notes: Notes) -> None:
    python = platform.python_version()
    says = f"passhub {__version__} on Python {python}, SQLite {sqlite3.sqlite_version}"
    if sys.version_info < LEAST_PYTHON:
        notes.fault("versions", says, "install Python 3.11 or newer, and passhub with it")
        return
    notes.right("versions", says, passhub=__version__, python=python, sqlite=sqlite3.sqlite_version)
    try:
        required = requires("passhub") or []
    except PackageNotFoundError:
        notes.skip("packages", "passhub runs from its folder without being installed; install it to have this checked")
        return
    old = below(required, installed)
    if old:
        notes.fault("packages", some(old), "install the versions of requirements-runtime.lock")
    else:
        notes.right("packages", "all are there, none older than it may be: aiohttp " + str(installed("aiohttp")))


def installed(package: str) -> str | None:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def below(requirements: Iterable[str], look_up: Callable[[str], str | None]) -> list[str]:
    """What is missing or older than its least version, one phrase each; extras (demo, dev) do not count."""
    faults = []
    for requirement in requirements:
        floor = _FLOOR.fullmatch(requirement)
        if floor is None:
            continue
        found = look_up(floor[1])
        if found is None:
            faults.append(f"{floor[1]} is not installed")
        elif numbers(found) < numbers(floor[2]):
            faults.append(f"{floor[1]} {found} is older than {floor[2]}")
    return faults


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: 9.1.2.post2 is (9, 1, 2). Zeros at the end do not count: 46 is 46.0."""
    found = []
    for part in text.split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        found.append(int(digits[0]))
        if digits[0] != part:
            break
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
