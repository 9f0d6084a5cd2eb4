"""How this host's processes talk: msgpack messages, each with its length before it, over unix sockets."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

Asked = TypeVar("Asked", bound=msgspec.Struct)

LENGTH = struct.Struct(">I")
MAX_MESSAGE = 64 * 2**20

_encoder = msgspec.msgpack.Encoder()


def pack(message: msgspec.Struct) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def answer_each(kind: type[Asked], answer: Callable[[Asked], msgspec.Struct]) -> None:
    """What a child does that is somebody's hand (hub/control/hand.py): each message on standard input is answered on
    standard output, until the input ends."""
    decoder = msgspec.msgpack.Decoder(kind)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        sink.write(pack(answer(decoder.decode(source.read(LENGTH.unpack(head)[0])))))
        sink.flush()


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
