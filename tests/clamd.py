"""A real clamd with one signature, a line of ours: the harmless string that scanners are tested with."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

#: In halves, so that no scanner takes this file for one.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
SIGNATURE = "Hub.Eicar-Test:0:*:" + EICAR[28:-5].hex()
START_SECONDS = 120.0


class ClamdProcess:
    """As a context manager it ends with the block; `kill` and `start` in between as one likes."""

    def __init__(self, tcp: bool = False) -> None:
        program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")
        if program is None:
            assert not os.environ.get("CI"), "clamd is not installed"
            pytest.skip("clamd is not installed: nothing was scanned for viruses")
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="clamd-"))
        self._folder.chmod(0o711)
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = self._folder / "clamd.sock"
        self.port = _free_port() if tcp else None
        self.url = f"tcp://127.0.0.1:{self.port}" if tcp else f"unix://{self.socket}"
        signatures = self._folder / "signatures"
        signatures.mkdir()
        (signatures / "hub.ndb").write_text(SIGNATURE + "\n")
        listening = f"TCPSocket {self.port}\nTCPAddr 127.0.0.1" if tcp else f"LocalSocket {self.socket}"
        own = "User root\n" if os.geteuid() == 0 else ""
        (self._folder / "clamd.conf").write_text(
            f"DatabaseDirectory {signatures}\n{listening}\nForeground yes\nStreamMaxLength 6M\n{own}"
        )

    def start(self) -> None:
        """Returns when it takes connections."""
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._folder / "clamd.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "clamd ended"
            assert time.monotonic() < deadline, "clamd does not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        kind = socket.AF_UNIX if self.port is None else socket.AF_INET
        with socket.socket(kind) as client:
            try:
                client.connect(str(self.socket) if self.port is None else ("127.0.0.1", self.port))
                client.sendall(b"zPING\0")
                return client.recv(16).startswith(b"PONG")
            except OSError:
                return False

    def kill(self) -> None:
        """Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
