"""How this host's processes talk: msgpack messages, each with its length before it, over unix sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

LENGTH = struct.Struct(">I")
MAX_MESSAGE = 64 * 2**20

_encoder = msgspec.msgpack.Encoder()


def pack(message: msgspec.Struct) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


class Splitter:
    """Turns a byte stream back into message bodies. Raises ValueError on a length that cannot be."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        buffer = self._buffer
        buffer += data
        start, end = 0, len(buffer)
        while end - start >= 4:
            (length,) = LENGTH.unpack_from(buffer, start)
            if length > MAX_MESSAGE:
                raise ValueError(f"message of {length} bytes")
            if end - start - 4 < length:
                break
            yield bytes(buffer[start + 4 : start + 4 + length])
            start += 4 + length
        del buffer[:start]
