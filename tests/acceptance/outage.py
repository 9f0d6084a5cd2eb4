"""PostgreSQL and Valkey that stop answering: frozen (nobody is told), or stopped and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and its children: PostgreSQL's backends are the postmaster's."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(int(child) for child in children)]


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """SIGSTOP: connections stay open, and nothing comes back. The first is the parent, so that it makes no more."""
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
