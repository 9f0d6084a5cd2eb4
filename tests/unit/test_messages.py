"""Bodies and frames of the reader protocol: limits, what is refused in which words, and what answers look like."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.card import pack, unpack
from hub.domain.clock import day_number, micros
from hub.domain.verdict import Reason
from hub.errors import BadRequest
from hub.gate.codec import CODECS, JSON, MSGPACK
from hub.gate.desk import Answer
from hub.gate.messages import (
    UNREADABLE,
    Attempt,
    Decision,
    DecisionFrame,
    Error,
    RecordedItem,
    ReplayItem,
    Scan,
    ScanItem,
    Verify,
    decision,
    device_info,
    plain,
    recorded,
    report,
    skew,
)
from hub.gate.salvage import Salvage
from hub.index.directory import AccessPoint

ID = UUID("0190f3c2-7c1e-7abc-8def-0123456789ab")
POINT = AccessPoint(b"d" * 16, "64646464-6464-6464-6464-646464646464")
DAYS = (day_number(datetime(2026, 9, 1).date()), day_number(datetime(2027, 8, 31).date()))  # noqa: DTZ001
CARD = unpack(pack(b"p" * 16, b"s" * 16, 1, DAYS, 0, 0, 0, 1, "Zoë", "P-7"))


def answer(**more: Any) -> Answer:
    values: dict[str, Any] = {
        "point": POINT,
        "name": ID,
        "at": micros(datetime(2026, 11, 24, 8, tzinfo=UTC)),
        "code": 0,
        "card": CARD,
        "stale": False,
        "then": lambda me: None,
        "token": None,
        "started": 0.0,
    }
    return Answer(**(values | more))


def test_a_grant_as_the_reader_reads_it() -> None:
    student = "73737373-7373-7373-7373-737373737373"
    fields = {
        "scanId": str(ID),
        "decision": "granted",
        "valid": True,
        "reason": None,
        "student": {"id": student, "name": "Zoë", "photoUrl": f"/api/v1/students/{student}/photo"},
        "pass": {"id": "70707070-7070-7070-7070-707070707070", "passNumber": "P-7", "expiryDate": "2027-08-31"},
        "accessPointId": POINT.id_text,
        "accessTime": "2026-11-24T08:00:00.000000Z",
        "stale": False,
    }
    assert json.loads(msgspec.json.encode(decision(answer()))) == fields
    framed = decision(answer(), DecisionFrame)
    assert json.loads(msgspec.json.encode(framed)) == {"type": "decision", **fields}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(framed)) == {"type": "decision", **fields}
    assert isinstance(framed, Decision)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason])
def test_a_denial_gives_its_reason(reason: Reason) -> None:
    found = decision(answer(code=reason, card=None, stale=True))
    assert (found.decision, found.valid, found.reason) == ("denied", False, reason.name)
    assert (found.student, found.pass_, found.stale) == (None, None, True)


def test_what_became_of_a_replayed_scan() -> None:
    def became(**more: Any) -> tuple[str, bool, bool]:
        found = answer()
        for name, value in more.items():
            setattr(found, name, value)
        item = recorded(found)
        assert item.scanId == str(ID)
        return item.result, item.final, isinstance(item.message, str)

    assert became() == ("recorded", True, False)
    assert became(code=Reason.revoked_pass) == ("recorded", True, False)
    assert became(known=True) == ("already_recorded", True, False)
    assert became(known=True, conflict=True) == ("conflict", True, True)
    assert became(known=True, code=Reason.scan_id_reused) == ("rejected", True, True)
    assert became(lost=True, code=Reason.hub_unavailable) == ("try_again", False, True)
    assert json.loads(msgspec.json.encode(recorded(answer()))) == {
        "scanId": str(ID),
        "result": "recorded",
        "final": True,
    }


def test_device_info_is_at_most_a_kibibyte_of_json_without_nul() -> None:
    assert device_info(None) is device_info({}) is None
    fits = {"a": "x" * (1024 - 8)}
    assert device_info(fits) == msgspec.json.encode(fits)
    assert device_info({"a": "\\u0000"}) == b'{"a":"\\\\u0000"}'
    for bad, words in (
        ({"a": "x" * 1017}, "too large: at most 1024 bytes"),
        ({"a": ["ü" * 600]}, "too large"),
        ({"a": "\x00"}, "NUL"),
        ({"\x00": 1}, "NUL"),
        ({"a": "\\\x00"}, "NUL"),
        ({"a": msgspec.msgpack.Ext(1, b"")}, "what JSON cannot"),
        ({"a": {None: 1}}, "what JSON cannot"),
        ({"a": {(1, 2): 1}}, "what JSON cannot"),
    ):
        with pytest.raises(BadRequest, match=words) as raised:
            device_info(bad)
        assert raised.value.details[0]["field"] == "deviceInfo"


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])))
def test_any_time_that_has_a_date_in_utc_is_taken(when: datetime) -> None:
    try:
        expected = micros(when.astimezone(UTC))
    except OverflowError:
        with pytest.raises(BadRequest, match="years 1 to 9999"):
            report(when, "granted", None, None)
    else:
        assert report(when, "denied", "x", 5) == report(when.astimezone(UTC), "denied", "x", 5)
        assert report(when, "denied", "x", 5).at == expected


def test_skew_is_the_hubs_clock_minus_the_readers_within_an_integer() -> None:
    now = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert skew(None, micros(now)) is None
    assert skew(now - timedelta(seconds=90), micros(now)) == 90_000
    assert skew(now + timedelta(milliseconds=1), micros(now)) == -1
    assert skew(datetime(1, 1, 1, tzinfo=UTC), micros(now)) == 2**31 - 1
    assert skew(datetime(9999, 1, 1, tzinfo=UTC), micros(now)) == -(2**31)


@pytest.mark.parametrize(
    ("kind", "raw", "words"),
    [
        (Verify, b"{}", "Object missing required field `qrCode`"),
        (Verify, b'{"qrCode":5}', "qrCode: Expected `str`, got `int`"),
        (Verify, b'{"qrCode":"a","scanId":"x"}', "scanId: Invalid UUID"),
        (Verify, b'{"qrCode":"a","direction":"up"}', "direction: Invalid enum value 'up'"),
        (Verify, b'{"qrCode":"a","record":1}', "record: Expected `bool`, got `int`"),
        (Verify, b'{"qrCode":"a","code":"b"}', "Object contains unknown field `code`"),
        (Verify, b'{"qrCode":"\xff"}', "a text is not UTF-8: invalid start byte"),
        (Verify, b'{"qrCode":"a","deviceInfo":' + b'{"a":' * 9999, "nested too deeply"),
        (Attempt, b'{"scanId":"%b","qrCode":"a","accessTime":"x"}' % str(ID).encode(), "accessTime: Invalid RFC3339"),
        (ReplayItem, b'{"scanId":"%b","code":"a","at":"2026-11-24T08:00:00"}' % str(ID).encode(), "at: Expected `date"),
    ],
)
def test_the_words_say_which_field_and_what(kind: Any, raw: bytes, words: str) -> None:
    with pytest.raises(UNREADABLE) as raised:
        msgspec.json.decode(raw, type=kind)
    assert plain(raised.value).startswith(words)


def test_a_code_is_at_most_4096_characters() -> None:
    assert len(msgspec.json.decode(b'{"qrCode":"%b"}' % (b"x" * 4096), type=Verify).qrCode) == 4096
    with pytest.raises(msgspec.ValidationError, match="4096"):
        msgspec.json.decode(b'{"qrCode":"%b"}' % (b"x" * 4097), type=Verify)


@pytest.mark.parametrize("protocol", [JSON, MSGPACK])
@pytest.mark.parametrize("size", [0, 99, 100, 109, 110, 65_500, 65_536, 70_000])
def test_frames_have_the_length_that_rfc_6455_says(protocol: str, size: int) -> None:
    message = Error("x", "y" * size)
    raw = CODECS[protocol].frame(message)
    body = CODECS[protocol].encode(message)
    assert raw[0] == (0x81 if protocol == JSON else 0x82)
    marks = {126: 2, 127: 8}.get(raw[1], 0)
    assert (int.from_bytes(raw[2 : 2 + marks], "big") if marks else raw[1]) == len(body)
    assert raw[2 + marks :] == body
    assert marks == (0 if len(body) < 126 else 2 if len(body) < 65_536 else 8)


@pytest.mark.parametrize("module", [msgspec.json, msgspec.msgpack])
def test_of_a_frame_that_cannot_be_read_whole_each_scan_is_judged_alone(module: Any) -> None:
    salvage = Salvage(module)
    good = {"scanId": str(ID), "code": "x"}
    why = BadRequest("why")
    scans = [good, {**good, "code": 5}, {"scanId": "x" * 99}, {"code": "y"}, {**good, "deviceInfo": {"a": "x" * 2000}}]
    found = salvage(module.encode({"type": "scans", "scans": scans}), why)
    assert found is not None
    taken, refused = found
    assert taken == [ScanItem(ID, "x")]
    assert [(one.code, one.scanId) for one in refused[:-1]] == [
        ("invalid_scan", str(ID)),
        ("invalid_scan", "x" * 64),
        ("invalid_scan", str(ID)),
    ]
    assert refused[-1].scanId is msgspec.UNSET
    assert salvage(module.encode({"type": "scan", **good, "direction": 1}), why) == (
        [],
        [Error("invalid_scan", "why", str(ID))],
    )
    for hopeless in ({"type": "scan"}, {"type": "scans", "scans": [{}]}, {"type": "scans"}, {"type": "status"}, {}, 5):
        assert salvage(module.encode(hopeless), why) is None
    assert salvage(b"\xc1", why) is None


def test_structs_of_the_wire_are_what_the_reader_sends() -> None:
    scan = msgspec.json.decode(b'{"type":"scan","scanId":"%b","code":"c"}' % str(ID).encode(), type=Scan)
    assert (scan.scanId, scan.direction, scan.record, scan.deviceInfo) == (ID, None, True, None)
    assert RecordedItem(None, "rejected", True).message is msgspec.UNSET
