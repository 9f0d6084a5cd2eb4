"""`passhub retention` as an operator runs it: what would go, what went, and what the audit says afterwards."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.acceptance.school import School
from tests.acceptance.test_audit import passhub

pytestmark = pytest.mark.service

AUDIT = base64.urlsafe_b64encode(bytes([3]) * 32).decode()


def test_what_would_go_is_said_then_goes_and_the_audit_is_still_trusted(school: School, directory: Path) -> None:
    own = {
        "database_url": school.url,
        "audit_key": AUDIT,
        "audit_heads": str(directory / "heads.jsonl"),
        "secret_key": AUDIT,
    }
    for days in (2000, 2000, 1):
        school.execute(
            "INSERT INTO audit_logs (action, resource_type, created_at)"
            f" VALUES ('read', 'student', now() - interval '{days} days')"
        )
        assert passhub("audit", "seal", **own)[0] == 0
    school.execute(
        "INSERT INTO access_logs (school_id, status, access_time, received_at)"
        " SELECT id, 'granted', at, at FROM schools, LATERAL (SELECT now() - interval '800 days') AS old (at)"
        " WHERE code = 'North'"
    )
    status, text = passhub("retention", "--dry-run", **own)
    assert status == 0, text
    rows = {(line.split()[0], line.split()[-1]) for line in text.splitlines()}
    assert {("access_logs", "1"), ("audit_logs", "2"), ("scan_ids", "0")} <= rows
    assert school.fetch("SELECT count(*) AS rows FROM access_logs")[0]["rows"] == 1

    status, text = passhub("retention", **own)
    assert status == 0, text
    assert {("access_logs", "1"), ("audit_logs", "2")} <= {
        (line.split()[0], line.split()[-1]) for line in text.splitlines()
    }
    assert school.fetch("SELECT count(*) AS rows FROM access_logs")[0]["rows"] == 0
    assert "nothing was too old" in passhub("retention", **own)[1]

    status, text = passhub("audit", "verify", **own)
    assert status == 0, text
    assert "pruned up to batch 2" in text
    school.execute("DELETE FROM audit_logs WHERE resource_type = 'student'")
    status, text = passhub("audit", "verify", **own)
    assert (status, "was removed" in text) == (1, True)
