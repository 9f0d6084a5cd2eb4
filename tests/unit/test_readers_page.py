"""docs/readers.md names every field, reason, close code and limit that there is, and its examples are real."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.config import Settings
from hub.domain.verdict import ANONYMOUS, REASON_TEXT
from hub.gate import asyncapi, connections
from hub.gate.codec import CODECS, JSON
from hub.gate.messages import Attempt, Replay, Verify
from hub.reader.messages import Codec
from tests.vectors_writer import keys

PAGE = Path(__file__).resolve().parents[2] / "docs" / "readers.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"^ *```json\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)]
FRAMES = [example for example in EXAMPLES if "type" in example]


@pytest.mark.parametrize("frame", FRAMES, ids=[frame["type"] for frame in FRAMES])
def test_each_example_is_a_frame_that_is_understood(frame: dict[str, Any]) -> None:
    text = json.dumps(frame)
    if frame["type"] not in {"scan", "scans", "replay", "status"}:
        Codec("json").decode(text)
        return
    message = CODECS[JSON].decode(text)
    if isinstance(message, Replay):
        for item in message.scans:
            CODECS[JSON].item(item)


def test_there_is_an_example_of_every_frame_but_decisions() -> None:
    assert {frame["type"] for frame in FRAMES} == set(asyncapi._messages()) - {"decisions"}


def test_every_field_is_named() -> None:
    fields = {name for schema in asyncapi._schemas().values() for name in schema["properties"]}
    fields |= {field.encode_name for kind in (Verify, Attempt) for field in msgspec.structs.fields(kind)}
    assert {name for name in fields if f"`{name}`" not in TEXT} == set()


def test_every_reason_has_its_row_and_the_anonymous_ones_are_listed() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert {reason for reason in REASON_TEXT if reason is not None} <= rows
    listed = re.search(r"Where nothing may be told about a person \((.*?)\)", TEXT, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == {REASON_TEXT[reason] for reason in ANONYMOUS}


def test_every_close_code_has_its_row() -> None:
    codes = {str(value) for name, value in vars(connections).items() if name.startswith("CLOSE_")}
    rows = re.findall(r"^\| ([\d, ]+)[^|]* \|", TEXT.partition("## 8.")[2].partition("## 9.")[0], re.MULTILINE)
    named = {code.strip() for row in rows for code in row.split(",")}
    assert codes | set(asyncapi.document()["channels"]["readers"]["x-close-codes"]) <= named


def test_the_limits_are_those_of_the_settings() -> None:
    limits = next(frame for frame in FRAMES if frame["type"] == "welcome")["limits"]
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert limits == {
        "maxInFlight": defaults["reader_max_in_flight"],
        "maxFrameBytes": defaults["reader_max_frame"],
        "pingSeconds": defaults["reader_ping"],
        "silenceSeconds": defaults["reader_silence"],
        "replayMaxItems": defaults["replay_max_items"],
    }
    assert defaults["reader_max_malformed"] == 10
    assert (defaults["journal_timeout_ms"], defaults["body_max_bytes"]) == (500, 2 * 2**20)
    assert defaults["journal_retention_hours"] == 24


def test_the_key_that_is_shown_is_one_of_the_vectors() -> None:
    shown = next(example for example in EXAMPLES if "keys" in example)["keys"]
    assert all(key in keys()["keys"] for key in shown)


def test_every_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
