"""`stats`: how each door is, today and in the last half hour, and how its reader says that it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.config import Settings
from hub.domain.ids import new_id
from tests.integration.gate.place import Gate, Place, recorder_running, until, worker_running
from tests.integration.live.screen import Screen, watching
from tests.integration.live.test_events import scans


def doors(screen: Screen, name: str = "gate") -> list[dict[str, Any]]:
    """What was said of a door, from the first to the last."""
    told = [body for event, body in screen.others if event == "stats"]
    return [door for body in told for door in body["accessPoints"] if door["name"] == name]


async def logged(place: Place, ago: timedelta, status: str = "granted") -> None:
    """A scan of which no stream will tell."""
    await place.execute(
        "INSERT INTO access_logs (id, school_id, access_point_id, access_time, received_at, status)"
        " VALUES ($1, $2, $3, now() - $4::interval, now() - $4::interval, $5)",
        *(new_id(), place.schools["near"], place.doors["gate"], ago, status),
    )


async def test_what_was_before_is_counted_once_with_what_comes(gate: Gate) -> None:
    place = gate.place
    await scans(gate, 2)
    await place.rows(2)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = datetime.now(UTC) - midnight
    await logged(place, timedelta(minutes=5), "denied")
    await logged(place, timedelta(minutes=40))
    await logged(place, since + timedelta(hours=1))
    today = 2 + sum(ago < since for ago in (timedelta(minutes=5), timedelta(minutes=40)))
    async with watching(gate.http, gate.url, place.tokens["near"]) as screen:
        await screen.until(lambda: doors(screen) and doors(screen)[-1]["today"] is not None)
        door = doors(screen)[-1]
        assert sum(door["today"].values()) == today
        assert "series" in door
        assert (sum(door["series"]), len(door["series"]), sum(door["series"][-2:])) == (3, 30, 2)
        assert door["lastScanAt"] is not None
        await screen.until_ids([*screen.ids, *await scans(gate, 3)])
        await screen.until(lambda: sum(doors(screen)[-1]["today"].values()) == today + 3)
        assert "series" not in doors(screen)[-1]
        # Who comes later has the whole picture at once.
        async with watching(gate.http, gate.url, place.tokens["near"]) as late:
            await late.until(lambda: doors(late))
            first = doors(late)[0]
            assert (sum(first["today"].values()), sum(first["series"])) == (today + 3, 6)


async def test_a_reader_says_how_it_is_and_when_it_goes_that_is_known(gate: Gate) -> None:
    token = gate.place.tokens["near"]
    async with watching(gate.http, gate.url, token) as screen:
        await screen.until(lambda: doors(screen))
        assert (doors(screen)[-1]["reader"], doors(screen)[-1]["since"]) == ("offline", None)
        async with gate.reader("gate") as reader:
            clock = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
            await reader.send({"type": "status", "time": clock, "firmware": "4.2.0", "queued": 7})
            await screen.until(lambda: doors(screen)[-1]["saidAt"] is not None)
            door = doors(screen)[-1]
            assert (door["reader"], door["firmware"], door["queued"]) == ("online", "4.2.0", 7)
            assert 89_000 < door["skewMs"] < 120_000
            online = door["since"]
        await screen.until(lambda: doors(screen)[-1]["reader"] == "offline")
        assert doors(screen)[-1]["since"] >= online
        assert doors(screen)[-1]["firmware"] is None
    # A worker that was not there then reads it from PostgreSQL.
    where = "SELECT 1 FROM reader_presence WHERE gone_at IS NOT NULL"
    await until(lambda: gate.place.fetch(where), bool)


async def test_since_when_a_door_is_offline_is_known_to_a_worker_that_was_not_there(gate: Gate) -> None:
    place = gate.place
    await place.execute(
        "INSERT INTO reader_presence (access_point_id, school_id, connected_at, heard_at, gone_at)"
        " VALUES ($1, $2, '2026-11-01', '2026-11-02', '2026-11-02')",
        *(place.doors["gate"], place.schools["near"]),
    )
    async with watching(gate.http, gate.url, place.tokens["near"]) as screen:
        await screen.until(lambda: doors(screen) and doors(screen)[-1]["since"] is not None)
        assert doors(screen)[-1]["since"] == "2026-11-02T00:00:00.000000Z"


async def test_a_reader_that_answers_no_ping_is_silent_before_it_is_closed(
    place: Place, quick: Callable[..., Settings]
) -> None:
    own = quick(reader_ping=0.4, reader_silence=30)
    async with (
        recorder_running(own),
        worker_running(own, place) as gate,
        gate.reader("gate", autoping=False),
        watching(gate.http, gate.url, place.tokens["near"]) as screen,
    ):
        await screen.until(lambda: doors(screen) and doors(screen)[-1]["reader"] == "silent")
        assert doors(screen)[-1]["since"] is not None
