"""docs/differences.md against the program: every endpoint, table, column and index of the source document is there, or
the page says what is instead. What the page says is "not yet" has to be so too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hub.gate.described import READERS
from hub.resources import declared_routes

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "source"
PAGE = (ROOT / "docs" / "differences.md").read_text()
ENDPOINTS = [tuple(line.split()) for line in (SOURCE / "endpoints.txt").read_text().splitlines()]
TABLES = (SOURCE / "tables.sql").read_text()
#: First cell → second cell, of every table on the page.
ROWS = {row[1].strip(): row[2].strip() for row in re.finditer(r"^\| (.+?) \| (.*?) \| .*\|$", PAGE, re.MULTILINE)}
SERVICES = (
    *("CardReaderIntegration.verifyPass", "CardReaderIntegration.logAccess", "SISIntegration", "WebhookService"),
    *("websocketService", "FileUploadService", "CacheService", "CacheWarmingService", "validateRequest"),
    *("errorHandler", "multer", "virusScanService", "student_pass_summary", "access_logs_2024", "health check"),
    *("graceful shutdown", "helmet", "cors", "hsts", "rateLimit", "http_request_duration_seconds"),
)
TECHNOLOGY = (
    *("Node.js", "NestJS", "TypeScript", "PostgreSQL 14", "Prisma", "TypeORM", "Redis 6", "AWS S3", "Google Cloud"),
    *("Sharp", "qrcode", "Zod", "Joi", "Passport.js", "Winston", "Prometheus", "Grafana", "Jest", "Supertest"),
    *("Swagger", "Dockerfile", "docker-compose", "Kubernetes", "Terraform"),
)


def served() -> set[tuple[str, str]]:
    """(method, path) of everything, each `{…}` as `:id`."""
    ours: set[tuple[str, str]] = {(route.method, f"/api/v1{route.path}") for route in declared_routes()}
    ours |= {(one.method.upper(), one.path) for one in READERS}
    return {(method, re.sub(r"\{\w+\}", ":id", path)) for method, path in ours}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_an_endpoint_is_served_as_the_page_says(endpoint: tuple[str, str]) -> None:
    said = ROWS[f"`{endpoint[0]} {endpoint[1]}`"]
    assert said in {"as there", "not yet"}
    assert (endpoint in served()) == (said == "as there"), f"docs/differences.md: {' '.join(endpoint)}"


@pytest.mark.parametrize("item", [*SERVICES, *TECHNOLOGY])
def test_every_service_and_technology_has_its_row(item: str) -> None:
    assert any(item in first for first in ROWS), item


@pytest.fixture
async def both(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Our tables in `public`, and the source's beside them in `source`."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE SCHEMA source; SET search_path = source")
        await connection.execute(re.sub(r" REFERENCES \w+\(\w+\)", "", TABLES))
        yield connection
    finally:
        await connection.close()


async def test_every_column_is_as_there_or_on_the_page(both: asyncpg.Connection) -> None:
    theirs, ours = await described(both, "source"), await described(both, "public")
    missing = [name for name in theirs if name not in ours]
    assert missing == []
    differing = {name: (theirs[name], ours[name]) for name in theirs if not same(theirs[name], ours[name])}
    differing |= dict.fromkeys(await unique(both, "source") - await unique(both, "public"), ("unique", "not so"))
    differing |= dict.fromkeys(referring() - await foreign(both), ("references", "not so"))
    assert {name: how for name, how in differing.items() if f"`{name}`" not in ROWS} == {}


async def test_every_column_beside_those_is_on_the_page(both: asyncpg.Connection) -> None:
    theirs, ours = await described(both, "source"), await described(both, "public")
    tables = {name.partition(".")[0] for name in theirs}
    beside = [name for name in ours if name not in theirs and name.partition(".")[0] in tables]
    unsaid = [name for name in beside if f"`{name.partition('.')[2]}`" not in ROWS[f"`{name.partition('.')[0]}`"]]
    assert unsaid == []
    assert {table for table in tables if f"`{table}`" not in ROWS} == set()


async def test_every_index_is_there(both: asyncpg.Connection) -> None:
    rows = await both.fetch(
        "SELECT t.indexname FROM pg_indexes AS t WHERE t.schemaname = 'source' AND t.indexname LIKE 'idx_%'"
        " AND NOT EXISTS (SELECT FROM pg_indexes AS o WHERE o.schemaname = 'public' AND o.indexname = t.indexname"
        " AND o.tablename = t.tablename)"
    )
    assert [row["indexname"] for row in rows] == []
    assert TABLES.count("CREATE INDEX") == 11


async def described(connection: asyncpg.Connection, schema: str) -> dict[str, Any]:
    """`table.column` → type, length, whether it may be NULL, whether it has a default."""
    rows = await connection.fetch(
        "SELECT table_name || '.' || column_name AS name, data_type, character_maximum_length AS length,"
        " is_nullable = 'YES' AS nullable, column_default IS NOT NULL AS filled"
        " FROM information_schema.columns WHERE table_schema = $1",
        schema,
    )
    return {row["name"]: (row["data_type"], row["length"], row["nullable"], row["filled"]) for row in rows}


def same(theirs: tuple[str, int | None, bool, bool], ours: tuple[str, int | None, bool, bool]) -> bool:
    """What has a default there need not be NULL here, and a moment has a zone."""
    kind, length, nullable, filled = theirs
    kind = kind.replace("without time zone", "with time zone")
    fits = (ours[0], ours[1]) == (kind, length) and (ours[3] or not filled)
    return fits and (ours[2] == nullable or (filled and not ours[2]))


async def unique(connection: asyncpg.Connection, schema: str) -> set[str]:
    """`table.column` of what is unique, or a key, by itself."""
    rows = await connection.fetch(
        "SELECT c.relname || '.' || a.attname AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND n.nspname = $1",
        schema,
    )
    return {row["name"] for row in rows}


def referring() -> set[str]:
    """`table.column` of what points to another table in the source."""
    found = set()
    for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", TABLES, re.DOTALL):
        found |= {f"{table}.{column}" for column in re.findall(r"^\s+(\w+) [^\n]*REFERENCES", body, re.MULTILINE)}
    return found


async def foreign(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch(
        "SELECT c.conrelid::regclass::text AS place, a.attname FROM pg_constraint AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f'"
    )
    return {f"{row['place'].rpartition('.')[2]}.{row['attname']}" for row in rows}
