"""What goes to screens, byte by byte: frames that a WebSocket client reads, and bodies as docs/asyncapi.json says."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from hub.gate import asyncapi
from hub.index.directory import Directory
from hub.index.index import PassIndex
from hub.live.asyncapi import screen_part
from hub.live.cursor import cursor_text, read_cursor
from hub.live.events import Faces, LiveEvent, scan_of
from hub.live.frames import amended_frame, close_frame, events_frame, framed, reset_frame, stats_frame
from hub.live.stats import DoorStats, FeedStats, JournalStats, LiveStats
from hub.recorder.wire import Report
from tests.unit.live_world import SCHOOL, entry, messages

DOCUMENT = asyncapi.document(screen_part())


def check(name: str, body: Any) -> None:
    schema = DOCUMENT["components"]["messages"][name]["payload"]
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(body)


def text(**more: Any) -> bytes:
    return Faces(PassIndex(), Directory()).text(scan_of(entry(7, **more)))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_a_frame_of_any_size_has_its_length(size: int) -> None:
    body = json.dumps(["x", "y" * size]).encode()
    assert list(messages(framed(b"42/live," + body))) == [("x", "y" * size)]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"code": 7, "pass_id": b"p" * 16, "student_id": b"q" * 16},
        {"code": 15, "flags": 3, "direction": 2},
        {"report": Report(1_795_000_000_000_000, False, 'said "no" — 否')},
        {"pass_id": b"p" * 16, "student_id": bytes(16)},
    ],
)
def test_an_event_is_as_the_document_says(more: dict[str, Any]) -> None:
    ((name, body),) = messages(events_frame(b"Y3Vyc29y", [text(**more)] * 2))
    assert name == "events"
    check("events", body)
    assert set(body["events"][0]) == {"pass" if field == "pass_" else field for field in LiveEvent.__struct_fields__}


def test_the_other_messages_are_as_the_document_says() -> None:
    doors = [DoorStats("1" * 32, "Gate", 3, 2, 1, None, "online", "2026-11-01T08:00:00Z", None, None, None, None, None)]
    stats = LiveStats("2026-11-01T08:00:00Z", 300, doors, FeedStats(0.1, False), JournalStats(0, 0.0, True))
    frames = [
        amended_frame(b"Y3Vyc29y", [text()]),
        reset_frame("too_far_behind", b"Y3Vyc29y"),
        stats_frame(msgspec.json.encode(stats)),
    ]
    for frame, wanted in zip(frames, ("amended", "reset", "stats"), strict=True):
        ((name, body),) = messages(frame)
        assert name == wanted
        check(name, body)
    check("join", {"token": "t"})
    check("join", {"token": "t", "cursor": "c"})


def test_a_reason_fits_its_close_frame() -> None:
    ((_, (code, reason)),) = messages(close_frame(4008, "x" * 500))
    assert (code, len(reason)) == (4008, 120)


def test_a_cursor_comes_back_as_it_was() -> None:
    following = {bytes([n]) * 16: n * 10**12 for n in range(1, 40)}
    cursor = read_cursor(cursor_text(SCHOOL, following).decode())
    assert (cursor.school, cursor.following) == (SCHOOL, following)
