"""The demo's data directory: who holds it, its secret key, its journal, and demo.json.

DIR/demo.lock          flock'd while a demo runs, with its pid
DIR/demo.json          0600: address, pids, accounts, device keys and codes to try
DIR/secret.key         0600: HUB_SECRET_KEY, made once
DIR/audit.key          0600: HUB_AUDIT_KEY, made once
DIR/audit-heads.jsonl  HUB_AUDIT_HEADS
DIR/secrets.json       0600: passwords and device keys, see seed.py
DIR/serve.pid          the server's supervisor
DIR/journal/           HUB_JOURNAL_DIR
DIR/journal.short      only where DIR is too deep for a unix socket: a link to a short folder with a link to journal
DIR/mail/              letters, while no HUB_SMTP_HOST is set
DIR/files/             photos and documents, encrypted, while no HUB_S3_BUCKET or HUB_FILES_DIR is set
DIR/log/passhub.log    what the server says (postgres.log and valkey.log beside it)
DIR/postgres, valkey   see hub/demo/embedded
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.errors import StartError

LONGEST_SOCKET = 107
SOCKET = "recorder.sock"
LOG_ROTATED_AT = 20 * 2**20
# A folder that has one of these, and was never a demo's, is somebody's own: its files must not be touched.
OUR_NAMES = ("postgres", "valkey", "journal", "secret.key")


class Place:
    """The directory, held until `close()`. Raises StartError, one line, when it cannot be had."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        with _plainly(directory):
            # A folder may be named in two ways; a former run is recognised by this one.
            self.path = directory.resolve()
            # As root the services run as another account, which must get through; what is secret is 0600.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            self._lock = _lock(self.path)
        try:
            with _plainly(directory):
                self.document.unlink(missing_ok=True)  # it would describe a run that has ended
                self._journal.mkdir(mode=0o700, exist_ok=True)
                self.log_file.parent.mkdir(mode=0o700, exist_ok=True)
                self.journal = self._short_journal()
                self._rotate_log()
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def mail(self) -> Path:
        return self.path / "mail"

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def document(self) -> Path:
        return self.path / "demo.json"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    @property
    def serve_pid(self) -> Path:
        return self.path / "serve.pid"

    @property
    def log_file(self) -> Path:
        return self.path / "log" / "passhub.log"

    @property
    def _journal(self) -> Path:
        return self.path / "journal"

    @property
    def _link(self) -> Path:
        return self.path / "journal.short"

    @property
    def audit_heads(self) -> Path:
        return self.path / "audit-heads.jsonl"

    def secret_key(self) -> str:
        """32 bytes in base64url, the same on each run."""
        return self._key("secret.key")

    def audit_key(self) -> str:
        """As `secret_key`; it signs the audit chain."""
        return self._key("audit.key")

    def _key(self, name: str) -> str:
        path = self.path / name
        with _plainly(self.path):
            if not path.exists():
                write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
            return path.read_text("ascii").strip()

    def close(self) -> None:
        """Removes the short folder, if there is one, and lets another run have the directory. Idempotent."""
        if self._lock < 0:
            return
        with suppress(OSError):
            if self._link.is_symlink():
                shutil.rmtree(self._link.readlink(), ignore_errors=True)  # a folder with a link, which is not followed
                self._link.unlink()
        os.close(self._lock)
        self._lock = -1

    def _short_journal(self) -> Path:
        """The journal under a name that leaves room for the recorder's socket."""
        if len(os.fsencode(self._journal / SOCKET)) <= LONGEST_SOCKET:
            return self._journal
        if self._link.is_symlink() and self._is_ours(folder := self._link.readlink()):
            return folder / "journal"
        self._link.unlink(missing_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="passhub-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))
        if len(os.fsencode(folder / "journal" / SOCKET)) > LONGEST_SOCKET:
            folder.rmdir()
            raise StartError(f"no folder is short enough for a unix socket ({folder}); make /tmp writable")
        (folder / "journal").symlink_to(self._journal)
        self._link.symlink_to(folder)
        return folder / "journal"

    def _is_ours(self, folder: Path) -> bool:
        """A killed run's, private and unchanged: anybody may make folders where temporary files are."""
        try:
            found = folder.lstat()
            private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
            return private and (folder / "journal").readlink() == self._journal
        except OSError:
            return False

    def _rotate_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_ROTATED_AT:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step, mode 0600, on disk when this returns. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    draft.replace(path)


def _lock(path: Path) -> int:
    lock = path / "demo.lock"
    if not lock.exists() and (foreign := [name for name in OUR_NAMES if (path / name).exists()]):
        raise StartError(
            f"{path} has a {foreign[0]} that is not the demo's; choose an empty or new directory (--data-dir)"
        )
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise StartError(
            f"{path} is in use by another demo (pid {holder}); stop it or choose another directory (--data-dir)"
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


@contextmanager
def _plainly(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        why = getattr(error, "strerror", None) or error
        raise StartError(f"cannot use {directory}: {why}; choose another directory (--data-dir)") from error
