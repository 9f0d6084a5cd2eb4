"""HTTP verify as it is usually built: FastAPI and asyncpg, two selects and one insert a scan.

`python -m loadtests.peers.verify PORT URL [--bare-pool]` serves it with uvicorn, uvloop and httptools in one process.
The answer has the fields of ours, and leaves when PostgreSQL has committed the insert, so that it keeps the same
promise. It decides on less than ours (status and dates), is under no row-level security, and the table that it writes
is not partitioned: each of these is in its favour. Statements are prepared (asyncpg keeps them), and the answer is
encoded without being validated again. asyncpg's pool resets a connection whenever a request gives it back, which is one
more round trip; `--bare-pool` leaves that out.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

POOL = 16
TABLE = """
CREATE TABLE IF NOT EXISTS peer_access_logs
    (LIKE access_logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)
"""
SELECT_POINT = """
SELECT a.id, a.school_id, a.access_type, a.is_active
FROM device_keys k JOIN access_points a ON a.id = k.access_point_id
WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
"""
SELECT_PASS = """
SELECT p.id, p.pass_number, p.status, p.issue_date, p.expiry_date, s.id AS student_id, s.first_name, s.last_name
FROM passes p JOIN students s ON s.id = p.student_id
WHERE p.qr_code = $1 AND p.school_id = $2
"""
INSERT_LOG = """
INSERT INTO peer_access_logs
    (id, school_id, student_id, pass_id, access_point_id, access_time, access_type, status, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class Verify(BaseModel):
    qrCode: Annotated[str, Field(min_length=1, max_length=1024)]
    scanId: UUID
    direction: Literal["entry", "exit"] | None = None


async def _no_reset(_: object) -> None:
    """What a request has set on its connection stays set for the next."""


def application(url: str, *, bare_pool: bool) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reset = _no_reset if bare_pool else None
        async with asyncpg.create_pool(url, min_size=POOL, max_size=POOL, reset=reset) as pool:
            await pool.execute(TABLE)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post("/api/v1/passes/verify")
    async def verify(scan: Verify, authorization: Annotated[str, Header()]) -> JSONResponse:
        key = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
        now = datetime.now(UTC)
        async with app.state.pool.acquire() as connection:
            point = await connection.fetchrow(SELECT_POINT, key)
            if point is None or not point["is_active"]:
                raise HTTPException(401)
            found = await connection.fetchrow(SELECT_PASS, scan.qrCode, point["school_id"])
            reason = _fault(found, now)
            status = "granted" if reason is None else "denied"
            ids = (None, None) if found is None else (found["student_id"], found["id"])
            where = (point["school_id"], *ids, point["id"])
            await connection.execute(INSERT_LOG, scan.scanId, *where, now, scan.direction, status, reason)
        return JSONResponse(_answer(scan, point, found, status, reason, now))

    return app


def _fault(found: asyncpg.Record | None, now: datetime) -> str | None:
    if found is None:
        return "unknown_pass"
    if found["status"] != "active":
        return f"{found['status']}_pass"
    return None if found["issue_date"] <= now.date() <= found["expiry_date"] else "expired_pass"


def _answer(
    scan: Verify,
    point: asyncpg.Record,
    found: asyncpg.Record | None,
    status: str,
    reason: str | None,
    now: datetime,
) -> dict[str, Any]:
    student = pass_ = None
    if found is not None:
        name = f"{found['first_name']} {found['last_name']}"
        student = {"id": str(found["student_id"]), "name": name, "photoUrl": None}
        expiry = found["expiry_date"].isoformat()
        pass_ = {"id": str(found["id"]), "passNumber": found["pass_number"], "expiryDate": expiry}
    return {
        "scanId": str(scan.scanId),
        "decision": status,
        "valid": reason is None,
        "reason": reason,
        "student": student,
        "pass": pass_,
        "accessPointId": str(point["id"]),
        "accessTime": now.isoformat().replace("+00:00", "Z"),
        "stale": False,
    }


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[2], bare_pool="--bare-pool" in sys.argv),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
