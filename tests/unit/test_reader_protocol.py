"""The reader's frames and the gate's are two sets of Structs of one protocol: each reads what the other writes."""

from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Literal
from uuid import uuid4

import msgspec
import pytest

from hub.gate import messages as gate
from hub.reader import messages as reader

NOW = datetime(2026, 11, 24, 8, 0, 0, 5, UTC)
ID = uuid4()
POINT = gate.PointFace("p", "North door", "both", True)
LIMITS = gate.Limits(64, 65_536, 20.0, 45.0, 1_000)
FACES: tuple[Any, ...] = (gate.StudentFace("s", "Ada", None), gate.PassFace("p", "P-1", "2027-06-30"))
AT = "2026-11-24T08:00:00.000005Z"
ANSWER = (str(ID), "granted", True, None, *FACES, "p", AT, False)
REPLAYED = reader.Replayed(ID, "code", NOW, "denied", "why", "exit", {"a": 1})
encodings = pytest.mark.parametrize(("name", "module"), [("json", msgspec.json), ("msgpack", msgspec.msgpack)])


@encodings
@pytest.mark.parametrize(
    "frame",
    [
        reader.Scan(ID, "code"),
        reader.Scan(ID, "code", "entry", False, {"battery": 80}),
        reader.Scans([reader.ScanItem(ID, "one"), reader.ScanItem(ID, "two", "exit")]),
        reader.Replay([reader.replay_item(REPLAYED)], reader.rfc3339(NOW)),
        reader.Status(reader.rfc3339(NOW), "1.2", 7),
        reader.Status(reader.rfc3339(NOW)),
    ],
)
def test_the_gate_reads_what_a_reader_writes(
    name: Literal["json", "msgpack"], module: ModuleType, frame: reader.Frame
) -> None:
    data = reader.Codec(name).encode(frame)
    heard = module.Decoder(gate.FromReader).decode(data)
    assert type(heard).__name__ == type(frame).__name__
    if isinstance(heard, gate.Replay):
        item = module.Decoder(gate.ReplayItem).decode(heard.scans[0])
        assert (item.at, item.decision, item.reason, item.direction) == (NOW, "denied", "why", "exit")
        assert item.deviceInfo == {"a": 1}


@encodings
@pytest.mark.parametrize(
    "frame",
    [
        gate.Welcome(POINT, "NORTH", str(ID), AT, LIMITS),
        gate.DecisionFrame(*ANSWER),
        gate.DecisionFrame(str(ID), "denied", False, "unknown_pass", None, None, "p", AT, True),
        gate.Decisions([gate.Decision(*ANSWER)]),
        gate.Recorded([gate.RecordedItem(str(ID), "recorded", True), gate.RecordedItem(None, "rejected", True, "bad")]),
        gate.Config(POINT),
        gate.Error("slow_down", "wait", str(ID)),
        gate.Error("malformed_frame", "what?"),
    ],
)
def test_a_reader_reads_what_the_gate_writes(
    name: Literal["json", "msgpack"], module: ModuleType, frame: msgspec.Struct
) -> None:
    data: bytes = module.encode(frame)
    heard = reader.Codec(name).decode(data)
    assert type(heard).__name__ == type(frame).__name__
    told, kept = msgspec.to_builtins(frame), msgspec.convert(msgspec.json.decode(msgspec.json.encode(heard)), dict)
    assert {key: value for key, value in _flat(kept).items() if value is not None} == {
        key: value for key, value in _flat(told).items() if value is not None
    }


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {k: v for place, inner in enumerate(value) for k, v in _flat(inner, f"{path}[{place}]").items()}
    return {path: value}
