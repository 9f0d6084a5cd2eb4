"""The wheel's Valkey on a unix socket, with an append-only file."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from urllib.parse import quote

from hub.demo.embedded.child import Child, read_pid, stop_orphan
from hub.demo.embedded.home import Home
from hub.demo.embedded.wheels import valkey_wheel
from hub.errors import StartError

READY_WITHIN = 30.0


class RunningValkey:
    """A Valkey that answers on `socket`."""

    def __init__(self, home: Home, child: Child) -> None:
        self._home = home
        self._child = child

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def socket(self) -> Path:
        return self._home.socket

    @property
    def url(self) -> str:
        """`unix:///…/valkey.sock`, as redis clients take it."""
        return f"unix://{quote(str(self.socket))}"

    def alive(self) -> bool:
        return self._child.alive()

    def stop(self) -> None:
        """Syncs the append-only file and exits; at the latest after 1.5 s."""
        self._child.stop([signal.SIGTERM], 1.0)
        self._child.stop([signal.SIGKILL], 0.5)
        self._home.close()


def start_valkey(data_dir: Path) -> RunningValkey:
    """Starts Valkey on what `data_dir` holds, returns when it has loaded it. Raises StartError (one line)."""
    wheel = valkey_wheel()
    home = Home(data_dir, "valkey", "valkey.sock")
    try:
        program = home.programs(wheel) / "valkey-server"
        former = read_pid(home.pid_file)
        if former is not None:
            stop_orphan(former, home.data, [signal.SIGTERM, signal.SIGKILL], 5.0)
        if not home.data.is_dir():
            home.make("data")
        return RunningValkey(home, _start(home, program))
    except OSError as error:
        home.close()
        raise StartError(f"cannot start Valkey in {home.data_dir}: {error}") from error
    except BaseException:
        home.close()
        raise


def _start(home: Home, program: Path) -> Child:
    options = {
        "port": "0",
        "unixsocket": str(home.socket),
        "unixsocketperm": "700",
        "dir": str(home.data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "set-proc-title": "no",  # so that a later run recognises it by its arguments
        "logfile": "",
    }
    # A dead server's socket file would be taken for a live one by who connects before the new one has bound.
    home.socket.unlink(missing_ok=True)
    child = Child(
        home,
        [
            program,
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ],
    )
    try:
        child.wait_until(lambda: _answers(home.socket), READY_WITHIN)
    except BaseException:
        child.stop([signal.SIGKILL], 1.0)
        raise
    return child


def _answers(path: Path) -> bool:
    """Whether PING is answered with PONG; while it loads its file, Valkey answers LOADING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
