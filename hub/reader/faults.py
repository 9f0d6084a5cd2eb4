"""What can go wrong between a reader and its hub.

ReaderError
├── RefusedKey      the hub does not know the device key (any more); final
├── Replaced        a newer connection of the same device took over; final
├── ProtocolFault   the hub closed the connection because of what this reader sent; final
├── ReaderClosed    the reader was closed, or never opened
├── ScanRefused     the hub answered this one scan, or replay, with an error
└── NotAnswered     no answer within the time that the caller gave

A lost connection is none of these: the reader connects again by itself.
"""

from __future__ import annotations

from uuid import UUID

from hub.errors import HubError


class ReaderError(HubError):
    code = "reader"


class RefusedKey(ReaderError):
    code = "refused_key"


class Replaced(ReaderError):
    code = "replaced"


class ProtocolFault(ReaderError):
    code = "protocol"


class ReaderClosed(ReaderError):
    code = "closed"


class ScanRefused(ReaderError):
    """`reason` is the hub's code, for example "malformed_frame"."""

    code = "scan_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{message} ({reason})")
        self.reason = reason


class NotAnswered(ReaderError, TimeoutError):
    """The hub may have recorded the scan all the same; a replay with this `scan_id` adds no second row."""

    code = "not_answered"

    def __init__(self, scan_id: UUID) -> None:
        super().__init__("the hub did not answer in time")
        self.scan_id = scan_id
