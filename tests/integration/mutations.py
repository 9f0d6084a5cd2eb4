"""Broken copies of what readers send: mutations that know the structure, and of bytes. The same seed makes the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

ODD: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**63, -(2**63), 1e308, -0.0, "", " ", "\x00", "a" * 5000, "\U0001f600" * 40,
    "💥\u202e", "granted", "entry", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-12:00", "2026-11-24T08:00:00",
    "00000000-0000-0000-0000-000000000000", [], {}, [[]], {"": None}, [1] * 300, {"a": {"b": {"c": [None]}}},
]  # fmt: skip
BINARY_ONLY: list[Any] = [b"", b"\xff" * 16, msgspec.msgpack.Ext(5, b"x"), datetime(2026, 11, 24, tzinfo=UTC)]
FIELDS = ["type", "scanId", "code", "qrCode", "direction", "record", "deviceInfo", "scans", "items", "at", "accessTime",
          "decision", "reason", "sentAt", "time", "firmware", "queued", "__class__", "", "\x00"]  # fmt: skip
TYPES = ["scan", "scans", "replay", "status", "welcome", "decision", "", "SCAN", 5]


class Mutator:
    """Seeded; `codes` are what a scanner may read here."""

    def __init__(self, seed: int, codes: list[str]) -> None:
        self.random = random.Random(seed)
        self._codes = codes

    def scan_id(self) -> str:
        """Few enough to come again."""
        return str(UUID(int=self.random.randrange(4000)))

    def item(self) -> dict[str, Any]:
        found: dict[str, Any] = {"scanId": self.scan_id(), "code": self.random.choice(self._codes)}
        if self.random.random() < 0.3:
            found["direction"] = self.random.choice(["entry", "exit", None])
        if self.random.random() < 0.2:
            found["deviceInfo"] = {"rssi": self.random.randint(-90, 0), "n": [1, {"x": "y"}]}
        return found

    def replayed(self) -> dict[str, Any]:
        at = f"20{self.random.randrange(20, 30)}-11-24T07:{self.random.randrange(60):02d}:00Z"
        return self.item() | {"at": at, "decision": self.random.choice(["granted", "denied"]), "reason": "offline"}

    def frame(self) -> dict[str, Any]:
        """A good message of a reader."""
        kind = self.random.random()
        if kind < 0.4:
            return {"type": "scan", **self.item()}
        if kind < 0.7:
            return {"type": "scans", "scans": [self.item() for _ in range(self.random.randrange(6))]}
        if kind < 0.9:
            return {"type": "replay", "scans": [self.replayed() for _ in range(self.random.randrange(6))]}
        return {"type": "status", "firmware": "1", "queued": 3, "time": "2026-11-24T08:00:00Z"}

    def body(self) -> tuple[str, dict[str, Any]]:
        """A good body and its address."""
        if self.random.random() < 0.6:
            return "/api/v1/passes/verify", {("qrCode" if k == "code" else k): v for k, v in self.item().items()}
        names = {"code": "qrCode", "at": "accessTime"}
        items = [{names.get(k, k): v for k, v in self.replayed().items()} for _ in range(self.random.randrange(5))]
        return "/api/v1/access-logs", {"items": items} if len(items) != 1 else items[0]

    def bend(self, value: Any, *, binary: bool) -> Any:
        """One to three changes somewhere inside."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            value = self._change(value, ODD + BINARY_ONLY if binary else ODD)
        return value

    def _change(self, value: Any, odd: list[Any]) -> Any:
        pick = self.random.random()
        if isinstance(value, dict) and value and pick < 0.85:
            key = self.random.choice(list(value))
            found = dict(value)
            if pick < 0.12:
                del found[key]
            elif pick < 0.24:
                found[self.random.choice(FIELDS)] = self.random.choice(odd)
            elif pick < 0.34 and key == "type":
                found[key] = self.random.choice(TYPES)
            else:
                found[key] = self._change(found[key], odd)
            return found
        if isinstance(value, list) and value and pick < 0.85:
            place = self.random.randrange(len(value))
            return [*value[:place], self._change(value[place], odd), *value[place + (pick < 0.6) :]]
        return self.random.choice(odd)

    def damage(self, raw: bytes) -> bytes:
        """Bytes flipped, cut, doubled, put in or strung together."""
        data = bytearray(raw)
        steps: list[Callable[[], None]] = [
            lambda: data.__setitem__(slice(place, place + 1), self.random.randbytes(1)),
            lambda: data.__delitem__(slice(place, place + self.random.randrange(1, 9))),
            lambda: data.__setitem__(slice(place, place), self.random.randbytes(self.random.randrange(1, 5))),
            lambda: data.__setitem__(slice(place, place), data[: self.random.randrange(1, 40)]),
            lambda: data.__delitem__(slice(place, None)),
        ]
        for _ in range(self.random.choice((1, 1, 2, 4))):
            place = self.random.randrange(len(data) + 1)
            self.random.choice(steps)()
        return bytes(data)

    def bytes_of(self, value: Any, *, binary: bool) -> bytes:
        """`value` bent, damaged, replaced by noise, or (one in four) left good."""
        pick = self.random.random()
        encode = msgspec.msgpack.encode if binary else msgspec.json.encode
        if pick < 0.25:
            return encode(value)
        if pick < 0.7:
            return encode(self.bend(value, binary=binary))
        if pick < 0.95:
            return self.damage(encode(value))
        return self.random.randbytes(self.random.randrange(60))
