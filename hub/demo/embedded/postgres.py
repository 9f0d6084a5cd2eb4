"""The wheel's PostgreSQL: a cluster made once, started on a unix socket, recovered after a kill."""

from __future__ import annotations

import os
import secrets
import signal
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote

from hub.demo.embedded.child import Child, is_service, read_pid, run, stop_orphan
from hub.demo.embedded.home import Home
from hub.demo.embedded.wheels import postgres_wheel
from hub.errors import StartError

PORT = 5432
DATABASE = "passhub"
READY_WITHIN = 60.0
LEAST_SHARED_MEMORY = 64 * 2**20


class RunningPostgres:
    """A PostgreSQL that answers on `socket_dir`; its superuser, `postgres`, owns the database `passhub`."""

    def __init__(self, home: Home, child: Child, password: str) -> None:
        self._home = home
        self._child = child
        self._password = password

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def socket_dir(self) -> Path:
        return self._home.run

    def url(self, database: str = DATABASE) -> str:
        """The owner's URL, password included: `postgresql://postgres:…@/passhub?host=/…/run&port=5432`."""
        place = f"host={quote(str(self.socket_dir), safe='')}&port={PORT}"
        return f"postgresql://postgres:{self._password}@/{quote(database)}?{place}"

    def alive(self) -> bool:
        return self._child.alive()

    def stop(self) -> None:
        """Ends sessions, writes a checkpoint, exits; after 3.5 s at the latest, then without one (a start recovers)."""
        self._child.stop([signal.SIGINT], 2.5)
        self._child.stop([signal.SIGQUIT, signal.SIGKILL], 0.5)
        self._home.close()


def start_postgres(data_dir: Path) -> RunningPostgres:
    """Makes the cluster below `data_dir` if there is none, starts it, returns when it takes connections.

    Raises StartError (one line) when the platform, the account, the directory or the cluster does not allow it.
    """
    wheel = postgres_wheel()
    home = Home(data_dir, "postgres", f".s.PGSQL.{PORT}")
    try:
        programs = home.programs(wheel)
        _end_former_run(home)
        password = _cluster(home, programs)
        return RunningPostgres(home, _start(home, programs), password)
    except OSError as error:
        home.close()
        raise StartError(f"cannot start PostgreSQL in {home.data_dir}: {error}") from error
    except BaseException:
        home.close()
        raise


def _end_former_run(home: Home) -> None:
    postmaster = home.data / "postmaster.pid"
    for pid in {read_pid(postmaster), read_pid(home.pid_file)} - {None}:
        assert pid is not None
        stop_orphan(pid, home.data, [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL], 5.0)
    stale = read_pid(postmaster)
    if stale is not None and not is_service(stale, home.data):
        # The number may belong to another process by now, or to a zombie, and PostgreSQL would refuse. It ignores its
        # parent's. The file itself must stay: from it PostgreSQL sees that orphaned backends still use the memory.
        _, rest = postmaster.read_text(encoding="utf-8").split("\n", 1)
        with postmaster.open("r+", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n{rest}")
            file.truncate()


def _cluster(home: Home, programs: Path) -> str:
    """The superuser's password; makes what is missing of cluster and password, each in one step (a rename)."""
    known = home.password_file.read_text(encoding="ascii").strip() if home.password_file.exists() else ""
    if known and (home.data / "PG_VERSION").exists():
        return known
    password = secrets.token_urlsafe(24)
    if (home.data / "PG_VERSION").exists():
        _single_user(home, programs, home.data, f"ALTER ROLE postgres PASSWORD '{password}'")
    else:
        _initialise(home, programs, password)
    fd = os.open(home.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(f"{password}\n")
        file.flush()
        os.fsync(file.fileno())
    return password


def _initialise(home: Home, programs: Path, password: str) -> None:
    unfinished = home.make("data.new")
    pwfile = home.make("init") / "pw"
    pwfile.touch(mode=0o600)
    pwfile.write_text(password, encoding="ascii")
    home.account.own(pwfile)
    try:
        run(
            home.account,
            [
                *(
                    programs / "initdb",
                    "-D",
                    unfinished,
                    "-U",
                    "postgres",
                    "--auth=scram-sha-256",
                ),
                *(
                    f"--pwfile={pwfile}",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                ),
                *(
                    "--builtin-locale=C.UTF-8",
                    "-c",
                    f"dynamic_shared_memory_type={_shared_memory()}",
                ),
            ],
        )
    finally:
        pwfile.unlink()
        pwfile.parent.rmdir()
    _single_user(home, programs, unfinished, f"CREATE DATABASE {DATABASE}")
    unfinished.rename(home.data)


def _single_user(home: Home, programs: Path, data: Path, statement: str) -> None:
    run(
        home.account,
        [programs / "postgres", "--single", "-D", data, "postgres"],
        f"{statement}\n",
    )


def _start(home: Home, programs: Path) -> Child:
    """Waits out the backends of a killed postmaster: they end by themselves, but not in the same instant."""
    options = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(home.run),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "dynamic_shared_memory_type": _shared_memory(),
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_checkpoints": "off",
        "jit": "off",
    }
    # The socket's own lock file names the killed postmaster, which may be a zombie by now; this folder is ours alone.
    for leftover in home.run.glob(".s.PGSQL.*"):
        leftover.unlink()
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    deadline = time.monotonic() + 15.0
    while True:
        child = Child(home, [programs / "postgres", "-D", home.data, *settings])
        try:
            child.wait_until(partial(_ready, home, child.pid), READY_WITHIN)
        except StartError as error:
            if "shared memory block" in str(error) and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise
        except BaseException:
            child.stop([signal.SIGQUIT, signal.SIGKILL], 2.0)
            raise
        return child


def _ready(home: Home, pid: int) -> bool:
    """As pg_ctl sees it: the eighth line of postmaster.pid, of this very process."""
    try:
        lines = (home.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _shared_memory() -> str:
    """`posix` unless /dev/shm is absent or tiny, as in some containers; files in the cluster serve then."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return "mmap"
    return "posix" if found.f_bavail * found.f_frsize >= LEAST_SHARED_MEMORY else "mmap"
