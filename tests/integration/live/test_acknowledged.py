"""`acknowledged`: on all screens of the school, on every worker; and when readers were heard last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from hub.config import Settings
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import Screen, watching
from tests.integration.rest.site import Trail


def told(screen: Screen) -> list[dict[str, Any]]:
    return [one for name, body in screen.others if name == "acknowledged" for one in body["acknowledgements"]]


async def acknowledge(gate: Gate, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {gate.place.tokens['near']}"}
    async with gate.http.post(f"{gate.url}/api/v1/acknowledgements", json=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def test_every_screen_of_the_school_hears_of_it_on_every_worker(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own, trail = quick(), Trail()
    async with (
        recorder_running(own),
        worker_running(own, place, 0, trail=trail) as one,
        worker_running(own, place, 1, trail=trail) as two,
        watching(one.http, one.url, place.tokens["near"]) as here,
        watching(two.http, two.url, place.tokens["near"]) as there,
        watching(two.http, two.url, place.tokens["far"]) as elsewhere,
    ):
        scan = (await one.verify("revoked_pass"))["scanId"]
        await place.rows(1)
        made = [
            await acknowledge(one, scanId=scan, note="spoke with her"),
            await acknowledge(one, accessPointId=str(place.doors["in"])),
        ]
        for screen in (here, there):
            await screen.until(lambda screen=screen: len(told(screen)) == 2)  # type: ignore[misc]
            assert [event["id"] for event in told(screen)] == [one["id"] for one in made]
            first, second = told(screen)
            assert (first["scanId"], first["note"]) == (scan, "spoke with her")
            assert first["accessPoint"] == {"id": str(place.doors["gate"]), "name": "gate"}
            assert first["by"]["name"] == "Ada L"
            assert (second["scanId"], second["accessPoint"]["name"]) == (None, "in")
        await elsewhere.until(lambda: any(name == "stats" for name, _ in elsewhere.others))
        assert told(elsewhere) == []


async def test_when_a_reader_was_heard_last_is_written_while_it_is_there_and_when_it_goes(gate: Gate) -> None:
    place = gate.place
    where = "SELECT heard_at, gone_at FROM reader_presence WHERE access_point_id = $1"

    async def row(door: UUID) -> Any:
        found = await place.fetch(where, door)
        return found[0] if found else None

    async with gate.reader("gate"):
        await gate.worker.presence.write()
        first = await row(place.doors["gate"])
        assert first["gone_at"] is None
        async with gate.reader("gate"):  # takes its place
            await gate.worker.presence.write()
            assert (await row(place.doors["gate"]))["gone_at"] is None
    gone = await until(lambda: row(place.doors["gate"]), lambda found: found["gone_at"] is not None)
    assert gone["gone_at"] >= first["heard_at"]
    assert await row(place.doors["in"]) is None
