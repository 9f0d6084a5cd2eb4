"""The same scanId again, wherever and however it comes: one row, one answer."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.hub import Hub
from tests.acceptance.ledger import UNAVAILABLE
from tests.acceptance.school import Door, School

pytestmark = pytest.mark.service

TWICE = 150
VERIFY, ACCESS_LOGS = "/api/v1/passes/verify", "/api/v1/access-logs"


class Kept:
    """A kept connection to one worker."""

    def __init__(self, port: int, door: Door) -> None:
        self._door = door
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.worker: str = self._exchange("GET", "/health", None)["process"]

    def send(self, path: str, body: object) -> None:
        headers = {"Authorization": f"Bearer {self._door.key}", "Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)

    def read(self) -> Any:
        response = self._connection.getresponse()
        answer = json.load(response)
        assert response.status == 200, answer
        return answer

    def ask(self, path: str, body: object) -> Any:
        self.send(path, body)
        return self.read()

    def close(self) -> None:
        self._connection.close()

    def _exchange(self, method: str, path: str, body: str | None) -> Any:
        self._connection.request(method, path, body)
        return json.load(self._connection.getresponse())


def one_to_each_worker(hub: Hub, door: Door, stack: ExitStack) -> tuple[Kept, Kept]:
    found: dict[str, Kept] = {}
    while len(found) < 2:
        kept = stack.enter_context(closing(Kept(hub.port, door)))
        found.setdefault(kept.worker, kept)
    return found["worker-0"], found["worker-1"]


def essence(answer: Any) -> tuple[Any, ...]:
    """What may not differ between two answers to the same scan."""
    return answer["scanId"], answer["decision"], answer["reason"], answer["accessTime"], answer["pass"]


def restart_recorder(hub: Hub) -> None:
    before = hub.pids["recorder"]
    os.kill(before, signal.SIGKILL)
    hub.recorder_replaced(before)
    hub.recovers(lambda: hub.processes_answering(200) == {"worker-0", "worker-1"}, "green")


def logged(hub: Hub, school: School, count: int) -> None:
    """Waits until PostgreSQL has so many scans, refused ones counted."""
    both = "SELECT (SELECT count(*) FROM access_logs) + (SELECT count(*) FROM access_logs_rejected)"
    hub.recovers(lambda: school.fetch(both)[0][0] >= count, f"{count} scans in PostgreSQL")


def test_two_workers_at_once_give_one_answer(school: School, directory: Path) -> None:
    door = school.door
    with Hub(school.url, directory) as hub, ExitStack() as stack:
        hub.wait_ready()
        workers = one_to_each_worker(hub, door, stack)
        firsts = {}
        for number in range(TWICE):
            body = {"scanId": str(uuid4()), "qrCode": door.codes[number % len(door.codes)]}
            for worker in workers:
                worker.send(VERIFY, body)
            one, other = (worker.read() for worker in workers)
            assert essence(one) == essence(other)
            assert one["reason"] != UNAVAILABLE
            firsts[body["scanId"]] = body, one
        restart_recorder(hub)
        for number, (body, first) in enumerate(firsts.values()):
            assert essence(workers[number % 2].ask(VERIFY, body)) == essence(first)
        logged(hub, school, TWICE)
        rows = school.fetch("SELECT id::text, status, reason FROM access_logs")
        assert sorted((row["id"], row["status"], row["reason"]) for row in rows) == sorted(
            (id_, first["decision"], first["reason"]) for id_, (_, first) in firsts.items()
        )


def test_one_scan_id_for_two_codes_is_refused_to_the_second(school: School, directory: Path) -> None:
    door = school.door
    mine, yours = door.codes[0], door.codes[1]
    with Hub(school.url, directory) as hub, ExitStack() as stack:
        hub.wait_ready()
        workers = one_to_each_worker(hub, door, stack)
        winners = {}
        for _ in range(TWICE):
            id_ = str(uuid4())
            for worker, code in zip(workers, (mine, yours), strict=True):
                worker.send(VERIFY, {"scanId": id_, "qrCode": code})
            answers = [worker.read() for worker in workers]
            assert sorted(str(answer["reason"]) for answer in answers) == ["None", "scan_id_reused"]
            (winners[id_],) = (answer for answer in answers if answer["reason"] is None)
            (refused,) = (answer for answer in answers if answer["reason"] is not None)
            assert (refused["decision"], refused["student"], refused["pass"]) == ("denied", None, None)
        logged(hub, school, 2 * TWICE)
        rows = school.fetch("SELECT id::text, status, reason, pass_id::text FROM access_logs")
        granted = {row["id"]: row["pass_id"] for row in rows if row["status"] == "granted"}
        assert granted == {id_: answer["pass"]["id"] for id_, answer in winners.items()}
        # Each refused attempt is in the log too, under an id of its own.
        assert [row["reason"] for row in rows if row["id"] not in winners] == ["scan_id_reused"] * TWICE


def test_a_replay_of_a_known_scan_is_merged_into_its_row(school: School, directory: Path) -> None:
    door = school.door
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)

    def replay(id_: str, code: str, decision: str, minutes: int) -> dict[str, str]:
        at = (an_hour_ago + timedelta(minutes=minutes)).isoformat()
        return {"scanId": id_, "qrCode": code, "accessTime": at, "decision": decision}

    with Hub(school.url, directory) as hub, ExitStack() as stack:
        hub.wait_ready()
        one, other = one_to_each_worker(hub, door, stack)
        online, offline = str(uuid4()), str(uuid4())
        answer = one.ask(VERIFY, {"scanId": online, "qrCode": door.codes[0]})
        assert one.ask(ACCESS_LOGS, replay(offline, door.codes[1], "granted", 0))["result"] == "recorded"

        results = []
        for restart in (False, True):
            if restart:
                restart_recorder(hub)
            for worker in (one, other):
                results += [
                    worker.ask(ACCESS_LOGS, replay(online, door.codes[0], "granted", 5))["result"],
                    worker.ask(ACCESS_LOGS, replay(offline, door.codes[1], "granted", 10))["result"],
                    worker.ask(ACCESS_LOGS, replay(offline, door.codes[0], "granted", 0))["result"],
                    essence(worker.ask(VERIFY, {"scanId": online, "qrCode": door.codes[0]})) == essence(answer),
                ]
        assert results == ["already_recorded", "already_recorded", "rejected", True] * 4
        assert other.ask(ACCESS_LOGS, replay(online, door.codes[0], "denied", 5))["result"] == "conflict"

        logged(hub, school, 3)
        hub.recovers(lambda: school.rows(online)[0]["conflict"], "the last replay is merged")
        (first,) = school.rows(online)
        assert first["access_time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ") == answer["accessTime"]
        assert (first["status"], first["reader_status"], first["conflict"]) == ("granted", "denied", True)
        (second,) = school.rows(offline)
        assert second["access_time"] == an_hour_ago
        assert (second["status"], second["offline"], second["conflict"]) == ("granted", True, False)
        # And of the other code, one refused attempt, however often it was sent.
        others = school.fetch("SELECT * FROM access_logs WHERE id <> ALL($1::uuid[])", [online, offline])
        assert [row["hub_reason"] for row in others] == ["scan_id_reused"]


def test_what_postgresql_refuses_stands_alone(school: School, directory: Path) -> None:
    school.execute("ALTER TABLE access_logs ADD CHECK (device_info ->> 'kind' IS DISTINCT FROM 'refused')")
    door = school.door
    with Hub(school.url, directory) as hub, ExitStack() as stack:
        hub.wait_ready()
        worker = stack.enter_context(closing(Kept(hub.port, door)))
        asked: dict[str, list[str]] = {"refused": [], "fine": []}
        for number in range(300):
            kind, id_ = "refused" if number % 50 == 7 else "fine", str(uuid4())
            answer = worker.ask(VERIFY, {"scanId": id_, "qrCode": door.codes[0], "deviceInfo": {"kind": kind}})
            assert answer["decision"] == "granted"
            asked[kind].append(id_)
        logged(hub, school, 300)
        rows = school.fetch("SELECT id::text FROM access_logs")
        assert sorted(row["id"] for row in rows) == sorted(asked["fine"])
        rejected = school.fetch("SELECT error, entry FROM access_logs_rejected")
        assert len(rejected) == len(asked["refused"]) == 6
        assert all("check constraint" in row["error"] for row in rejected)
        # They hold nobody up, and are not forgotten: a start does not send them again.
        assert hub.stop() == 0
        hub.start()
        hub.wait_ready()
        worker = stack.enter_context(closing(Kept(hub.port, door)))
        worker.ask(VERIFY, {"qrCode": door.codes[0]})
        logged(hub, school, 301)
        assert school.fetch("SELECT count(*) FROM access_logs_rejected")[0][0] == 6
