"""PostgreSQL and Valkey that stop answering: frozen (nobody is told), or stopped and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.demo.embedded import start_postgres, start_valkey
from tests.services import Cluster, service_dir


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


@contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    """PostgreSQL ends as at a restart of its machine, and is back, at the same address, when the block ends."""
    root = cluster.postgres._home.data_dir
    cluster.postgres.stop()
    try:
        yield
    finally:
        # The same object: whoever has started the first is going to stop this one.
        vars(cluster.postgres).update(vars(start_postgres(root)))


class Valkey:
    """A Valkey of one's own, `url`, that can be frozen and stopped."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._running = start_valkey(root)
        self.url = self._running.url

    @property
    def pid(self) -> int:
        return self._running.pid

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """As `stopped` does with PostgreSQL."""
        self._running.stop()
        try:
            yield
        finally:
            self._running = start_valkey(self._root)

    def close(self) -> None:
        self._running.stop()


@contextmanager
def own_valkey() -> Iterator[Valkey]:
    with service_dir() as root:
        valkey = Valkey(root)
        try:
            yield valkey
        finally:
            valkey.close()
