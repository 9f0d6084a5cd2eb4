"""A reader that asks too often: told to wait, over HTTP and on its socket, while every other door is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from hub.config import Settings
from hub.gate import pace
from tests.integration.gate.place import Gate, Place, recorder_running, worker_running

VERIFY = "/api/v1/passes/verify"


def scan(gate: Gate) -> dict[str, Any]:
    return {"scanId": str(uuid4()), "code": gate.place.codes["granted"]}


async def test_too_many_scans_are_refused_by_the_door_and_leave_no_trace(
    place: Place, quick: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "WINDOW_SECONDS", 3_600.0)
    own = quick(rate_device=1)
    async with recorder_running(own), worker_running(own, place) as gate:
        gate.worker.http.pace._most = 10  # of an hour that no test can leave
        kept = [(await gate.verify("granted"))["scanId"] for _ in range(9)]
        async with gate.reader() as reader:
            kept.append((await reader.ask({"type": "scan", **scan(gate)}))["scanId"])
            body = {"qrCode": place.codes["granted"], "scanId": str(uuid4())}
            async with gate.http.post(gate.url + VERIFY, json=body, headers=gate.headers()) as answer:
                assert answer.status == 429
                assert 3_000 < int(answer.headers["Retry-After"]) <= 3_600
                said = await answer.json()
            assert (said["error"], said["statusCode"], said["path"]) == ("Too Many Requests", 429, VERIFY)
            one = scan(gate)
            refused = await reader.ask({"type": "scan", **one})
            assert (refused["code"], refused["scanId"]) == ("slow_down", one["scanId"])
            both = [scan(gate), scan(gate)]
            await reader.send({"type": "scans", "scans": both})
            assert [(await reader.read())["scanId"] for _ in both] == [two["scanId"] for two in both]
        # Another door is not held up, and what this one decided by itself is kept.
        kept.append((await gate.verify("granted", door="in"))["scanId"])
        alone = {**body, "accessTime": "2026-11-24T07:00:00Z", "decision": "granted"}
        status, _ = await gate.post("/api/v1/access-logs", alone)
        assert status == 200
        rows = await place.rows(len(kept) + 1)
        assert {str(id_) for id_ in rows} == {*kept, alone["scanId"]}


async def test_without_a_limit_nobody_is_refused(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick(rate_device=0)
    async with recorder_running(own), worker_running(own, place) as gate:
        for _ in range(30):
            assert (await gate.verify("granted", record=False))["decision"] == "granted"
        assert gate.worker.http.pace.refused == 0
