"""Pools and connections: a tenant that nothing leaves behind, roles, and outages that are called by their name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from uuid import UUID, uuid4

import asyncpg
import pytest

from hub.config import Settings, load_settings
from hub.demo.embedded import start_postgres
from hub.errors import SettingsError, StoreTooSlow, StoreUnavailable
from hub.store.pg import Pg, PostgresError, Role, connect, is_data_fault
from tests.integration.rows import add_school, add_student
from tests.services import Cluster, service_dir
from tests.tcp_proxy import TcpProxy

MakeSettings = Callable[..., Settings]


@pytest.fixture
async def pg(settings: MakeSettings) -> AsyncIterator[Pg]:
    pg = await Pg.open(settings(database_pool_size=2), list(Role), acquire_timeout=60.0)
    yield pg
    await pg.close()


@pytest.fixture
async def school(database: str) -> UUID:
    owner = await asyncpg.connect(database)
    school = await add_school(owner, "ONE")
    await add_student(owner, school)
    await owner.close()
    return school


async def test_each_door_has_its_role(pg: Pg, school: UUID) -> None:
    who = "SELECT current_user"
    async with pg.tenant(school) as tx:
        assert await tx.fetchval(who) == "hub_api"
        assert await tx.fetchval("SELECT count(*) FROM students") == 1
    async with pg.admin() as tx:
        assert await tx.fetchval(who) == "hub_admin"
    async with pg.system() as tx:
        assert await tx.fetchval(who) == "hub_system"


async def test_a_role_with_a_url_of_its_own_logs_in_by_itself(database: str, settings: MakeSettings) -> None:
    owner = await asyncpg.connect(database)
    await owner.execute("ALTER ROLE hub_system PASSWORD 'pw'")
    await owner.close()
    own = "postgresql://hub_system:pw@" + database.split("@", 1)[1]
    connection = await connect(settings(database_system_url=own), Role.hub_system)
    assert await connection.fetchval("SELECT session_user::text") == "hub_system"
    await connection.close()


async def test_what_the_end_keeps_and_what_an_error_undoes(pg: Pg, school: UUID) -> None:
    rename = "UPDATE schools SET name = $1"
    async with pg.tenant(school) as tx:
        await tx.execute(rename, "kept")
    with pytest.raises(KeyError):
        await rename_and_fail(pg, school)
    async with pg.admin() as tx:
        assert await tx.fetchval("SELECT name FROM schools") == "kept"


async def rename_and_fail(pg: Pg, school: UUID) -> None:
    async with pg.tenant(school) as tx:
        await tx.execute("UPDATE schools SET name = 'undone'")
        raise KeyError("a handler fails")


async def test_a_mistake_is_raised_as_it_is(pg: Pg, school: UUID) -> None:
    with pytest.raises(PostgresError) as caught:
        await misspell(pg, school)
    assert caught.value.sqlstate == "42703"


async def misspell(pg: Pg, school: UUID) -> None:
    async with pg.tenant(school) as tx:
        await tx.fetch("SELECT nonsense FROM students")


async def test_a_cancelled_task_leaves_no_tenant_and_no_transaction(pg: Pg, school: UUID) -> None:
    """Cancelled at every sort of moment, over two connections; then each is asked what it remembers."""
    random = Random(7)

    async def work() -> None:
        async with pg.tenant(school) as tx:
            await tx.execute("UPDATE schools SET name = name || '!'")
            await tx.execute("SELECT pg_sleep($1)", random.random() / 50)

    for _ in range(60):
        task = asyncio.create_task(work())
        await asyncio.sleep(random.random() / 40)
        task.cancel()
        await asyncio.wait([task])
    for _ in range(4):
        async with pg._acquired(Role.hub_api) as first, pg._acquired(Role.hub_api) as second:
            for connection in (first, second):
                assert not connection.is_in_transaction()
                assert not await connection.fetchval("SELECT current_setting('hub.school_id', true)")
                assert await connection.fetchval("SELECT count(*) FROM students") == 0


async def test_many_tenants_on_two_connections_never_meet(pg: Pg, database: str) -> None:
    owner = await asyncpg.connect(database)
    schools = [await add_school(owner, f"S{i}") for i in range(20)]
    await owner.close()

    async def look(school: UUID) -> None:
        async with pg.tenant(school) as tx:
            await asyncio.sleep(0)
            assert [row["id"] for row in await tx.fetch("SELECT id FROM schools")] == [school]

    await asyncio.gather(*(look(school) for school in schools * 10))


async def test_a_connection_that_is_never_given_back_does_not_keep_the_end_waiting(settings: MakeSettings) -> None:
    pg = await Pg.open(settings(), list(Role), command_timeout=0.2)
    with pytest.raises(StoreUnavailable, match="connection is closed"):
        await close_in_the_middle(pg)


async def close_in_the_middle(pg: Pg) -> None:
    async with pg.tenant(uuid4()) as tx:
        await pg.close()
        await tx.fetchval("SELECT 1")


async def test_a_pool_that_is_used_up_is_unavailable(settings: MakeSettings) -> None:
    pg = await Pg.open(settings(database_pool_size=1), [Role.hub_api])
    async with pg.tenant(uuid4()):
        pg._acquire_timeout = 0.1  # from now on: the first one has to connect, which may take longer
        with pytest.raises(StoreUnavailable, match="PostgreSQL, as hub_api: no answer in time"):
            await pg.tenant(uuid4()).__aenter__()
    await pg.close()


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(settings: MakeSettings) -> None:
    pg = await Pg.open(settings(), [Role.hub_system], statement_timeout=0.5)
    with pytest.raises(StoreTooSlow):
        await sleep_in(pg)
    assert await pg.ping(Role.hub_system)
    await pg.close()


async def sleep_in(pg: Pg) -> None:
    async with pg.system() as tx:
        await tx.execute("SELECT pg_sleep(60)")


async def test_an_outage_is_unavailable_and_ends_by_itself() -> None:
    with service_dir() as root:
        postgres = await asyncio.to_thread(start_postgres, root)
        url = postgres.url("postgres")
        owner = await asyncpg.connect(url)
        await owner.execute("CREATE ROLE hub_system")
        await owner.close()
        settings = load_settings(database_url=url)
        pg = await Pg.open(settings, [Role.hub_system])
        assert await pg.ping(Role.hub_system)

        with pytest.raises(StoreUnavailable, match="PostgreSQL, as hub_system: "):
            await stop_in_the_middle(pg, postgres.stop)
        assert not await pg.ping(Role.hub_system)
        with pytest.raises(StoreUnavailable):
            await pg.system().__aenter__()
        with pytest.raises(StoreUnavailable):
            await connect(settings, Role.hub_system)

        again = await asyncio.to_thread(start_postgres, root)
        try:
            assert await pg.ping(Role.hub_system)
            await pg.close()
        finally:
            await asyncio.to_thread(again.stop)


async def test_a_network_that_goes_silent_is_an_outage(cluster: Cluster, database: str) -> None:
    with TcpProxy(cluster.postgres.socket_dir / ".s.PGSQL.5432") as proxy:
        own = load_settings(database_url=proxy.url(database))
        pg = await Pg.open(own, [Role.hub_system], command_timeout=3.0, acquire_timeout=60.0)
        with pytest.raises(StoreUnavailable, match="PostgreSQL, as hub_system: no answer in time"):
            await be_silent_in_the_middle(pg, proxy)
        await asyncio.to_thread(proxy.heal)
        await pg.close()


async def be_silent_in_the_middle(pg: Pg, proxy: TcpProxy) -> None:
    async with pg.system() as tx:
        await asyncio.to_thread(proxy.cut, "silence")
        await tx.fetchval("SELECT 1")


async def stop_in_the_middle(pg: Pg, stop: Callable[[], None]) -> None:
    async with pg.system() as tx:
        await asyncio.to_thread(stop)
        await tx.fetchval("SELECT 1")


async def test_a_database_that_was_not_migrated_says_what_to_do() -> None:
    with service_dir() as root:
        postgres = await asyncio.to_thread(start_postgres, root)
        try:
            with pytest.raises(StoreUnavailable, match=r'role "hub_api" does not exist; run `passhub migrate` first'):
                await connect(load_settings(database_url=postgres.url("postgres")), Role.hub_api)
        finally:
            await asyncio.to_thread(postgres.stop)


async def test_without_a_url_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    with pytest.raises(SettingsError, match="HUB_DATABASE_URL"):
        await connect(load_settings(), Role.hub_api)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 300])
async def test_what_a_row_can_be_refused_for_is_known_as_its_fault(settings: MakeSettings, text: str) -> None:
    connection = await connect(settings(), Role.hub_system)
    try:
        await connection.execute("CREATE TEMP TABLE stage (reason varchar(200))")
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is tested
            await connection.copy_records_to_table("stage", records=[(text,)])
        assert is_data_fault(caught.value)
        assert not connection.is_closed()
    finally:
        await connection.close()
