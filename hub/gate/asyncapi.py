"""The AsyncAPI 3 document of the readers' socket, made from the Structs that the gate itself reads and writes.

hub/live/asyncapi.py adds the screens' socket and writes docs/asyncapi.json. What a Struct leaves open because it is
only ever written (which words a text can be) stands in `_SAID_MORE`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hub.config import Settings
from hub.domain.verdict import ACCESS_TYPE, REASON_TEXT
from hub.gate.codec import JSON, MSGPACK
from hub.gate.connections import (
    CLOSE_FAULT,
    CLOSE_KEY_GONE,
    CLOSE_MALFORMED,
    CLOSE_REPLACED,
    CLOSE_RESTART,
    CLOSE_SILENT,
)
from hub.gate.messages import (
    Config,
    DecisionFrame,
    Decisions,
    Error,
    Keys,
    Recorded,
    Replay,
    ReplayItem,
    Scan,
    Scans,
    Status,
    Welcome,
)
from hub.gate.tickets import SUBPROTOCOL
from hub.version import __version__

Part = dict[str, dict[str, Any]]

ADDRESS = "/api/v1/readers/connect"
CHANNEL = "readers"

_SCHEMAS = "#/components/schemas/"
_UUID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}
_DECISION: dict[str, Any] = {"enum": ["granted", "denied"]}
_REASON = {
    "anyOf": [{"type": "string"}, {"type": "null"}],
    "examples": list(REASON_TEXT),
    "description": "null for a grant. Newer hubs may know more reasons.",
}

# name in the document → its Struct, what is answered with, and what it is for
_FROM_READERS: dict[str, tuple[type, tuple[str, ...], str]] = {
    "scan": (Scan, ("decision", "error"), "May this code pass?"),
    "scans": (Scans, ("decisions", "error"), "Several at once, answered together."),
    "replay": (Replay, ("recorded", "error"), "What the reader decided by itself while it was cut off."),
    "status": (Status, (), "How the reader is. Not answered, unless it cannot be read."),
}
_TO_READERS: dict[str, tuple[type, str]] = {
    "welcome": (Welcome, "The first frame of every connection."),
    "decision": (DecisionFrame, "The answer to a scan. A denial is an answer, not an error."),
    "decisions": (Decisions, "The answers to a `scans` frame, in its order."),
    "recorded": (Recorded, "What became of each scan of a `replay` frame, in its order."),
    "config": (Config, "The access point was changed."),
    "keys": (Keys, "The public keys have changed: fetch them again now, and replace the whole set."),
    "error": (Error, "A frame, or one scan of it, was not taken."),
}

#: (schema, property) → what is known of it beyond its Struct.
_SAID_MORE: dict[tuple[str, str], dict[str, Any]] = {
    ("Replay", "scans"): {"type": "array", "items": {"$ref": _SCHEMAS + "ReplayItem"}},
    ("Decision", "decision"): _DECISION,
    ("Decision", "reason"): _REASON,
    ("Decision", "accessPointId"): _UUID,
    ("Decision", "accessTime"): _TIME,
    ("DecisionFrame", "decision"): _DECISION,
    ("DecisionFrame", "reason"): _REASON,
    ("DecisionFrame", "accessPointId"): _UUID,
    ("DecisionFrame", "accessTime"): _TIME,
    ("StudentFace", "id"): _UUID,
    ("PassFace", "id"): _UUID,
    ("PassFace", "expiryDate"): {"type": "string", "format": "date", "description": "the last day, in the school"},
    ("RecordedItem", "result"): {
        "type": "string",
        "examples": ["recorded", "already_recorded", "conflict", "rejected", "try_again"],
        "description": "Go by `final`: newer hubs may know more results.",
    },
    ("RecordedItem", "scanId"): {
        "anyOf": [{"type": "string", "maxLength": 64}, {"type": "null"}],
        "description": "As it was sent, even if it is no UUID; null when none could be read.",
    },
    ("PointFace", "id"): _UUID,
    ("PointFace", "accessType"): {"enum": list(ACCESS_TYPE)},
    ("Welcome", "schoolId"): {**_UUID, "description": "the issuer (claim 1) of this school's codes"},
    ("Welcome", "serverTime"): _TIME,
    ("Error", "code"): {"type": "string", "examples": ["malformed_frame", "invalid_scan", "slow_down"]},
    ("Error", "scanId"): {"type": "string", "maxLength": 64, "description": "only when one scan is meant"},
}


def reader_part() -> Part:
    """Channels, operations and components of the readers' socket."""
    return {
        "channels": {CHANNEL: _channel()},
        "operations": {**_received(), **_sent()},
        "messages": {
            name: {
                "name": name,
                "summary": summary,
                "contentType": "application/json",
                "payload": {"$ref": _SCHEMAS + kind.__name__},
            }
            for name, (kind, summary) in _messages().items()
        },
        "schemas": _schemas(),
    }


def document(*more: Part) -> dict[str, Any]:
    """The whole document: the readers' socket, and `more` parts of the same shape."""
    parts = [reader_part(), *more]

    def merged(key: str) -> dict[str, Any]:
        return {name: value for part in parts for name, value in part.get(key, {}).items()}

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "passhub",
            "version": __version__,
            "description": "What readers at doors say and hear, and what screens are shown. "
            "docs/readers.md and docs/screens.md explain it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "hub": {
                "host": "hub.example.org",
                "protocol": "wss",
                "security": [{"$ref": "#/components/securitySchemes/deviceKey"}],
            }
        },
        "channels": merged("channels"),
        "operations": merged("operations"),
        "components": {
            "messages": merged("messages"),
            "schemas": merged("schemas"),
            "securitySchemes": {
                "deviceKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key of one access point, in the Authorization header.",
                }
            },
        },
    }


def _messages() -> dict[str, tuple[type, str]]:
    return {name: (kind, summary) for name, (kind, _, summary) in _FROM_READERS.items()} | _TO_READERS


def _channel() -> dict[str, Any]:
    limits = {name: Settings.model_fields[name].default for name in ("reader_max_in_flight", "reader_max_frame")}
    return {
        "address": ADDRESS,
        "title": "A reader's connection",
        "description": (
            f"Subprotocol {JSON} (text frames) or {MSGPACK} (binary frames) with the same fields. "
            f"By default at most {limits['reader_max_in_flight']} scans in flight and {limits['reader_max_frame']} "
            "bytes a frame; `welcome` has the limits in force. A device sends its key in Authorization; a browser, "
            f"which cannot, offers {SUBPROTOCOL}<ticket> beside the subprotocol. Fields that are not in these schemas "
            "are refused from readers, and to be ignored by readers."
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages()},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {
                        "Authorization": {"type": "string", "pattern": "^Bearer .+"},
                        "Sec-WebSocket-Protocol": {
                            "type": "string",
                            "examples": [JSON, MSGPACK, f"{JSON}, {SUBPROTOCOL}q1w2e3"],
                        },
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": {
            "1000": "the end that one side asked for",
            "1002": "not WebSocket as RFC 6455 says",
            "1007": "a text that is not UTF-8",
            str(CLOSE_MALFORMED): "too many malformed frames in a row",
            "1009": "a frame over the limit",
            str(CLOSE_FAULT): "a fault of the hub",
            str(CLOSE_RESTART): "the hub restarts",
            str(CLOSE_KEY_GONE): "the device key was revoked, rotated or has expired; a browser's session has ended",
            str(CLOSE_REPLACED): "a newer connection of the same access point",
            str(CLOSE_SILENT): "nothing was heard for too long",
        },
    }


def _received() -> dict[str, Any]:
    """What the hub receives, with what it replies."""
    operations: dict[str, Any] = {}
    for name, (_, replies, summary) in _FROM_READERS.items():
        operation: dict[str, Any] = {"action": "receive", "summary": summary, **_on_channel(name)}
        if replies:
            operation["reply"] = _on_channel(*replies)
        operations["receive" + name.capitalize()] = operation
    return operations


def _sent() -> dict[str, Any]:
    """What the hub sends without being asked."""
    return {
        "send" + name.capitalize(): {"action": "send", "summary": _TO_READERS[name][1], **_on_channel(name)}
        for name in ("welcome", "config", "error")
    }


def _on_channel(*messages: str) -> dict[str, Any]:
    channel = f"#/channels/{CHANNEL}"
    return {"channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/{name}"} for name in messages]}


def _schemas() -> dict[str, Any]:
    kinds = [kind for kind, _ in _messages().values()]
    _, schemas = msgspec.json.schema_components([*kinds, ReplayItem], ref_template=_SCHEMAS + "{name}")
    for (schema, name), said in _SAID_MORE.items():
        properties = schemas[schema]["properties"]
        properties[name] = {
            **said,
            **({"default": properties[name]["default"]} if "default" in properties[name] else {}),
        }
    return dict(sorted(schemas.items()))


def text(*more: Part) -> str:
    """The document as it is committed."""
    return json.dumps(document(*more), indent=2, ensure_ascii=False) + "\n"
