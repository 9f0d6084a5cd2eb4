"""A frame of scans that cannot be read as a whole: what can be read is decided, each other scan is refused by its id.

Off the path of every scan: only a frame that was refused comes here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub.gate.attempts import PeekId, readable_id
from hub.gate.messages import UNREADABLE, Error, ScanItem, Status, device_info, plain

REFUSED = "invalid_scan"


class _OneScan(msgspec.Struct, tag="scan"):
    scanId: Any = None


class _ManyScans(msgspec.Struct, tag="scans"):
    scans: list[msgspec.Raw]


# Status is here for its tag alone: one type by itself would not have to be named in a frame.
_Frame = _OneScan | _ManyScans | Status


class Salvage:
    """One a subprotocol; `module` is msgspec.json or msgspec.msgpack."""

    def __init__(self, module: Any) -> None:
        self._frame = module.Decoder(_Frame).decode
        self._scan = module.Decoder(ScanItem).decode
        self._peek = module.Decoder(PeekId).decode

    def __call__(self, data: Any, why: Exception) -> tuple[list[ScanItem], list[Error]] | None:
        """The scans that can be decided, and the refusals; None when no scanId in the frame can be read.

        `why`: what reading the whole raised.
        """
        try:
            frame = self._frame(data)
        except UNREADABLE:
            return None
        if isinstance(frame, _OneScan):
            scan_id = readable_id(data, self._peek)
            return None if scan_id is None else ([], [Error(REFUSED, plain(why)[:300], scan_id)])
        return self._each(frame.scans) if isinstance(frame, _ManyScans) else None

    def _each(self, items: list[msgspec.Raw]) -> tuple[list[ScanItem], list[Error]] | None:
        scans: list[ScanItem] = []
        refused: list[Error] = []
        nameless = ""
        for item in items:
            try:
                scan = self._scan(item)
                device_info(scan.deviceInfo)
                scans.append(scan)
            except UNREADABLE as error:
                scan_id = readable_id(item, self._peek)
                if scan_id is None:
                    nameless = plain(error)
                else:
                    refused.append(Error(REFUSED, plain(error)[:300], scan_id))
        if not scans and not refused:
            return None
        if nameless:
            refused.append(Error(REFUSED, f"a scan without a readable scanId is not decided: {nameless}"[:300]))
        return scans, refused
