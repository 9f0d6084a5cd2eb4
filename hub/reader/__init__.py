"""A reader's end of the wire: a client for the hub's WebSocket that other programs may import.

    async with Reader("wss://hub.example.org", device_key) as reader:
        decision = await reader.scan(code)

client.py is what callers use, connection.py one connection from start to end, exchange.py what was asked and is not
answered yet, messages.py the frames, events.py what the owner is told, address.py what people type for a hub's address,
faults.py what can go wrong.
"""

from hub.reader.address import hub_url
from hub.reader.client import Reader
from hub.reader.connection import Backoff
from hub.reader.events import Configured, Connected, Event, Lost, Refusal
from hub.reader.faults import (
    NotAnswered,
    ProtocolFault,
    ReaderClosed,
    ReaderError,
    RefusedKey,
    Replaced,
    ScanRefused,
)
from hub.reader.messages import AccessPoint, Decision, Limits, Pass, RecordedItem, Replayed, Student, Welcome

__all__ = [
    "AccessPoint",
    "Backoff",
    "Configured",
    "Connected",
    "Decision",
    "Event",
    "Limits",
    "Lost",
    "NotAnswered",
    "Pass",
    "ProtocolFault",
    "Reader",
    "ReaderClosed",
    "ReaderError",
    "RecordedItem",
    "Refusal",
    "RefusedKey",
    "Replaced",
    "Replayed",
    "ScanRefused",
    "Student",
    "Welcome",
    "hub_url",
]
