"""The AsyncAPI 3 document of both sockets: the gate's part on readers, and the one on screens, made from their Structs.

    python -m hub.live.asyncapi > docs/asyncapi.json

A test holds that the committed file is what this writes.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from hub.domain.verdict import REASON_TEXT
from hub.gate import asyncapi
from hub.gate.asyncapi import Part
from hub.live.acknowledged import AcknowledgedBatch
from hub.live.events import AmendedBatch, Auth, EventBatch, LiveEvent, ResetNote
from hub.live.frames import (
    CLOSE_FLOOD,
    CLOSE_NOT_JOINED,
    CLOSE_RESTART,
    CLOSE_SESSION_ENDED,
    CLOSE_SILENT,
    CLOSE_SLOW,
    NAMESPACE,
)
from hub.live.sio import MAX_PACKET, PATH
from hub.live.stats import LiveStats

CHANNEL = "screens"
_SCHEMAS = "#/components/schemas/"
_UUID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}
_TIME_OR_NULL = {"anyOf": [_TIME, {"type": "null"}]}

_MESSAGES: dict[str, tuple[type, str, str]] = {
    "join": (Auth, "receive", "Socket.IO's connect packet of the namespace: who the screen is, and where it was."),
    "events": (EventBatch, "send", "Scans as they happen, each once, in order for each recorder."),
    "amended": (
        AmendedBatch,
        "send",
        "What was shown is known better now: nobody passed after all, or the reader was told something else.",
    ),
    "reset": (ResetNote, "send", "What was missed cannot be shown: forget what there is, and go on from here."),
    "acknowledged": (AcknowledgedBatch, "send", "Somebody has seen to a scan or to a door."),
    "stats": (LiveStats, "send", "Once a second: how the doors are, and how fresh what the hub knows."),
}
_SAID_MORE: dict[tuple[str, str], dict[str, Any]] = {
    ("LiveEvent", "id"): {**_UUID, "description": "the scan's id: what is shown twice has it twice"},
    ("LiveEvent", "at"): _TIME,
    ("LiveEvent", "decision"): {"enum": ["granted", "denied"]},
    ("LiveEvent", "reason"): {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "examples": list(REASON_TEXT),
        "description": "null for a grant; of a reader that decided alone, its own words",
    },
    ("LiveEvent", "direction"): {"enum": ["entry", "exit", None]},
    ("EventPoint", "id"): _UUID,
    ("EventStudent", "id"): _UUID,
    ("EventPass", "id"): _UUID,
    ("ResetNote", "reason"): {
        "type": "string",
        "examples": ["too_far_behind", "another_school", "counted_anew", "incomplete_cursor"],
        "description": "Newer hubs may know more reasons.",
    },
    ("Acknowledged", "id"): _UUID,
    ("Acknowledged", "at"): _TIME,
    ("Acknowledged", "scanId"): {"anyOf": [_UUID, {"type": "null"}], "description": "null: the door itself"},
    ("AcknowledgedBy", "id"): _UUID,
    ("LiveStats", "at"): _TIME,
    ("DoorStats", "id"): _UUID,
    ("DoorStats", "reader"): {"enum": ["online", "silent", "offline"]},
    ("DoorStats", "saidAt"): _TIME_OR_NULL,
    ("DoorStats", "since"): _TIME_OR_NULL,
    ("DoorStats", "lastScanAt"): _TIME_OR_NULL,
}


def screen_part() -> Part:
    """Channel, operations and components of the screens' socket."""
    return {
        "channels": {CHANNEL: _channel()},
        "operations": {action + name.capitalize(): _operation(name) for name, (_, action, _) in _MESSAGES.items()},
        "messages": {
            name: {
                "name": name,
                "summary": summary,
                "contentType": "application/json",
                "payload": {"$ref": _SCHEMAS + kind.__name__},
            }
            for name, (kind, _, summary) in _MESSAGES.items()
        },
        "schemas": _schemas(),
    }


def _operation(name: str) -> dict[str, Any]:
    channel = f"#/channels/{CHANNEL}"
    _, action, summary = _MESSAGES[name]
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"}],
    }


def _channel() -> dict[str, Any]:
    return {
        "address": PATH,
        "title": "A screen's connection",
        "description": (
            f"Socket.IO 5 over Engine.IO 4, namespace {NAMESPACE}, WebSocket only (?EIO=4&transport=websocket). "
            "Who it is stands in the packet with which it joins; it needs no header. "
            "A screen joins within ten seconds and says nothing more but pongs; "
            f"a packet has at most {MAX_PACKET} bytes."
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _MESSAGES},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {"EIO": {"const": "4"}, "transport": {"const": "websocket"}},
                    "required": ["EIO", "transport"],
                },
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": {
            str(CLOSE_RESTART): "the hub restarts",
            str(CLOSE_SESSION_ENDED): "the session has ended",
            str(CLOSE_SILENT): "no ping was answered",
            str(CLOSE_NOT_JOINED): "it did not join in time",
            str(CLOSE_SLOW): "it does not keep up",
            str(CLOSE_FLOOD): "it says too much",
        },
    }


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        [*(kind for kind, _, _ in _MESSAGES.values()), LiveEvent], ref_template=_SCHEMAS + "{name}"
    )
    for (schema, name), said in _SAID_MORE.items():
        schemas[schema]["properties"][name] = said
    return dict(sorted(schemas.items()))


if __name__ == "__main__":
    sys.stdout.write(asyncapi.text(screen_part()))
