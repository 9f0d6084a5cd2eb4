"""The packets of Engine.IO 4 and Socket.IO 5 that a screen meets on a WebSocket, on namespace /live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

NAMESPACE = "/live"
PATH = "/socket.io/?EIO=4&transport=websocket"
PONG = "3"


class BadPacket(Exception):
    """The text is none of the packets that a server may send here."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Engine.IO's handshake; now a namespace may be joined."""


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with PONG."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The namespace has let us in."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The namespace has not: its sentence, and the code that says why."""

    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """`["name", data]`; `data` is None where there is none."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """The server has thrown us out of the namespace, or ends the connection."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A packet that asks for nothing."""


Packet = Opened | Ping | Joined | Refused | Event | Ended | Nothing


def join(token: str, cursor: str | None) -> str:
    """The packet that asks to be let in; `cursor` is the last one seen, to be told what was missed."""
    auth = {"token": token} if cursor is None else {"token": token, "cursor": cursor}
    return f"40{NAMESPACE}," + msgspec.json.encode(auth).decode()


def parse(text: str) -> Packet:
    """Raises BadPacket."""
    kind, rest = text[:1], text[1:]
    if kind == "4":
        return _message(rest)
    if kind == "0":
        return Opened()
    if kind == "2":
        return Ping()
    if kind == "1":
        return Ended()
    if kind in {"3", "6"}:
        return Nothing()
    raise BadPacket(text[:80])


def _message(rest: str) -> Packet:
    kind, rest = rest[:1], rest[1:]
    namespace, comma, payload = rest.partition(",")
    if namespace != NAMESPACE:
        raise BadPacket(f"another namespace: {rest[:60]}")
    if kind == "0":
        return Joined()
    if kind == "1":
        return Ended()
    if kind == "2" and comma:
        return _event(payload)
    if kind == "4":
        return _refused(_object(payload))
    raise BadPacket(rest[:80])


def _refused(body: dict[str, Any]) -> Refused:
    data = body.get("data")
    return Refused(str(body.get("message", "")), str(data.get("code", "")) if isinstance(data, dict) else "")


def _event(payload: str) -> Event:
    try:
        parts = msgspec.json.decode(payload)
    except msgspec.MsgspecError as error:
        raise BadPacket(payload[:80]) from error
    if not isinstance(parts, list) or not parts or not isinstance(parts[0], str):
        raise BadPacket(payload[:80])
    return Event(parts[0], parts[1] if len(parts) > 1 else None)


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadPacket(text[:80]) from error
