"""What goes over a screen's WebSocket: Socket.IO 5 packets of the namespace in Engine.IO 4 messages, framed as RFC 6455
says. Made once, and written as they are to every screen."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import groupby, zip_longest
from operator import attrgetter

from hub.live.ring import Item

NAMESPACE = "/live"
_EVENT = b"42" + NAMESPACE.encode()

#: Why a connection ends, in its close frame. A screen reconnects after all but 4001.
CLOSE_RESTART = 1012
CLOSE_SESSION_ENDED = 4001
CLOSE_SILENT = 4003
CLOSE_NOT_JOINED = 4005
CLOSE_SLOW = 4008
CLOSE_FLOOD = 4009


def framed(text: bytes) -> bytes:
    """A WebSocket text frame of a server."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    if size < 65_536:
        return struct.pack(">BBH", 0x81, 126, size) + text
    return struct.pack(">BBQ", 0x81, 127, size) + text


def close_frame(code: int, reason: str) -> bytes:
    """A WebSocket close frame; the reason is cut to what fits."""
    body = struct.pack(">H", code) + reason.encode()[:120]
    return bytes((0x88, len(body))) + body


def events_frame(cursor: bytes, texts: Sequence[bytes]) -> bytes:
    return framed(b'%b,["events",{"cursor":"%b","events":[%b]}]' % (_EVENT, cursor, b",".join(texts)))


def amended_frame(cursor: bytes, texts: Sequence[bytes]) -> bytes:
    return framed(b'%b,["amended",{"cursor":"%b","events":[%b]}]' % (_EVENT, cursor, b",".join(texts)))


def item_frames(items: Sequence[Item], following: int, cursor: Callable[[int], bytes]) -> list[bytes]:
    """Events in their order, in as few frames as there can be: what amends is told apart. `cursor`: of a place before
    that number; the last frame's is that of `following`."""
    frames = list[bytes]()
    runs = [(amends, list(run)) for amends, run in groupby(items, attrgetter("amends"))]
    for (amends, run), (_, after) in zip_longest(runs, runs[1:], fillvalue=(False, [])):
        place = cursor(after[0].sequence if after else following)
        frames.append((amended_frame if amends else events_frame)(place, [item.text for item in run]))
    return frames


def reset_frame(reason: str, cursor: bytes) -> bytes:
    return framed(b'%b,["reset",{"reason":"%b","cursor":"%b"}]' % (_EVENT, reason.encode(), cursor))


def acknowledged_frame(body: bytes) -> bytes:
    return framed(b'%b,["acknowledged",%b]' % (_EVENT, body))


def stats_frame(body: bytes) -> bytes:
    return framed(b'%b,["stats",%b]' % (_EVENT, body))
