"""What a guard's click shows: of the own school, from the cache, and after a change at once another."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from hub.config import Settings
from hub.errors import NotFound
from hub.index.directory import Directory
from hub.index.feed import Feed
from hub.index.index import PassIndex
from hub.resources.students.cards import Cards, StudentCard
from hub.store.pg import Connection, Pg, Role
from tests.beside import beside
from tests.integration.feed_world import until
from tests.integration.rest.site import Site, site_running
from tests.integration.rows import add_pass, add_school, add_student

STUDENTS = "/api/v1/students"


@pytest.fixture
async def site(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    async with site_running(settings()) as running:
        yield running


async def furnished(site: Site) -> UUID:
    """A student with a pass and seven scans."""
    rows = await site.fetch(
        "INSERT INTO students"
        " (school_id, student_id, first_name, middle_name, last_name, program, year_of_study, photo_url)"
        " VALUES ($1, 'S-1', 'Zoë', 'Maria', 'Nguyễn', 'Physics', 2, 'x') RETURNING id",
        site.schools["near"],
    )
    student: UUID = rows[0]["id"]
    await site.fetch(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date)"
        " VALUES ($1, $2, 'P-1', 'code-1', '2026-09-01', '2027-08-31')",
        *(site.schools["near"], student),
    )
    door = await site.point()
    for minute in range(7):
        await site.fetch(
            "INSERT INTO access_logs (school_id, student_id, access_point_id, status, reason, access_time)"
            " VALUES ($1, $2, $3, 'denied', $4, now() - make_interval(mins => $5))",
            *(site.schools["near"], student, door, f"reason_{minute}", minute),
        )
    return student


async def test_a_guard_sees_face_name_programme_number_passes_and_the_last_five_entries(site: Site) -> None:
    student = await furnished(site)
    answer = await site.ask("GET", f"{STUDENTS}/{student}/card", site.token("security"))
    assert answer.status == 200, answer.text
    card = answer.json
    entries, of = card.pop("entries"), card.pop("entriesAsOf")
    (held,) = card.pop("passes")
    assert card == {
        "id": str(student),
        "schoolId": str(site.schools["near"]),
        "studentId": "S-1",
        "name": "Zoë Maria Nguyễn",
        "program": "Physics",
        "yearOfStudy": 2,
        "status": "active",
        "photoUrl": f"{STUDENTS}/{student}/photo",
    }
    assert (held["passNumber"], held["status"], held["expiryDate"]) == ("P-1", "active", "2027-08-31")
    assert "code-1" not in answer.text
    assert [one["reason"] for one in entries] == [f"reason_{minute}" for minute in range(5)]
    assert {one["accessPoint"] for one in entries} == {"Gate"}
    assert re.match(r"\d{4}-", of)
    assert (site.trail.kept[-1].action, site.trail.kept[-1].subject_id) == ("read", student)


async def test_passes_in_force_come_first_and_why_one_was_revoked_is_told(site: Site) -> None:
    student = await furnished(site)
    await site.fetch(
        "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status,"
        " revoke_reason, created_at)"
        " VALUES ($1, $2, 'P-2', 'code-2', '2026-01-01', '2099-01-01', 'revoked', 'lost', now() + interval '1 h')",
        *(site.schools["near"], student),
    )
    answer = await site.ask("GET", f"{STUDENTS}/{student}/card", site.token("security"))
    told = [(one["passNumber"], one["status"], one["revokeReason"]) for one in answer.json["passes"]]
    assert told == [("P-1", "active", None), ("P-2", "revoked", "lost")]


async def test_nobody_sees_the_card_of_another_school_of_a_deleted_student_or_without_the_right(site: Site) -> None:
    student = await furnished(site)
    path = f"{STUDENTS}/{student}/card"
    assert (await site.ask("GET", path, site.token("security", "far"))).status == 404
    assert (await site.ask("GET", path, site.token("card_reader"))).status == 403
    assert (await site.ask("GET", path, site.token("super_admin"))).status == 200
    await site.fetch("UPDATE students SET deleted_at = now()")
    assert (await site.ask("GET", path, site.token("security"))).status == 404
    assert (await site.ask("GET", f"{STUDENTS}/{uuid4()}/card", site.token("security"))).status == 404


class World:
    """A worker's feed and cards, without the rest of it."""

    def __init__(self, settings: Settings, sql: asyncpg.Connection, pg: Pg) -> None:
        self.sql = sql
        self.pg = pg
        self.cards = Cards(settings, pg, lambda: self.feed.stale_since is None)
        self.feed = Feed(settings, PassIndex(), Directory(), [self.cards])
        self.feed.on_students = self.cards.forget
        self.school = self.student = UUID(int=0)

    async def furnish(self) -> None:
        self.school = await add_school(self.sql, "ONE")
        self.student = await add_student(self.sql, self.school)
        await add_pass(self.sql, self.school, self.student, "code")
        await self.sql.execute(
            "INSERT INTO access_logs (school_id, student_id, status) VALUES ($1, $2, 'granted')",
            *(self.school, self.student),
        )

    async def card(self, school: UUID | None = None) -> StudentCard:
        async with self.pg.tenant(self.school) as tx:

            async def given() -> Connection:
                return tx

            return await self.cards.card(self.student, school or self.school, given)

    @property
    def loads(self) -> int:
        return self.cards.cards.asked["loaded"]


@pytest.fixture
async def world(settings: Callable[..., Settings], valkey: str) -> AsyncIterator[World]:
    own = settings(feed_heartbeat=60, redis_url=valkey)
    assert own.database_url is not None
    sql = await asyncpg.connect(own.database_url.get_secret_value())
    pg = await Pg.open(own, [Role.hub_api, Role.hub_system])
    found = World(own, sql, pg)
    await found.furnish()
    try:
        async with beside(found.feed.run(), found.cards.run(found.feed.ready.wait())):
            await found.feed.ready.wait()
            yield found
    finally:
        await found.cards.close()
        await pg.close()
        await sql.close()


async def test_a_card_that_was_seen_last_is_at_hand_after_the_start(world: World) -> None:
    kept = world.cards.cards._kept
    await until(lambda: world.student.hex in kept, "the card of who was seen last is warm")
    await world.card()
    assert (world.loads, world.cards.cards.asked["memory"]) == (0, 1)


async def test_one_load_serves_all_and_only_the_own_school(world: World) -> None:
    for _ in range(3):
        assert (await world.card()).name == "Ada Lovelace"
    assert world.loads <= 1
    with pytest.raises(NotFound):
        await world.card(uuid4())


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("UPDATE students SET last_name = 'Byron'", lambda card: card.name == "Ada Byron"),
        ("UPDATE students SET program = 'Mathematics'", lambda card: card.program == "Mathematics"),
        ("UPDATE students SET year_of_study = 3", lambda card: card.yearOfStudy == 3),
        ("UPDATE students SET student_id = 'S-2'", lambda card: card.studentId == "S-2"),
        ("UPDATE students SET photo_url = 'x'", lambda card: card.photoUrl is not None),
        ("UPDATE passes SET status = 'revoked'", lambda card: card.passes[0].status == "revoked"),
        ("UPDATE passes SET student_id = NULL, pass_type = 'visitor'", lambda card: card.passes == []),
        ("DELETE FROM passes", lambda card: card.passes == []),
    ],
)
async def test_every_change_shows_in_the_next_card(world: World, change: str, shown: Callable[[Any], bool]) -> None:
    assert not shown(await world.card())
    known = world.cards.cards._kept
    await until(lambda: world.student.hex in known, "the card is kept")
    await world.sql.execute(change)
    await until(lambda: world.student.hex not in known, "the change is heard of")
    assert shown(await world.card())


async def test_a_new_pass_and_a_deleted_student_show_as_well(world: World) -> None:
    await world.card()
    known = world.cards.cards._kept
    await add_pass(world.sql, world.school, world.student, "second")
    await until(lambda: world.student.hex not in known, "the pass is heard of")
    assert [one.passNumber for one in (await world.card()).passes] == ["second", "code"]
    await world.sql.execute("UPDATE students SET deleted_at = now()")
    await until(lambda: world.student.hex not in known, "the deletion is heard of")
    with pytest.raises(NotFound):
        await world.card()


async def test_while_the_feed_is_cut_cards_come_from_the_tables(world: World) -> None:
    await world.card()
    world.feed.stale_since = 1.0
    await world.sql.execute("UPDATE students SET program = 'Chemistry'")
    assert (await world.card()).program == "Chemistry"
    assert world.cards.cards.asked["bypassed"] >= 1


async def test_hits_and_loads_are_in_the_metrics(world: World) -> None:
    await world.card()
    await world.card()
    families = {family.name: family for family in world.cards.families()}
    asked = {
        (sample.labels["cache"], sample.labels["from"]): sample.value
        for sample in families["hub_cache_requests_total"].samples
    }
    # The first may have waited for the load that the start began.
    assert sum(asked["student_cards", source] for source in ("memory", "loaded", "redis", "waited")) == 2
    assert asked["last_entries", "memory"] == 1
    assert {sample.labels["cache"] for sample in families["hub_cache_bytes"].samples} == {
        "student_cards",
        "last_entries",
    }


async def test_a_reload_of_the_feed_forgets_all(world: World) -> None:
    await world.card()
    await world.sql.execute("TRUNCATE role_permissions")
    await until(lambda: world.feed.reloads == 2, "everything is loaded again")
    assert not world.cards.cards._kept
