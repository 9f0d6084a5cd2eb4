"""The migration runner against a real server: once, together, all or nothing, and clear words when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.demo.embedded import start_postgres
from hub.errors import MigrationError
from hub.store.migrate import _LOCK, check_version, find_migrations, migrate, pending
from tests.services import Cluster, service_dir

ALL = [migration.name for migration in find_migrations()]
Write = Callable[..., Path]


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """The URL of a database in which nothing was done yet."""
    name = cluster.create(template=None)
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def files(tmp_path: Path) -> Write:
    """`files(a_0001="SQL")` writes migrations `0001_a.sql` … and gives their directory."""

    def write(**contents: str) -> Path:
        for key, sql in contents.items():
            name, number = key.rsplit("_", 1)
            (tmp_path / f"{number}_{name}.sql").write_text(sql, encoding="utf-8")
        return tmp_path

    return write


async def value(url: str, sql: str, *args: object) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


async def test_applies_what_is_missing_once_and_in_order(empty: str) -> None:
    steps: list[str] = []
    assert await pending(empty) == ALL
    assert await migrate(empty, on_step=steps.append) == ALL == steps
    assert await pending(empty) == []
    assert await migrate(empty, on_step=steps.append) == []
    assert len(steps) == len(ALL)


async def test_a_new_file_is_applied_alone(empty: str, files: Write) -> None:
    await migrate(empty, files(a_0001="CREATE TABLE a (x int)"))
    assert await migrate(empty, files(b_0002="CREATE TABLE b (x int)")) == ["0002_b.sql"]


async def test_a_file_that_fails_leaves_nothing(empty: str, files: Write) -> None:
    folder = files(
        a_0001="CREATE TABLE a (x int);\nINSERT INTO a VALUES (1);\n",
        b_0002="CREATE TABLE b (x int);\nINSERT INTO a VALUES (2);\n\nSELECT nonsense FROM a;\n",
        c_0003="CREATE TABLE c (x int);\n",
    )
    with pytest.raises(MigrationError) as caught:
        await migrate(empty, folder)
    assert str(caught.value) == ('0002_b.sql, line 4: column "nonsense" does not exist (42703); nothing of it was kept')
    assert await value(empty, "SELECT array_agg(x) FROM a") == [1]
    assert await value(empty, "SELECT to_regclass('b')") is None
    assert await pending(empty, folder) == ["0002_b.sql", "0003_c.sql"]
    files(b_0002="CREATE TABLE b (x int)")
    assert await migrate(empty, folder) == ["0002_b.sql", "0003_c.sql"]


async def test_a_fault_at_commit_leaves_nothing_either(empty: str, files: Write) -> None:
    folder = files(
        a_0001="CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO a VALUES (1, 2);"
    )
    with pytest.raises(MigrationError, match=r"^0001_a\.sql: .*foreign key.* \(23503\); nothing of it was kept$"):
        await migrate(empty, folder)
    assert await value(empty, "SELECT to_regclass('a')") is None


async def test_an_edited_file_is_named(empty: str, files: Write) -> None:
    await migrate(empty, files(a_0001="CREATE TABLE a (x int)", b_0002="SELECT 1"))
    folder = files(a_0001="CREATE TABLE a (x bigint)")
    for run in (migrate, pending):
        with pytest.raises(MigrationError, match=r"^0001_a\.sql was edited after it was applied"):
            await run(empty, folder)


async def test_a_number_that_comes_too_late_is_refused(empty: str, files: Write) -> None:
    await migrate(empty, files(c_0003="SELECT 1"))
    with pytest.raises(MigrationError, match=r"0002_b\.sql comes before 0003_c\.sql.*higher number"):
        await migrate(empty, files(b_0002="SELECT 1"))


async def test_a_rolled_back_program_leaves_the_newer_schema_alone(empty: str, files: Write) -> None:
    folder = files(a_0001="SELECT 1", b_0002="SELECT 1")
    await migrate(empty, folder)
    (folder / "0002_b.sql").unlink()
    assert await migrate(empty, folder) == []


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["0001_a.sql", "0001_b.sql"], "0001_a.sql and 0001_b.sql have the same number"),
        (["1_a.sql"], "1_a.sql: a migration is named like 0001_what_it_does.sql"),
        (["0001_A.sql"], "0001_A.sql: a migration is named like"),
    ],
)
def test_names_that_have_no_order_are_refused(names: list[str], fault: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationError, match=fault):
        find_migrations(tmp_path)


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"no migrations at .*nowhere"):
        find_migrations(tmp_path / "nowhere")


async def test_no_transaction_runs_statement_by_statement(empty: str, files: Write) -> None:
    folder = files(
        a_0001="CREATE TABLE a (x int)",
        b_0002="-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (x);\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS j ON a ((x + 1));\n",
    )
    assert await migrate(empty, folder) == ["0001_a.sql", "0002_b.sql"]
    assert await value(empty, "SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid") == 2


async def test_no_transaction_that_fails_says_what_stays(empty: str, files: Write) -> None:
    folder = files(a_0001="-- no-transaction\nCREATE TABLE IF NOT EXISTS a (x int);\nSELECT 'ä', nonsense;\n")
    with pytest.raises(MigrationError, match=r"^0001_a\.sql, line 3: .*what it did before that stays; run it again$"):
        await migrate(empty, folder)
    assert await value(empty, "SELECT to_regclass('a')::text") == "a"
    assert await pending(empty, folder) == ["0001_a.sql"]


async def test_programs_that_start_together_migrate_once(empty: str) -> None:
    results = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(results) == [[], [], [], ALL]


async def test_a_waiter_does_not_block_an_index_that_is_built_concurrently(empty: str, files: Write) -> None:
    folder = files(
        a_0001="CREATE TABLE a AS SELECT x FROM generate_series(1, 200000) AS x",
        b_0002="-- no-transaction\nCREATE INDEX CONCURRENTLY i ON a (x);\nSELECT pg_sleep(0.5);\n"
        "CREATE INDEX CONCURRENTLY j ON a (x);\n",
    )
    async with asyncio.timeout(120):  # a deadlock would last for ever
        results = await asyncio.gather(migrate(empty, folder), migrate(empty, folder))
    assert sorted(map(len, results)) == [0, 2]


async def test_a_wait_ends_with_words(empty: str, files: Write) -> None:
    folder = files(a_0001="SELECT 1")
    other = await asyncpg.connect(empty)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", _LOCK)
        with pytest.raises(
            MigrationError, match=r"another migration of this database is under way; gave up after 0\.3 s"
        ):
            await migrate(empty, folder, lock_timeout=0.3)
    finally:
        await other.close()
    assert await migrate(empty, folder) == ["0001_a.sql"]


def test_an_old_server_is_refused() -> None:
    with pytest.raises(MigrationError, match="PostgreSQL 14 is too old; 15 or newer is needed"):
        check_version(14)
    check_version(15)


async def test_a_database_that_cannot_keep_every_name_is_refused(cluster: Cluster) -> None:
    name = "test_ascii"
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc TEMPLATE template0")
        with pytest.raises(MigrationError, match="encoding is SQL_ASCII"):
            await migrate(cluster.url(name))
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.close()


@pytest.mark.parametrize("place", ["127.0.0.1:1/db", "/db?host=/nowhere", "127.0.0.1:port/db", "/db?port=x"])
async def test_a_server_that_is_away_is_one_line_without_the_password(place: str) -> None:
    url = f"postgresql://u:hunter2@{place}"
    with pytest.raises(MigrationError, match="cannot connect to PostgreSQL") as caught:
        await migrate(url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_owner_who_may_not_make_roles_is_told_what_to_do(cluster: Cluster) -> None:
    owner = await asyncpg.connect(cluster.url("postgres"))
    try:
        await owner.execute("CREATE ROLE test_modest LOGIN PASSWORD 'pw'")
        await owner.execute("CREATE DATABASE test_modest OWNER test_modest")
        url = cluster.url("test_modest")
        modest = "postgresql://test_modest:pw@" + url.split("@", 1)[1]
        with pytest.raises(MigrationError, match=r"have a superuser run GRANT hub_api, .* TO test_modest") as caught:
            await migrate(modest)
        grant = str(caught.value).split("superuser run ")[1].split(" (P0001)")[0]
        await owner.execute(grant)
        assert await migrate(modest) == ALL
    finally:
        await owner.execute("DROP DATABASE IF EXISTS test_modest WITH (FORCE)")
        await owner.execute("DROP ROLE test_modest")
        await owner.close()


async def test_databases_of_a_new_cluster_migrate_at_the_same_time() -> None:
    """Roles belong to the cluster, advisory locks to a database: nothing else stands between these eight."""
    with service_dir() as root:
        postgres = await asyncio.to_thread(start_postgres, root)
        try:
            owner = await asyncpg.connect(postgres.url("postgres"))
            await owner.execute("CREATE ROLE plain LOGIN CREATEROLE PASSWORD 'pw'")
            names = [f"d{i}" for i in range(8)]
            for name in names:
                await owner.execute(f"CREATE DATABASE {name} OWNER plain")
            place = postgres.url("postgres").split("@/postgres", 1)[1]
            urls = [f"postgresql://plain:pw@/{name}{place}" for name in names]
            assert await asyncio.gather(*(migrate(url) for url in urls)) == [ALL] * 8
            made = await owner.fetch("SELECT rolname FROM pg_roles WHERE rolname LIKE 'hub\\_%' ORDER BY 1")
            assert [row[0] for row in made] == ["hub_admin", "hub_api", "hub_definer", "hub_system"]
            await owner.close()
        finally:
            await asyncio.to_thread(postgres.stop)
