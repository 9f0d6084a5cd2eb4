"""/students/lookup: whether a pass works comes from memory, as a reader would be answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest

from hub.accounts.permissions import BUILT_IN
from hub.config import Settings
from tests.integration.gate.desk_people import Guardroom, guardroom
from tests.integration.gate.place import DENIED, Place, recorder_running, until

PATH = "/api/v1/students/lookup"


@pytest.fixture
async def room(place: Place, quick: Callable[..., Settings]) -> AsyncIterator[Guardroom]:
    for number, (first, last) in enumerate([("Ann", "Anders"), ("Bea", "Andersen"), ("Anders", "Zorn")]):
        await place.execute(
            "INSERT INTO students (student_id, first_name, last_name, school_id, program)"
            " VALUES ($1, $2, $3, $4, 'Art')",
            *(f"N-{number}", first, last, place.schools["near"]),
        )
    own = quick()
    async with recorder_running(own), guardroom(own, place) as running:
        yield running


async def find(room: Guardroom, q: str, door: UUID | None = None) -> list[dict[str, Any]]:
    at = "" if door is None else f"&accessPointId={door}"
    found: list[dict[str, Any]] = (await room.get(f"{PATH}?q={q}{at}"))["students"]
    return found


@pytest.mark.parametrize("what", ["granted", *DENIED])
async def test_it_says_what_a_reader_would_be_told(room: Guardroom, place: Place, what: str) -> None:
    (found,) = [s for s in await find(room, what, place.doors["gate"]) if s["studentId"] == what]
    told = await room.gate.verify(what, record=False)
    assert (found["pass"]["works"], found["pass"]["reason"]) == (told["valid"], told["reason"])
    assert (found["id"], found["pass"]["passNumber"]) == (str(place.students[what]), f"P-{what}")
    assert set(found) == {"id", "studentId", "name", "program", "photoUrl", "pass"}
    kept = room.trail.kept[-1]
    assert (kept.action, kept.resource_type, kept.subject_id) == ("read", "student", place.students[what])


async def test_where_it_works_depends_on_the_door_and_not_on_what_the_tables_say(room: Guardroom, place: Place) -> None:
    (found,) = await find(room, "granted", place.doors["off"])
    assert (found["pass"]["works"], found["pass"]["reason"]) == (False, "access_point_inactive")
    (found,) = await find(room, "granted")
    assert (found["pass"]["works"], found["pass"]["reason"]) == (None, None)
    # A change that no worker has heard of: the answer is the one that a reader would get.
    await place.execute("ALTER TABLE passes DISABLE TRIGGER feed_update")
    await place.execute("UPDATE passes SET status = 'revoked' WHERE pass_number = 'P-granted'")
    assert (await find(room, "granted", place.doors["gate"]))[0]["pass"]["works"] is True


async def test_a_revocation_is_seen_when_the_doors_see_it(room: Guardroom, place: Place) -> None:
    await place.execute("UPDATE passes SET status = 'revoked' WHERE pass_number = 'P-granted'")
    door = place.doors["gate"]
    await until(lambda: find(room, "granted", door), lambda found: found[0]["pass"]["reason"] == "revoked_pass")


async def test_the_best_match_comes_first_and_there_are_eight_at_most(room: Guardroom) -> None:
    assert [s["name"] for s in await find(room, "anders")] == ["Ann Anders", "Bea Andersen", "Anders Zorn"]
    assert [s["studentId"] for s in await find(room, "n-1")] == ["N-1"]
    assert len(await find(room, "qu")) == 8  # of more who have this name
    assert [(s["program"], s["pass"]) for s in await find(room, "zorn")] == [("Art", None)]
    assert await find(room, "xyzzy") == []


async def test_it_needs_two_characters_the_right_and_a_door_of_the_school(room: Guardroom, place: Place) -> None:
    token = room.token("near", BUILT_IN["security"])
    assert (await room.ask(f"{PATH}?q=a", token=token, method="GET"))[0] == 400
    assert (await room.ask(f"{PATH}?q=zoe", token=token, method="GET"))[0] == 200
    reader = room.token("near", BUILT_IN["card_reader"])
    assert (await room.ask(f"{PATH}?q=zoe", token=reader, method="GET"))[0] == 403
    status, _ = await room.ask(f"{PATH}?q=zoe&accessPointId={place.doors['far']}", token=token, method="GET")
    assert status == 404
    far = room.token("far", BUILT_IN["security"])
    _, answer = await room.ask(f"{PATH}?q=quillfeather", token=far, method="GET")
    assert [s["studentId"] for s in answer["students"]] == ["far"]
