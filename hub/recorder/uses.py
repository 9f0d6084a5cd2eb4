"""Passes that may be used so many times: how often they were, by the scans that the journal holds.

The verdict comes from a worker's memory, which has the limit and knows from PostgreSQL when it is reached. Two scans
may be under way before it knows; they meet here, in the one process that keeps what was answered, and the one too many
is kept and answered as `uses_exhausted`. docs/passes.md says what that holds and what it does not.
"""

from __future__ import annotations

from hub.domain.verdict import Direction, Reason
from hub.recorder.wire import Entry

_EXIT = int(Direction.exit)


def told(entry: Entry, code: int) -> int:
    """The verdict that holds for a recorded scan: the hub's, or what the reader did while it was alone."""
    if entry.report is None:
        return code
    if entry.report.granted:
        return Reason.granted
    return code or Reason.hub_unavailable


def takes_use(entry: Entry) -> bool:
    """Whether a scan used up one of its pass's uses: somebody was let in, or through a door that does not say."""
    return (
        bool(entry.limit)
        and not entry.amends
        and entry.direction != _EXIT
        and told(entry, entry.code) == Reason.granted
    )


class Uses:
    """One beside the identities, reloaded with them."""

    __slots__ = ("_passes", "_scans")

    def __init__(self) -> None:
        self._passes: dict[bytes, int] = {}
        self._scans: dict[bytes, bytes] = {}

    def clear(self) -> None:
        self._passes.clear()
        self._scans.clear()

    def admit(self, entry: Entry) -> bool:
        """Count a new scan; False, and its code is changed, when its pass had no use left. What a reader has done by
        itself is counted however often it was."""
        if not takes_use(entry):
            return True
        if entry.report is None and self._passes.get(entry.pass_id or b"", 0) >= entry.limit:
            entry.code = Reason.uses_exhausted
            return False
        self.count(entry)
        return True

    def count(self, entry: Entry) -> None:
        if takes_use(entry) and entry.pass_id is not None and entry.identity not in self._scans:
            self._scans[entry.identity] = entry.pass_id
            self._passes[entry.pass_id] = self._passes.get(entry.pass_id, 0) + 1

    def give_back(self, identity: bytes) -> None:
        """The scan was told otherwise, was not kept, or left the journal; PostgreSQL knows by then. Idempotent."""
        pass_id = self._scans.pop(identity, None)
        if pass_id is None:
            return
        left = self._passes[pass_id] - 1
        if left:
            self._passes[pass_id] = left
        else:
            del self._passes[pass_id]
