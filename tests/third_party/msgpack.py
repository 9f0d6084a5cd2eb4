"""As much of msgpack as docs/readers.md asks of a reader; from the format's specification."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID


def pack(value: Any) -> bytes:
    """UUIDs become 16 bytes of bin."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return bytes([value]) if 0 <= value < 128 else b"\xd3" + struct.pack(">q", value)
        case UUID():
            return b"\xc4\x10" + value.bytes
        case str():
            raw = value.encode()
            return (b"\xd9" + bytes([len(raw)]) if len(raw) < 256 else b"\xda" + struct.pack(">H", len(raw))) + raw
        case list():
            return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
        case dict():
            head = b"\xde" + struct.pack(">H", len(value))
            return head + b"".join(pack(key) + pack(one) for key, one in value.items())
    raise TypeError(type(value).__name__)


class _Unpacker:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def raw(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("cut off")
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(">" + form, self.raw(struct.calcsize(form)))[0]

    def value(self) -> Any:  # noqa: C901, PLR0911 - a table of formats
        head = self.number("B")
        match head:
            case 0xC0:
                return None
            case 0xC2 | 0xC3:
                return head == 0xC3
            case 0xCA | 0xCB:
                return self.number("f" if head == 0xCA else "d")
            case 0xD9 | 0xDA:
                return self.raw(self.number("B" if head == 0xD9 else "H")).decode()
            case 0xDC | 0xDD:
                return self.list(self.number("H" if head == 0xDC else "I"))
            case 0xDE | 0xDF:
                return self.map(self.number("H" if head == 0xDE else "I"))
        if 0xCC <= head <= 0xD3:
            return self.number("BHIQbhiq"[head - 0xCC])
        if head < 0x80 or head >= 0xE0:
            return head if head < 0x80 else head - 256
        if head < 0x90:
            return self.map(head & 15)
        if head < 0xA0:
            return self.list(head & 15)
        if head < 0xC0:
            return self.raw(head & 31).decode()
        raise ValueError(f"{head:#x} is nothing that a hub sends")

    def list(self, size: int) -> list[Any]:
        return [self.value() for _ in range(size)]

    def map(self, size: int) -> dict[str, Any]:
        return {self.value(): self.value() for _ in range(size)}


def unpack(data: bytes) -> Any:
    """Raises ValueError."""
    unpacker = _Unpacker(data)
    value = unpacker.value()
    if unpacker.at != len(data):
        raise ValueError("more than one value")
    return value
