"""The scans of one reader that wait for their answer, as docs/readers.md wants them kept."""

from __future__ import annotations

from collections import deque

from loadtests.load.scan import Scan


class Book:
    """`limit`: scans that may be under way, the smaller of one's own and the hub's `maxInFlight`."""

    def __init__(self, limit: int) -> None:
        self._own_limit = limit
        self.limit = limit
        self._under_way: dict[str, Scan] = {}
        self._put_off: deque[Scan] = deque()

    def __len__(self) -> int:
        return len(self._under_way) + len(self._put_off)

    @property
    def room(self) -> int:
        """How many more may be sent now; those that were put off come first."""
        return max(0, self.limit - len(self))

    def hear_limit(self, max_in_flight: int) -> None:
        self.limit = max(1, min(self._own_limit, max_in_flight))

    def sent(self, scan: Scan) -> None:
        self._under_way[scan.scan_id] = scan

    def answered(self, scan_id: object) -> Scan | None:
        """The scan, struck off; None when nobody waits for this answer."""
        return self._under_way.pop(scan_id, None) if isinstance(scan_id, str) else None

    def put_off(self, scan_id: object) -> bool:
        """`slow_down`: this scan was not decided, and is sent again when another is answered."""
        scan = self.answered(scan_id)
        if scan is None:
            return False
        self._put_off.append(scan)
        return True

    def next_put_off(self) -> Scan | None:
        """One to send again now, if there is one and a place for it. It counts as sent."""
        if not self._put_off or len(self._under_way) >= self.limit:
            return None
        scan = self._put_off.popleft()
        self.sent(scan)
        return scan

    def again(self) -> list[Scan]:
        """After a reconnect: what to send again at once, in the old order, under the same ids."""
        waiting = [*self._under_way.values(), *self._put_off]
        self._under_way = {scan.scan_id: scan for scan in waiting[: self.limit]}
        self._put_off = deque(waiting[self.limit :])
        return waiting[: self.limit]
