"""The OpenAPI document against the program: schemathesis sends what the document allows, and what it does not, to every
route, and holds each answer against it. No 5xx, no status that is not documented, no answer of another shape.

A route is in it as soon as it is declared.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hub.config import Settings
from tests.integration.gate.place import Gate, furnish, recorder_running, worker_running
from tests.integration.rest.site import People, Trail

# positive_data_acceptance is left out: a document cannot say that a text holds no NUL, or that an id is there.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method"
)
#: So many of each route are made up. A long run (PASSHUB_EXAMPLES=50) also tries every limit of every field with
#: everybody; otherwise once, with somebody who may: refusals are the same for all, and v2 differs in their shape alone.
LONG = os.environ.get("PASSHUB_EXAMPLES")
EXAMPLES = LONG or "4"


@pytest.fixture
async def gate(database: str, settings: Callable[..., Settings], people: People, tmp_path: Path) -> AsyncIterator[Gate]:
    place = await furnish(database)
    rates = {"rate_anonymous": 1_000_000, "rate_signed_in": 1_000_000}
    files = {"files_dir": tmp_path / "files", "files_unscanned": "serve"}
    patient = {"request_timeout": 120, "shutdown_timeout": 0.2}  # of a busy machine nothing is asked here
    own = settings(workers=1, **patient, **rates, **files)
    async with recorder_running(own), worker_running(own, place, authenticator=people, trail=Trail()) as running:
        running.worker.accounts.throttle._pause = no_time  # thousands of failed sign-ins
        yield running


async def no_time(_: float) -> None:
    """Instead of waiting."""


@pytest.fixture
def people() -> People:
    return People()


async def schemathesis(
    gate: Gate, tmp_path: Path, version: str, token: str | None, *more: str, limits: bool = True
) -> str:
    """Its report; fails with it when there is a finding. `limits`: whether the limits of each field are tried."""
    phases = "examples,coverage,fuzzing" if limits or LONG else "examples,fuzzing"
    arguments = [
        *("run", f"{gate.url}/api/{version}/openapi.json", "--checks", CHECKS, "--max-examples", EXAMPLES),
        *("--phases", phases, "--seed", "20261124", "--generation-database", "none"),
        *("--request-timeout", "180", "--no-color", "--continue-on-failure", *more),
    ]
    if token is not None:
        arguments += ["--header", f"Authorization: Bearer {token}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *arguments),
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "default", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode(errors="replace")
    assert process.returncode == 0, text[-20_000:]
    return text


@pytest.mark.timeout(1_200)  # thousands of requests, on however slow a machine
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_every_route_keeps_to_its_document_for_whoever_may(
    gate: Gate, people: People, tmp_path: Path, version: str
) -> None:
    user = await gate.place.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
        " SELECT 'a@example.org', '', '', '', id, $1 FROM roles WHERE name = 'school_admin' RETURNING id",
        gate.place.schools["near"],
    )
    token = people.sign_in("school_admin", gate.place.schools["near"], user[0]["id"])
    await schemathesis(gate, tmp_path, version, token, limits=version == "v1")


async def test_every_route_keeps_to_its_document_for_nobody(gate: Gate, tmp_path: Path) -> None:
    await schemathesis(gate, tmp_path, "v1", None, limits=False)


async def test_readers_routes_keep_to_the_document(gate: Gate, tmp_path: Path) -> None:
    await schemathesis(gate, tmp_path, "v1", gate.place.keys["gate"], "--include-tag", "readers")
