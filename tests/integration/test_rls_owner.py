"""Row-level security and the schema's owner: an ordinary role, as it is where nobody is given a superuser."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from hub.store.migrate import migrate
from tests.integration.rows import Feed, add_pass, add_school, add_student, lookup_key
from tests.services import Cluster


@pytest.fixture
def owned(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database as its owner, an ordinary role that is a member of the program's."""
    owner = "test_owner"
    cluster.run(
        f"CREATE ROLE {owner} LOGIN PASSWORD 'pw'",
        f"GRANT hub_api, hub_admin, hub_system, hub_definer TO {owner} WITH INHERIT FALSE",
    )
    name = cluster.create(template=None, owner=owner)
    yield f"postgresql://{owner}:pw@" + cluster.url(name).split("@", 1)[1]
    cluster.drop(name)
    cluster.run(f"DROP ROLE {owner}")


async def test_the_owner_is_held_too_and_everything_still_works(owned: str) -> None:
    await migrate(owned)
    owner = await asyncpg.connect(owned)
    try:
        await owner.execute("SET ROLE hub_admin")
        school = await add_school(owner, "ONE")
        student = await add_student(owner, school)
        await add_pass(owner, school, student, "A")
        await owner.execute("SET ROLE hub_system")
        for months_ago in (6, 600):
            await owner.execute(
                "INSERT INTO access_logs (school_id, status, access_time)"
                " VALUES ($1, 'granted', now() - make_interval(months => $2))",
                *(school, months_ago),
            )
        await owner.execute("RESET ROLE")
        for table in ("schools", "students", "passes", "roles", "access_logs", "access_logs_default"):
            assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        assert await owner.execute("UPDATE students SET status = 'inactive'") == "UPDATE 0"

        async with Feed(owned) as feed:  # the feed finds a student's passes all the same
            await owner.execute("SET ROLE hub_admin")
            await owner.execute("UPDATE students SET status = 'inactive'")
            assert await feed.took() == {("pass", lookup_key("A")), ("student", student.bytes)}
        await owner.execute("SET ROLE hub_system")  # and months are made out of the default partition
        assert await owner.fetchval("SELECT hub_ensure_partitions('access_logs', 3)") == 1
        assert await owner.fetchval("SELECT count(*) FROM access_logs_default") == 1
        await owner.execute("RESET ROLE")
        assert await owner.fetchval("SELECT count(*) FROM access_logs_default") == 0
    finally:
        await owner.close()


async def test_what_the_owner_writes_it_writes_as_hub_admin(owned: str) -> None:
    """A later migration that adds rows has to do the same."""
    await migrate(owned)
    owner = await asyncpg.connect(owned)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await owner.execute("INSERT INTO roles (name) VALUES ('x')")
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE hub_admin")
            await owner.execute("INSERT INTO roles (name) VALUES ('x')")
    finally:
        await owner.close()
