"""What is known of a scan later is told to every screen, once, also to those that were cut off meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.config import Settings
from hub.domain.ids import id_text
from hub.live.sources import Log
from hub.store.pg import Pg, Role
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import Screen, watching


def amended(screen: Screen) -> list[dict[str, Any]]:
    return [event for name, body in screen.others if name == "amended" for event in body["events"]]


async def annul(gate: Gate, scan_id: str) -> None:
    assert (await gate.post(f"/api/v1/access-logs/{scan_id}/annul", {"reason": "did not turn"}))[0] == 200


async def test_an_annulment_is_told_to_every_screen_of_the_school(gate: Gate) -> None:
    near, far = gate.place.tokens["near"], gate.place.tokens["far"]
    async with (
        watching(gate.http, gate.url, near) as one,
        watching(gate.http, gate.url, near) as two,
        watching(gate.http, gate.url, far) as foreign,
    ):
        scan = await gate.verify("granted", direction="entry")
        await one.until_ids([scan["scanId"]])
        await annul(gate, scan["scanId"])
        for screen in (one, two):
            await screen.until(lambda screen=screen: amended(screen))  # type: ignore[misc]
            (event,) = amended(screen)
            assert event == one.events[0] | {"annulled": True}
            assert event["student"] == scan["student"]
        await foreign.until(lambda: any(name == "stats" for name, _ in foreign.others))
        assert amended(foreign) == []


async def test_a_screen_that_was_cut_off_is_told_once(place: Place, quick: Callable[..., Settings]) -> None:
    own, token = quick(), place.tokens["near"]
    async with recorder_running(own) as recorder:
        async with worker_running(own, place) as gate:
            async with watching(gate.http, gate.url, token) as screen:
                first = (await gate.verify("granted"))["scanId"]
                await screen.until_ids([first])
                cursor = screen.cursor
            second = (await gate.verify("granted"))["scanId"]
            await annul(gate, first)
            await annul(gate, second)
            async with watching(gate.http, gate.url, token, cursor) as back:
                await back.until(lambda: len(amended(back)) == 2)
                assert (back.ids, [event["id"] for event in amended(back)]) == ([second], [first, second])
                last = back.cursor
            async with watching(gate.http, gate.url, token, last) as again:
                await again.until(lambda: any(name == "stats" for name, _ in again.others))
                assert (again.ids, amended(again)) == ([], [])
        # Another worker, which knows nothing of it but what the recorder and its journal have.
        recorder.outlet._ring.clear()
        async with worker_running(own, place) as gate, watching(gate.http, gate.url, token, cursor) as other:
            await other.until(lambda: len(amended(other)) == 2)
            assert (other.ids, [event["id"] for event in amended(other)]) == ([second], [first, second])
            assert [event["annulled"] for event in amended(other)] == [True, True]


async def test_another_host_reads_it_from_the_database(place: Place, quick: Callable[..., Settings]) -> None:
    own = quick()
    async with recorder_running(own) as recorder, worker_running(own, place) as gate:
        scan = (await gate.verify("granted"))["scanId"]
        await annul(gate, scan)
        await until(lambda: place.fetch("SELECT * FROM stream_amendments"), bool)
        pg = await Pg.open(own, [Role.hub_system])
        try:
            run = await Log(pg).fetch(place.schools["near"].bytes, recorder.journal.recorder_id, 1, 100)
        finally:
            await pg.close()
        assert [(number, id_text(one.id), one.amends, one.annulled) for number, one in run.scans] == [
            (1, scan, False, False),
            (2, scan, True, True),
        ]
        assert run.scans[1][1].student_id == place.students["granted"].bytes
        assert len(await place.rows(1)) == 1


async def test_what_only_the_database_knows_is_told_whole(
    place: Place, quick: Callable[..., Settings], tmp_path: Path
) -> None:
    own, other, token = quick(), quick(journal_dir=tmp_path / "other"), place.tokens["near"]
    async with recorder_running(own), worker_running(own, place) as gate:
        scan = (await gate.verify("granted", direction="entry"))["scanId"]
        await place.rows(1)
    (tmp_path / "other").mkdir()
    async with (
        recorder_running(other),
        worker_running(other, place) as gate,
        watching(gate.http, gate.url, token) as screen,
    ):
        await annul(gate, scan)
        await screen.until(lambda: amended(screen))
        (event,) = amended(screen)
        told = (event["id"], event["decision"], event["direction"], event["annulled"])
        assert told == (scan, "granted", "entry", True)
        assert UUID(event["student"]["id"]) == place.students["granted"]
