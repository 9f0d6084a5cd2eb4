"""Messages with their length before them, however the stream is cut."""

from __future__ import annotations

import random

import msgspec
import pytest

from hub.control import AskMetrics, FromChild, FromSupervisor, Metrics, Numbers, Ready, Retire
from hub.control.framing import LENGTH, MAX_MESSAGE, Splitter, pack
from hub.telemetry import counter, gauge


def test_a_stream_cut_anywhere_gives_the_same_messages() -> None:
    noise = random.Random(1)
    bodies = [noise.randbytes(size) for size in (0, 1, 3, 4, 5, 255, 256, 70_000, 0, 2)]
    stream = b"".join(LENGTH.pack(len(body)) + body for body in bodies)
    for largest in (1, 2, 7, 4096, len(stream)):
        splitter, start = Splitter(), 0
        found: list[bytes] = []
        while start < len(stream):
            size = noise.randint(1, largest)
            found += splitter.feed(stream[start : start + size])
            start += size
        assert found == bodies


def test_what_is_not_whole_is_kept_for_later() -> None:
    splitter = Splitter()
    assert list(splitter.feed(b"\0\0\0\5hel")) == []
    assert list(splitter.feed(b"")) == []
    assert list(splitter.feed(b"lo\0\0")) == [b"hello"]
    assert list(splitter.feed(b"\0\1!")) == [b"!"]


def test_a_length_that_cannot_be_is_refused_before_it_is_waited_for() -> None:
    splitter = Splitter()
    with pytest.raises(ValueError, match=str(MAX_MESSAGE + 1)):
        list(splitter.feed(LENGTH.pack(MAX_MESSAGE + 1)))
    assert list(Splitter().feed(LENGTH.pack(MAX_MESSAGE))) == []


@pytest.mark.parametrize(
    "message",
    [Ready(), AskMetrics(), Retire(), Metrics("text"), Numbers([counter("a_total", "h", 1), gauge("b", "h", 0.5)])],
)
def test_each_control_message_is_read_as_it_was_written(message: msgspec.Struct) -> None:
    (body,) = Splitter().feed(pack(message))
    kinds = FromSupervisor if isinstance(message, Retire | Metrics) else FromChild
    assert msgspec.msgpack.decode(body, type=kinds) == message
