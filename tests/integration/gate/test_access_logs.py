"""POST /api/v1/access-logs: what a reader decided alone is recorded once, with what the hub would have said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from tests.integration.gate.place import (
    Gate,
    Place,
    recorder_running,
    refuse_scans,
    take_scans,
    worker_running,
)

LOGS = "/api/v1/access-logs"
HOUR_AGO = datetime.now(UTC).replace(microsecond=123456) - timedelta(hours=1)


def attempt(gate: Gate, what: str = "granted", **more: Any) -> dict[str, Any]:
    return {
        "scanId": str(new_id()),
        "qrCode": gate.place.codes.get(what, what),
        "accessTime": HOUR_AGO.isoformat(),
        "decision": "granted",
    } | more


async def send(gate: Gate, *items: Any, **more: Any) -> list[dict[str, Any]]:
    status, answer = await gate.post(LOGS, {"items": items} | more)
    assert status == 200, answer
    assert set(answer) == {"items"}
    found: list[dict[str, Any]] = answer["items"]
    return found


async def test_one_attempt_lands_with_both_opinions_and_all_clocks(gate: Gate) -> None:
    one = attempt(gate, "revoked_pass", direction="exit", reason="cached list", deviceInfo={"battery": 71})
    status, answer = await gate.post(LOGS, one)
    assert (status, answer) == (200, {"scanId": one["scanId"], "result": "recorded", "final": True})
    row = (await gate.place.rows(1))[UUID(one["scanId"])]
    assert (row["status"], row["reason"]) == (row["reader_status"], row["reader_reason"]) == ("granted", "cached list")
    assert (row["hub_status"], row["hub_reason"], row["conflict"], row["offline"]) == (
        "denied",
        "revoked_pass",
        True,
        True,
    )
    assert row["access_time"] == row["reader_time"] == HOUR_AGO
    assert row["received_at"] > HOUR_AGO + timedelta(minutes=59)
    assert (row["skew_ms"], row["access_type"]) == (None, "exit")
    assert json.loads(row["device_info"]) == {"battery": 71}
    assert row["pass_id"] == gate.place.passes["revoked_pass"]


async def test_many_however_often_they_are_sent(gate: Gate) -> None:
    items = [attempt(gate) for _ in range(1000)]
    sent_at = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    first = await send(gate, *items, sentAt=sent_at)
    assert [item["scanId"] for item in first] == [item["scanId"] for item in items]
    assert {(item["result"], item["final"]) for item in first} == {("recorded", True)}
    second = await send(gate, *items, sentAt=sent_at)
    assert {(item["result"], item["final"]) for item in second} == {("already_recorded", True)}
    rows = await gate.place.rows(1000)
    assert {str(id_) for id_ in rows} == {item["scanId"] for item in items}
    assert all(89_000 <= row["skew_ms"] <= 120_000 for row in rows.values())
    assert not any(row["conflict"] for row in rows.values())


async def test_a_scan_that_the_hub_had_answered_is_merged_and_a_difference_is_a_conflict(gate: Gate) -> None:
    same, other = str(new_id()), str(new_id())
    await gate.verify("granted", scanId=same)
    asked = await gate.verify("granted", scanId=other)
    results = await send(
        gate,
        attempt(gate, scanId=same),
        attempt(gate, scanId=other, decision="denied", reason="gate jammed"),
    )
    assert [item["result"] for item in results] == ["already_recorded", "conflict"]
    assert all(item["final"] for item in results)
    rows = await gate.place.rows(2)
    await send(gate, attempt(gate))  # drained after the merges
    assert len(await gate.place.rows(3)) == 3
    rows = await gate.place.rows(3)
    merged, conflicting = rows[UUID(same)], rows[UUID(other)]
    assert (merged["status"], merged["reader_status"], merged["conflict"]) == ("granted", "granted", False)
    assert (conflicting["status"], conflicting["reader_status"], conflicting["reader_reason"]) == (
        "granted",
        "denied",
        "gate jammed",
    )
    assert conflicting["conflict"] is True
    assert conflicting["reader_time"] == HOUR_AGO
    assert conflicting["access_time"] == datetime.fromisoformat(asked["accessTime"])


async def test_a_replay_with_another_time_is_the_same_scan(gate: Gate) -> None:
    one = attempt(gate)
    later = {**one, "accessTime": (HOUR_AGO + timedelta(minutes=5)).isoformat()}
    assert [item["result"] for item in await send(gate, one, later)] == ["recorded", "already_recorded"]
    assert (await send(gate, later))[0]["result"] == "already_recorded"
    await send(gate, attempt(gate))
    rows = await gate.place.rows(2)
    assert len(rows) == 2
    assert rows[UUID(one["scanId"])]["access_time"] == HOUR_AGO


async def test_each_item_is_judged_alone(gate: Gate) -> None:
    good = attempt(gate)
    reused = attempt(gate, "visitor", scanId=good["scanId"])
    unreadable: list[dict[str, Any]] = [
        {**attempt(gate), "accessTime": "yesterday"},
        {**attempt(gate), "accessTime": "2026-11-24T08:00:00"},
        {**attempt(gate), "accessTime": "0001-01-01T00:00:00+14:00"},
        {**attempt(gate), "decision": "maybe"},
        {**attempt(gate), "qrCode": "x" * 4097},
        {**attempt(gate), "deviceInfo": {"a": "x" * 1100}},
        {**attempt(gate), "reason": "x" * 201},
        {**attempt(gate), "reason": "a\x00b"},
        {**attempt(gate), "extra": 1},
    ]
    results = await send(gate, good, *unreadable, reused, {"scanId": "nonsense"}, 5, None, {}, attempt(gate))
    assert [item["result"] for item in results] == ["recorded", *["rejected"] * 14, "recorded"]
    assert all(item["final"] for item in results)
    assert [item["scanId"] for item in results[1:10]] == [item["scanId"] for item in unreadable]
    assert [item["scanId"] for item in results[10:15]] == [good["scanId"], "nonsense", None, None, None]
    assert all(10 < len(item["message"]) < 200 for item in results[1:15])
    assert results[1]["message"].startswith("accessTime: ")
    assert len(await gate.place.rows(3)) == 3  # the two good ones, and the attempt to reuse an id


async def test_items_with_broken_text_or_depth_cost_only_themselves(gate: Gate) -> None:
    head = b'{"items":[' + json.dumps(attempt(gate)).encode() + b","
    broken = json.dumps(attempt(gate, reason="?")).encode().replace(b"?", b"\xff")
    deep = json.dumps(attempt(gate)).encode()[:-1] + b',"deviceInfo":' + b'{"a":' * 400 + b"1" + b"}" * 401
    status, answer = await gate.post(LOGS, head + broken + b"," + deep + b"]}")
    assert status == 200
    assert [item["result"] for item in answer["items"]] == ["recorded", "rejected", "rejected"]
    assert all(item["scanId"] for item in answer["items"])


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z"]
)
async def test_a_reader_whose_clock_is_wrong_loses_nothing(gate: Gate, at: str) -> None:
    one = attempt(gate, accessTime=at)
    status, answer = await gate.post(LOGS, {"items": [one], "sentAt": at})
    assert (status, answer["items"][0]["result"]) == (200, "recorded")
    status, answer = await gate.post(LOGS, {**one, "decision": "denied"})
    assert (status, answer["result"]) == (200, "conflict")
    await gate.verify("granted")
    rows = await gate.place.rows(2)
    row = rows[UUID(one["scanId"])]
    assert row["access_time"] == row["reader_time"] == datetime.fromisoformat(at)
    assert (row["conflict"], row["reader_status"]) == (True, "denied")
    assert row["hub_reason"] in {"not_yet_valid", "expired_pass"}
    assert abs(row["skew_ms"] or 0) <= 2**31


async def test_the_limits_of_a_request(gate: Gate) -> None:
    assert await send(gate) == []
    status, refused = await gate.post(LOGS, {"items": [{}] * 1001})
    assert (status, refused["statusCode"]) == (413, 413)
    assert "1000" in refused["message"]
    for body in (b"{}", b"[]", b"", b'{"items":5}', b'{"items":[],"more":1}', b'{"items":[],"sentAt":"now"}'):
        status, refused = await gate.post(LOGS, body)
        assert (status, refused["error"]) == (400, "Bad Request"), body
    status, refused = await gate.post(LOGS, b'{"items":[' + b"[" * 90_000 + b"]" * 90_000 + b"]}")
    assert status == 400
    status, refused = await gate.post(LOGS, BytesIO(b" " * (2 * 2**20 + 1)))
    assert (status, refused["error"]) == (413, "Request Entity Too Large")


async def test_without_a_journal_it_is_try_again_and_later_it_is_recorded(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick()
    async with recorder_running(own) as recorder, worker_running(own, place) as gate:
        refuse_scans(recorder, "the test says so")
        one = attempt(gate)
        refused = await send(gate, one, one)
        assert {(item["result"], item["final"]) for item in refused} == {("try_again", False)}
        assert (await gate.verify("granted"))["reason"] == "hub_unavailable"
        take_scans(recorder)
        assert [item["result"] for item in await send(gate, one)] == ["recorded"]
        assert len(await place.rows(1)) == 1
