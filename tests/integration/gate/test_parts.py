"""Health, metrics, and what must never be in a log."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from hub.config import Settings
from hub.control import AskMetrics, FromChild, Metrics, Numbers
from hub.control.framing import Splitter, pack
from hub.domain.ids import new_id
from hub.supervisor.metrics import Totals, render
from hub.telemetry import Family
from tests.integration.gate.place import (
    MSGPACK,
    Gate,
    Line,
    Place,
    furnish,
    recorder_running,
    refuse_scans,
    take_scans,
    until,
    worker_running,
)


async def health(gate: Gate, path: str = "/health") -> tuple[int, dict[str, Any]]:
    async with gate.http.get(gate.url + path) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def test_health_has_the_fields_and_each_part(gate: Gate) -> None:
    status, body = await health(gate)
    assert (status, body["status"]) == (200, "healthy")
    assert {"status", "timestamp", "uptime", "memory", "version", "parts"} <= set(body)
    assert body["memory"]["rss"] > 10_000_000
    assert body["uptime"] >= 0
    parts = body["parts"]
    assert (parts["index"]["status"], parts["index"]["passes"]) == ("ok", len(gate.place.passes))
    assert parts["journal"]["status"] == parts["database"]["status"] == "ok"
    assert parts["redis"] == {"status": "off"}
    assert (await health(gate, "/health/live"))[0] == (await health(gate, "/health/ready"))[0] == 200


async def test_a_journal_that_takes_no_writes_is_unhealthy_and_a_cut_feed_is_degraded(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick()
    async with recorder_running(own) as recorder, worker_running(own, place) as gate:
        refuse_scans(recorder, "the journal is full")
        recorder._tell_state()
        await until(lambda: gate.worker.recorder.healthy, lambda healthy: not healthy)
        status, body = await health(gate)
        assert (status, body["status"]) == (503, "unhealthy")
        assert body["parts"]["journal"]["why"] == "the journal is full"
        assert (await health(gate, "/health/ready"))[0] == 503
        assert (await health(gate, "/health/live"))[0] == 200
        take_scans(recorder)
        recorder._tell_state()
        await until(lambda: gate.worker.recorder.healthy, bool)
        feed = gate.worker.feed
        feed.stale_since, feed.fault = feed.last_heartbeat, "cut by the test"
        status, body = await health(gate)
        assert (status, body["status"], body["parts"]["database"]["why"]) == (200, "degraded", "cut by the test")
        assert (await health(gate, "/health/ready"))[0] == 200


class Supervisor(asyncio.Protocol):
    """The other end of a worker's control line: adds up its numbers and serves them."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._families: list[Family] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for raw in self._splitter.feed(data):
            message = msgspec.msgpack.decode(raw, type=FromChild)
            if isinstance(message, Numbers):
                self._families = message.families
            elif isinstance(message, AskMetrics):
                text = render(Totals(), [("worker-0", self._families)], [])
                self.transport.write(pack(Metrics(text)))


async def test_metrics_count_what_was_asked(place: Place, quick: Callable[..., Settings]) -> None:
    own, line, supervisor = quick(), Line(), Supervisor()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: supervisor, sock=ours)
    ours.setblocking(False)
    theirs.setblocking(False)
    await loop.create_connection(lambda: line, sock=theirs)
    assert protocol is supervisor
    async with recorder_running(own), worker_running(own, place, line=line) as gate, gate.reader() as reader:
        for what in ("granted", "granted", "revoked_pass", "malformed_code"):
            await gate.verify(what)
        await gate.verify("granted", record=False)
        await gate.post("/api/v1/passes/verify", {})
        await reader.ask({"type": "scan", "scanId": str(new_id()), "code": "x"})
        await reader.ask("nonsense")
        await reader.ask({"type": "scan", "scanId": str(new_id()), "code": "x" * 5000})
        async with gate.http.get(gate.url + "/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = await response.text()
    supervisor.transport.close()
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    worker = ("process", "worker-0")
    assert found["hub_decisions_total", (("decision", "granted"), ("reason", "granted"))] == 3
    assert found["hub_decisions_total", (("decision", "denied"), ("reason", "malformed_code"))] == 2
    assert found["hub_decisions_total", (("decision", "denied"), ("reason", "wrong_school"))] == 0
    assert found["hub_answers_total", (("decision", "denied"),)] == 3
    assert found["hub_scans_total", (("kind", "asked_only"),)] == 1
    assert 0 <= found["hub_decision_seconds_count", ()] <= 6  # of some scans only
    verify = (("method", "POST"), ("route", "/api/v1/passes/verify"), ("status_code", "200"))
    assert found["http_request_duration_seconds_count", verify] == 5
    refused = (*verify[:2], ("status_code", "400"))
    assert found["http_request_duration_seconds_count", refused] == 1
    assert found["hub_readers_connected", (worker,)] == 1
    assert found["hub_index_passes", (worker,)] == len(place.passes)
    assert found["hub_index_drift", (worker,)] == found["hub_feed_stale", (worker,)] == 0
    assert found["hub_requests_active", (worker,)] == 2
    assert {kind: found["hub_reader_frames_total", (("kind", kind),)] for kind in ("malformed", "invalid_scan")} == {
        "malformed": 1,
        "invalid_scan": 1,
    }


@contextmanager
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that any part says, at any level, as text; filled at the end."""
    said: list[str] = []
    with caplog.at_level(logging.DEBUG), capture_logs() as logs:
        yield said
    said += [repr(line) for line in logs]
    said += [repr(record.__dict__) + record.getMessage() + str(record.exc_info) for record in caplog.records]


async def test_no_key_no_code_and_no_name_is_ever_logged(
    database: str, quick: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    own = quick(log_level="debug")
    place = await furnish(database)
    wrong = "a-key-of-nobody"
    with everything_logged(caplog) as said:
        async with recorder_running(own) as recorder, worker_running(own, place) as gate:
            for what in place.codes:
                await gate.verify(what)
            refuse_scans(recorder, "full")
            await gate.verify("granted", deviceInfo={"name": "Quillfeather"})
            take_scans(recorder)
            for door in ("gate", "in"):
                async with gate.reader(door, MSGPACK) as reader:
                    for bad in (b"\xc1", place.codes["granted"].encode(), msgspec.msgpack.encode({"type": "scan"})):
                        await reader.ask(bad)
                    await reader.ask({"type": "scan", "scanId": "x", "code": place.codes["granted"]})
            key = place.keys["gate"].encode()
            code = place.codes["granted"].encode()
            for broken in (
                b"GET / HTTP/1.1\r\nAuthorization: Bearer " + key + b"\x01\r\n\r\n",
                b"GET / HTTP/1.1\r\nAuthorization Bearer " + key + b"\r\n\r\n",
                b"GET /?" + code + b" HTTP/1.1\r\n\x00: " + key + b"\r\n\r\n",
                b"Authorization: Bearer " + key + b"\r\n\r\n",
                b"POST /api/v1/passes/verify HTTP/1.1\r\nAuthorization: Bearer " + key
                + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + code + b"\r\n",
                b"GET / HTTP/1.1\r\nX: " + key * 1000 + b"\r\n\r\n",
            ):  # fmt: skip
                stream, writer = await asyncio.open_connection("127.0.0.1", gate.port)
                writer.write(broken)
                async with asyncio.timeout(120):
                    assert b"400" in await stream.readline()
                writer.close()
            headers = {"Authorization": f"Bearer {wrong}"}
            async with gate.http.post(gate.url + "/api/v1/passes/verify", headers=headers, data=b"{") as response:
                assert response.status == 401
            answer = gate.worker.desk.ask
            gate.worker.desk.ask = Mock(side_effect=RuntimeError("the test breaks it"))  # type: ignore[method-assign]
            status, body = await gate.post("/api/v1/passes/verify", {"qrCode": place.codes["granted"]})
            gate.worker.desk.ask = answer  # type: ignore[method-assign]
            assert status == 500
            assert "the test breaks it" not in body["message"]
            status, _ = await gate.post(
                "/api/v1/access-logs",
                {
                    "scanId": str(new_id()),
                    "qrCode": place.codes["granted"],
                    "accessTime": "2026-11-24T08:00:00Z",
                    "decision": "denied",
                    "reason": "x" * 190,
                },
            )
            await place.execute("ALTER TABLE access_logs ADD CHECK (device_info IS NULL)")
            await gate.verify("granted", deviceInfo={"firmware": "7"})
            await until(lambda: recorder.drain.rejected, lambda count: count == 1)
    assert any("a request failed" in line for line in said)
    assert any("PostgreSQL refused a scan" in line for line in said)
    secrets = [*place.keys.values(), *place.codes.values(), wrong, "Quillfeather"]
    leaked = [(secret, line) for secret in secrets for line in said if secret in line or repr(secret)[1:-1] in line]
    assert not leaked
