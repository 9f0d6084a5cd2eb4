"""The account that runs the services: ourselves, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hub.errors import StartError

PREFERRED = ("passhub", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A system account; `foreign` when it is not the one that runs this process."""

    uid: int
    gid: int
    name: str
    foreign: bool

    def own(self, path: Path) -> None:
        """Hands one file or folder, not what is below it, to the account."""
        if self.foreign:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can_enter(self, directory: Path) -> bool:
        """Whether the account may pass through `directory` and every folder above it."""
        real = directory.resolve()
        return not self.foreign or all(self._may(place, stat.S_IXUSR) for place in (real, *real.parents))

    def can_read(self, path: Path) -> bool:
        """Whether the account may read `path`: a file, or a folder and the folders in it."""
        found = path.stat()
        bits = stat.S_IRUSR | (stat.S_IXUSR if stat.S_ISDIR(found.st_mode) else 0)
        return not self.foreign or (self.can_enter(path.parent) and self._may(path, bits))

    def _may(self, path: Path, user_bits: int) -> bool:
        found = path.stat()
        shift = 0 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 6
        wanted = user_bits >> shift
        return found.st_mode & wanted == wanted


def service_account(owners: Iterable[Path]) -> Account:
    """Who shall run the services; `owners` are paths whose owner is preferred when we are root (existing data first).

    Raises StartError where the uid has no passwd entry: PostgreSQL looks its user up and refuses without.
    """
    uid = os.geteuid()
    if uid != 0:
        entry = _by_uid(uid)
        if entry is None:
            raise StartError(
                f"user id {uid} has no entry in /etc/passwd and PostgreSQL refuses to run without one; "
                "run as an account that has (in a container: give the image a user)"
            )
        return Account(uid, os.getegid(), entry.pw_name, foreign=False)
    for entry in [*map(_by_owner, owners), *map(_by_name, PREFERRED), *pwd.getpwall()]:
        if entry is not None and entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, foreign=True)
    raise StartError("PostgreSQL refuses to run as root and there is no other account in /etc/passwd; add one")


def _by_uid(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _by_name(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _by_owner(path: Path) -> pwd.struct_passwd | None:
    try:
        return _by_uid(path.stat().st_uid)
    except OSError:
        return None
