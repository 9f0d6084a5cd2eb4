"""What a screen is shown of a scan, and from where it is shown what it missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from hub.config import Settings
from hub.live import live
from hub.recorder import outlet
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import Screen, watching


async def scans(gate: Gate, count: int, what: str = "granted") -> list[str]:
    """Ids of answered scans, one after the other."""
    return [(await gate.verify(what))["scanId"] for _ in range(count)]


async def drained(place: Place, count: int) -> None:
    await place.rows(count)


async def test_an_event_has_what_the_reader_was_told(gate: Gate, place: Place) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        answers = [await gate.verify(what, direction="entry") for what in ("granted", "revoked_pass", "visitor")]
        await screen.until_ids([answer["scanId"] for answer in answers])
        for event, answer in zip(screen.events, answers, strict=True):
            assert event == {
                "id": answer["scanId"],
                "at": answer["accessTime"],
                "decision": answer["decision"],
                "reason": answer["reason"],
                "accessPoint": {"id": str(place.doors["gate"]), "name": "gate"},
                "student": answer["student"],
                "pass": answer["pass"],
                "direction": "entry",
                "stale": False,
                "offline": False,
                "annulled": False,
            }


async def test_a_stranger_s_code_tells_nothing_about_anybody(gate: Gate) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        for what in ("far", "unknown_pass", "malformed_code"):
            await gate.verify(what)
        await screen.until(lambda: len(screen.events) == 3)
        assert [e["reason"] for e in screen.events] == ["wrong_school", "unknown_pass", "malformed_code"]
        assert all(e["student"] is None and e["pass"] is None for e in screen.events)


async def test_what_a_reader_decided_alone_is_shown_as_that(gate: Gate) -> None:
    item = {
        "scanId": str(uuid4()),
        "qrCode": gate.place.codes["granted"],
        "accessTime": "2026-11-01T08:00:00Z",
        "decision": "denied",
        "reason": "reader_offline",
    }
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        for _ in range(2):  # sent again, it is the same scan
            assert (await gate.post("/api/v1/access-logs", item))[0] == 200
        await screen.until_ids([item["scanId"]])
        (event,) = screen.events
        assert (event["decision"], event["reason"]) == ("denied", "reader_offline")
        assert (event["offline"], event["at"]) == (True, "2026-11-01T08:00:00.000000Z")


async def test_a_school_s_events_are_its_own(gate: Gate) -> None:
    async with (
        watching(gate.http, gate.url, gate.place.tokens["near"]) as near,
        watching(gate.http, gate.url, gate.place.tokens["far"]) as far,
    ):
        ours = await scans(gate, 3)
        theirs = (await gate.verify("far", door="far"))["scanId"]
        await near.until_ids(ours)
        await far.until_ids([theirs])


async def test_the_cursor_brings_what_was_missed_from_the_worker_s_memory(gate: Gate) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        await screen.until_ids(await scans(gate, 2))
        cursor = screen.cursor
    missed = await scans(gate, 7)
    async with watching(gate.http, gate.url, gate.place.tokens["near"], cursor) as screen:
        await screen.until_ids(missed)
        await screen.until_ids(missed + await scans(gate, 2))


async def resumed(gate: Gate, cursor: str | None, missed: list[str]) -> None:
    async with watching(gate.http, gate.url, gate.place.tokens["near"], cursor) as screen:
        await screen.until_ids(missed)
        await screen.until_ids(missed + await scans(gate, 2))


async def cut_off(gate: Gate) -> str | None:
    """The cursor of a screen that has seen two scans."""
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        await screen.until_ids(await scans(gate, 2))
        return screen.cursor


async def test_another_worker_brings_it_from_the_recorder(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own), worker_running(own, place) as one:
        cursor = await cut_off(one)
        missed = await scans(one, 30)
        async with worker_running(own, place, slot=1) as two:
            await resumed(two, cursor, missed)


async def test_a_recorder_that_was_started_again_reads_its_journal(
    place: Place, quick: Callable[..., Settings], monkeypatch: Any
) -> None:
    monkeypatch.setattr(outlet, "FETCH_MOST", 7)
    monkeypatch.setattr(outlet, "_ROWS_BACK", 3)
    own = quick()
    async with recorder_running(own), worker_running(own, place) as one:
        cursor = await cut_off(one)
        missed = await scans(one, 40)
    async with recorder_running(own) as recorder:
        recorder.drain.open = False  # PostgreSQL gets nothing: the journal has to do
        async with worker_running(own, place) as two:
            await resumed(two, cursor, missed)


async def test_what_the_journal_has_forgotten_comes_from_postgresql(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(journal_retention_hours=1e-9)
    async with recorder_running(own) as recorder, worker_running(own, place) as one:
        cursor = await cut_off(one)
        missed = await scans(one, 20)
        await drained(place, 22)
        await until(lambda: recorder.journal.bytes == 0, bool)
        recorder.outlet.reopened()
        async with worker_running(own, place, slot=1) as two:
            await resumed(two, cursor, missed)


async def test_while_the_recorder_is_away_screens_wait_and_then_have_everything(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick()
    async with recorder_running(own) as first, worker_running(own, place) as gate:
        async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
            ids = await scans(gate, 3)
            await screen.until_ids(ids)
            # A second worker's scans are recorded while this one is cut from the recorder.
            async with worker_running(own, place, slot=1) as other:
                link = gate.worker.recorder._transport
                assert link is not None
                gate.worker.recorder.send = lambda message: None  # type: ignore[method-assign]
                link.abort()
                ids += await scans(other, 5)
                del gate.worker.recorder.send
                await until(lambda: gate.worker.recorder.connected, bool)
                gate.worker.live._watch_again()
                ids += await scans(other, 2)
                await screen.until_ids(ids)
        assert first.fault is None


async def test_a_school_s_stream_ends_some_time_after_its_last_screen(gate: Gate, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "LINGER_SECONDS", 0.05)
    rooms = gate.worker.live._rooms
    async with watching(gate.http, gate.url, gate.place.tokens["near"]):
        assert len(rooms) == 1
    await until(lambda: not rooms, bool)
    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
        await screen.until_ids(await scans(gate, 2))


async def test_stats_say_how_the_doors_are(gate: Gate) -> None:
    def doors(screen: Screen) -> dict[str, Any]:
        found = [body for name, body in screen.others if name == "stats"]
        return {door["name"]: door for door in found[-1]["accessPoints"]} if found else {}

    async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen, gate.reader("in"):
        await scans(gate, 2)
        await gate.verify("revoked_pass")
        await screen.until(
            lambda: doors(screen).get("in", {}).get("reader") == "online" and doors(screen)["gate"]["perMinute"] == 3
        )
        found = doors(screen)
        assert set(found) == {"gate", "in", "out"}  # the one that is off is not shown
        gate_door = found["gate"]
        assert (gate_door["granted"], gate_door["denied"], gate_door["perMinute"]) == (2, 1, 3)
        assert (gate_door["reader"], found["out"]["reader"]) == ("offline", "offline")
        assert found["in"]["since"] is not None
        stats = [body for name, body in screen.others if name == "stats"][-1]
        assert stats["feed"]["stale"] is False
        assert stats["journal"]["healthy"] is True


async def test_a_verdict_that_came_too_late_is_put_right_on_screens(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(journal_timeout_ms=2_000)
    async with recorder_running(own) as recorder, worker_running(own, place) as gate:
        async with watching(gate.http, gate.url, gate.place.tokens["near"]) as screen:
            acknowledge = recorder._acknowledge
            recorder._acknowledge = lambda acks: None  # type: ignore[method-assign]
            answer = await gate.verify("granted")
            assert answer["reason"] == "hub_unavailable"
            await screen.until(lambda: any(name == "amended" for name, _ in screen.others))
            recorder._acknowledge = acknowledge  # type: ignore[method-assign]
            assert screen.events[0]["decision"] == "granted"
            (amended,) = [body for name, body in screen.others if name == "amended"]
            (event,) = amended["events"]
            assert (event["id"], event["decision"], event["reason"]) == (answer["scanId"], "denied", "hub_unavailable")
            assert event["student"] is None
        for worker in list(recorder.workers):
            assert worker.transport is not None
            worker.transport.abort()
        await asyncio.sleep(0)
