"""The frames of the reader protocol as a reader sees them; docs/readers.md describes them for people.

Fields that a newer hub adds are ignored, and so are frames of a type that is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

Direction = Literal["entry", "exit"]
Verdict = Literal["granted", "denied"]

# To the hub


class ScanItem(Struct, rename="camel", omit_defaults=True):
    scan_id: UUID
    code: str
    direction: Direction | None = None
    record: bool = True
    device_info: dict[str, Any] | None = None


class Scan(ScanItem, tag="scan"):
    pass


class Scans(Struct, tag="scans"):
    scans: list[ScanItem]


class Replayed(Struct, frozen=True):
    """A scan that the reader decided by itself while it was cut off; `at` is its own clock, with a time zone."""

    scan_id: UUID
    code: str
    at: datetime
    decision: Verdict
    reason: str | None = None
    direction: Direction | None = None
    device_info: dict[str, Any] | None = None


class ReplayItem(Struct, rename="camel", omit_defaults=True):
    """`at` is RFC 3339 text in msgpack too, where msgspec would write a timestamp extension."""

    scan_id: UUID
    code: str
    at: str
    decision: Verdict
    reason: str | None = None
    direction: Direction | None = None
    device_info: dict[str, Any] | None = None


class Replay(Struct, rename="camel", tag="replay"):
    scans: Sequence[ReplayItem]
    sent_at: str


class Status(Struct, rename="camel", tag="status", omit_defaults=True):
    time: str
    firmware: str | None = None
    queued: int | None = None


# From the hub


class AccessPoint(Struct, rename="camel", frozen=True):
    id: str
    name: str
    access_type: str
    is_active: bool


class Limits(Struct, rename="camel", frozen=True):
    """`ping_seconds` is how often the hub pings, `silence_seconds` how long it waits to hear anything."""

    max_in_flight: int = 64
    max_frame_bytes: int = 65_536
    ping_seconds: float = 20.0
    silence_seconds: float = 45.0
    replay_max_items: int = 1_000


class Welcome(Struct, rename="camel", tag="welcome", frozen=True):
    """`school_id` is the issuer in the codes of this school, "" from a hub that does not say it yet."""

    access_point: AccessPoint
    school_code: str
    server_time: datetime
    limits: Limits = Limits()
    school_id: str = ""


class Student(Struct, rename="camel", frozen=True):
    id: str
    name: str
    photo_url: str | None = None


class Pass(Struct, rename="camel", frozen=True):
    """`expiry_date`: the last day, YYYY-MM-DD."""

    id: str
    pass_number: str
    expiry_date: str


_DECISION_NAMES = {
    "scan_id": "scanId",
    "card": "pass",
    "access_point_id": "accessPointId",
    "access_time": "accessTime",
}


class Decision(Struct, rename=_DECISION_NAMES, frozen=True):
    """The hub's answer to one scan. `stale`: the hub was cut off from its database, and answered from memory."""

    scan_id: UUID
    decision: Verdict
    valid: bool
    reason: str | None
    student: Student | None
    card: Pass | None
    access_point_id: str
    access_time: datetime
    stale: bool = False

    @property
    def granted(self) -> bool:
        return self.decision == "granted"


class DecisionFrame(Decision, tag="decision", rename=_DECISION_NAMES, frozen=True):
    pass


class Decisions(Struct, tag="decisions", frozen=True):
    decisions: list[Decision]


class RecordedItem(Struct, rename="camel", frozen=True):
    """What became of one replayed scan; unless `final`, send it again later."""

    scan_id: UUID | None
    result: str
    final: bool
    message: str | None = None


class Recorded(Struct, tag="recorded", frozen=True):
    items: list[RecordedItem]


class Config(Struct, rename="camel", tag="config", frozen=True):
    access_point: AccessPoint


class Keys(Struct, tag="keys", frozen=True):
    """The public keys have changed. Who checks codes without the hub fetches them; this client asks the hub."""


class Error(Struct, rename="camel", tag="error", frozen=True):
    code: str
    message: str
    scan_id: UUID | None = None


FromHub = Welcome | DecisionFrame | Decisions | Recorded | Config | Keys | Error
Frame = Scan | Scans | Replay | Status


class Codec:
    """One subprotocol: its name, and frames to and from bytes."""

    def __init__(self, name: Literal["json", "msgpack"]) -> None:
        self.subprotocol = f"passhub.v1.{name}"
        self.text = name == "json"
        encoder = msgspec.json.Encoder() if name == "json" else msgspec.msgpack.Encoder()
        self.encode = encoder.encode
        decoder: msgspec.json.Decoder[FromHub] | msgspec.msgpack.Decoder[FromHub] = (
            msgspec.json.Decoder(FromHub) if name == "json" else msgspec.msgpack.Decoder(FromHub)
        )
        self._decode = decoder.decode

    def decode(self, data: str | bytes) -> FromHub:
        """Raises msgspec.MsgspecError for what is no frame of this protocol."""
        return self._decode(data)  # type: ignore[arg-type]


def rfc3339(moment: datetime) -> str:
    """Raises ValueError for a time without a zone: nobody could tell what it means."""
    if moment.tzinfo is None:
        raise ValueError("the time has no time zone")
    return moment.astimezone(UTC).isoformat()


def replay_item(scan: Replayed) -> ReplayItem:
    return ReplayItem(
        scan.scan_id, scan.code, rfc3339(scan.at), scan.decision, scan.reason, scan.direction, scan.device_info
    )
