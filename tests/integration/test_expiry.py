"""Past its last local day a pass is marked expired, wherever its school is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from hub.config import Settings
from hub.jobs import housekeeping
from hub.store.pg import Pg, Role
from tests.integration.rows import add_school


async def test_passes_expire_with_the_day_of_their_school(
    database: str, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EXPIRED_AT_ONCE", 2)
    connection = await asyncpg.connect(database)
    expected = {}
    now = datetime.now(UTC)
    try:
        for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "No/Where"):
            school = await add_school(connection, zone)
            await connection.execute("UPDATE schools SET timezone = $2 WHERE id = $1", school, zone)
            today = now.astimezone(UTC if zone == "No/Where" else ZoneInfo(zone)).date()
            for days in (-400, -1, 0, 1):
                for status in ("active", "inactive", "revoked"):
                    code = f"{zone} {days} {status}"
                    await connection.execute(
                        "INSERT INTO passes (school_id, pass_number, qr_code, issue_date, expiry_date, status)"
                        " VALUES ($1, $2, $2, '2020-01-01', $3, $4)",
                        *(school, code, today + timedelta(days=days), status),
                    )
                    expected[code] = "expired" if days < 0 and status == "active" else status
        pg = await Pg.open(settings(), [Role.hub_system])
        try:
            await housekeeping.expire_passes(pg)
            await housekeeping.expire_passes(pg)
        finally:
            await pg.close()
        rows = await connection.fetch("SELECT qr_code, status FROM passes")
        history = await connection.fetch("SELECT kind, user_id FROM pass_history")
    finally:
        await connection.close()
    assert {row["qr_code"]: row["status"] for row in rows} == expected
    assert [(row["kind"], row["user_id"]) for row in history] == [("expired", None)] * 10
