"""The frames and HTTP bodies of docs/vectors. tests/vectors_writer.py writes them.

What a reader sends is written as its author would, from plain values. What the hub sends is made from its own Structs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from hub.gate.messages import (
    Config,
    Decision,
    DecisionFrame,
    Decisions,
    Error,
    Keys,
    Limits,
    PassFace,
    PointFace,
    Recorded,
    RecordedItem,
    StudentFace,
    Welcome,
)

FIRST = UUID("01997e3a-1c00-7000-8000-000000000001")
SECOND = UUID("01997e3a-1c00-7000-8000-000000000002")
POINT = "01997e3a-1c00-7000-8000-0000000000c1"
AT = "2026-11-24T07:58:03.250000Z"
MOMENT = datetime(2026, 11, 24, 7, 58, 3, 250_000, tzinfo=UTC)
DECIDED_AT = "2026-11-24T08:41:00+01:00"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _from_reader(name: str, meaning: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "meaning": meaning, "json": _json(value), "msgpack": msgspec.msgpack.encode(value).hex()}


def _scans_sent(code: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    scan = {"scanId": str(FIRST), "code": code}
    second = {"scanId": str(SECOND), "code": "https://example.org/menu", "direction": "exit"}
    yield "scan", "may this code pass?", {"type": "scan", **scan}
    yield (
        "scan with everything",
        "the same, with a direction, kept in the log, with two words about the device",
        {"type": "scan", **scan, "direction": "entry", "record": True, "deviceInfo": {"battery": 71, "lamp": "ok"}},
    )
    yield (
        "scan with nulls",
        "null says the same as leaving it out",
        {
            "type": "scan",
            **scan,
            "direction": None,
            "deviceInfo": None,
        },
    )
    yield "scan that leaves no trace", "asks, and is not logged", {"type": "scan", **scan, "record": False}
    yield "scans", "two scans, answered together", {"type": "scans", "scans": [scan, second]}
    yield "no scans", "answered with no decisions", {"type": "scans", "scans": []}


def _others_sent(code: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    first = {"scanId": str(FIRST), "code": code, "at": DECIDED_AT, "decision": "granted"}
    second = {
        "scanId": str(SECOND),
        "code": code,
        "at": AT,
        "decision": "denied",
        "reason": "expired_pass",
        "direction": "entry",
        "deviceInfo": {"lamp": "ok"},
    }
    yield "replay", "one scan that the reader decided alone", {"type": "replay", "scans": [first]}
    yield (
        "replay with everything",
        "two of them, and what the reader's clock says now",
        {"type": "replay", "scans": [first, second], "sentAt": AT},
    )
    yield "status", "how the reader is", {"type": "status", "time": AT, "firmware": "4.2.0", "queued": 3}
    yield "empty status", "nothing to say is allowed", {"type": "status"}


def _msgpack_only(code: str) -> Iterator[dict[str, Any]]:
    """Forms that msgpack has beside the texts."""
    for name, same, value in (
        ("scan, scanId of 16 bytes", "scan", {"type": "scan", "scanId": FIRST.bytes, "code": code}),
        (
            "replay, scanId of 16 bytes, a time as timestamp extension",
            "replay",
            {
                "type": "replay",
                "scans": [
                    {
                        "scanId": FIRST.bytes,
                        "code": code,
                        "at": datetime.fromisoformat(DECIDED_AT),
                        "decision": "granted",
                    }
                ],
            },
        ),
        (
            "status, a time as timestamp extension",
            "status",
            {"type": "status", "time": MOMENT, "firmware": "4.2.0", "queued": 3},
        ),
    ):
        yield {"name": name, "sameAs": same, "msgpack": msgspec.msgpack.encode(value).hex()}


def _refused(code: str) -> Iterator[dict[str, Any]]:
    scan = {"type": "scan", "scanId": str(FIRST), "code": code}
    by_id = {"code": "invalid_scan", "scanId": str(FIRST)}
    for name, value, error in (
        ("a field that the hub does not know", scan | {"mood": "good"}, by_id),
        ("a code of 4097 characters", scan | {"code": "x" * 4097}, by_id),
        ("a direction that is none", scan | {"direction": "up"}, by_id),
        ("record is not a boolean", scan | {"record": 1}, by_id),
        ("no code", {"type": "scan", "scanId": str(FIRST)}, by_id),
        ("deviceInfo over 1 KiB", scan | {"deviceInfo": {"log": "x" * 1024}}, by_id),
        ("a scanId that is no UUID", scan | {"scanId": "door-7/12"}, {"code": "invalid_scan", "scanId": "door-7/12"}),
        ("no scanId", {"type": "scan", "code": code}, {"code": "malformed_frame"}),
        ("no type", {"scanId": str(FIRST), "code": code}, {"code": "malformed_frame"}),
        ("a type that the hub does not know", {"type": "hello"}, {"code": "malformed_frame"}),
        ("a time without a zone", {"type": "status", "time": "2026-11-24T08:41:00"}, {"code": "malformed_frame"}),
        ("not an object", [scan], {"code": "malformed_frame"}),
    ):
        yield {"name": name, "json": _json(value), "msgpack": msgspec.msgpack.encode(value).hex(), "error": error}
    yield {"name": "not JSON", "json": "{", "error": {"code": "malformed_frame"}}
    yield {"name": "not msgpack", "msgpack": "c1", "error": {"code": "malformed_frame"}}


def _granted(kind: type[Decision], scan_id: UUID = FIRST) -> Decision:
    student = StudentFace("01997e3a-1c00-7000-8000-0000000000d1", "Zoë Quillfeather", None)
    card = PassFace("01997e3a-1c00-7000-8000-0000000000b1", "NORTH-P-000001", "2027-07-31")
    return kind(scan_id, "granted", True, None, student, card, POINT, AT, False)


def _visitor() -> Decision:
    card = PassFace("01997e3a-1c00-7000-8000-0000000000b2", "NORTH-P-000002", "2026-11-23")
    return DecisionFrame(SECOND, "denied", False, "expired_pass", None, card, POINT, AT, True)


def _unknown(kind: type[Decision]) -> Decision:
    return kind(SECOND, "denied", False, "malformed_code", None, None, POINT, AT, False)


def _from_hub() -> Iterator[tuple[str, str, msgspec.Struct]]:
    point = PointFace(POINT, "North gate", "both", True)
    limits = Limits(64, 65_536, 20.0, 45.0, 1_000)
    school = "01997e3a-1c00-7000-8000-0000000000a1"
    yield "welcome", "the first frame", Welcome(point, "NORTH", school, AT, limits)
    yield "decision: granted", "open the door", _granted(DecisionFrame)
    yield "decision: denied, a visitor's pass", "keep it shut; a pass without a student, a stale index", _visitor()
    yield "decision: denied, nobody's code", "keep it shut; nothing is known of the code", _unknown(DecisionFrame)
    yield "decisions", "the answers to `scans`, in its order", Decisions([_granted(Decision), _unknown(Decision)])
    results = [
        RecordedItem(str(FIRST), "recorded", True),
        RecordedItem(str(FIRST), "already_recorded", True),
        RecordedItem(str(SECOND), "conflict", True, "recorded; the hub had answered otherwise"),
        RecordedItem(str(SECOND), "rejected", True, "this scanId belongs to a scan of another code"),
        RecordedItem(None, "rejected", True, "Expected `object`, got `int`"),
        RecordedItem(str(SECOND), "try_again", False, "the hub could not keep it; send it again"),
    ]
    yield "recorded", "one of each result", Recorded(results)
    yield "config", "the access point was switched off", Config(PointFace(POINT, "North gate", "entry", False))
    yield "keys", "fetch the public keys again", Keys()
    yield "error about a frame", "the frame is lost", Error("malformed_frame", "type: Invalid value 'hello'")
    yield "error about a scan", "ask again when another is answered", Error("slow_down", "at most 64 …", str(FIRST))


def frames(code: str) -> dict[str, Any]:
    """frames.json; `code` is the code of the first vector."""
    return {
        "about": "Frames of /api/v1/readers/connect. `json`: the text of a text frame. `msgpack`: a binary one, hex.",
        "fromReader": [_from_reader(*sent) for sent in (*_scans_sent(code), *_others_sent(code))],
        "fromReaderMsgpackOnly": list(_msgpack_only(code)),
        "refusedByHub": list(_refused(code)),
        "fromHub": [
            {
                "name": name,
                "meaning": meaning,
                "json": msgspec.json.encode(frame).decode(),
                "msgpack": msgspec.msgpack.encode(frame).hex(),
            }
            for name, meaning, frame in _from_hub()
        ],
    }


def http(code: str) -> dict[str, Any]:
    """http.json: bodies, as values."""
    attempt = {"scanId": str(FIRST), "qrCode": code, "accessTime": DECIDED_AT, "decision": "granted"}
    more = {"reason": "expired_pass", "direction": "exit", "deviceInfo": {"lamp": "ok"}}
    return {
        "about": "Bodies of the two HTTP requests and of their answers with status 200.",
        "verify": {
            "path": "/api/v1/passes/verify",
            "requests": [
                {"qrCode": code},
                {"qrCode": code, "scanId": str(FIRST)},
                {
                    "qrCode": code,
                    "scanId": str(FIRST),
                    "direction": "entry",
                    "record": False,
                    "deviceInfo": {"lamp": "ok"},
                },
            ],
            "answers": [_plain(_granted(Decision)), _plain(_unknown(Decision))],
        },
        "accessLogs": {
            "path": "/api/v1/access-logs",
            "requests": [
                attempt,
                {"items": [attempt, {**attempt, "scanId": str(SECOND), "decision": "denied", **more}], "sentAt": AT},
                {"items": []},
            ],
            "answers": [
                _plain(RecordedItem(str(FIRST), "recorded", True)),
                {"items": [_plain(RecordedItem(str(FIRST), "already_recorded", True))]},
                {"items": []},
            ],
        },
    }


def _plain(answer: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(answer))
