"""What a person sends stands in no line of the log: markers go into every place of a request, and are looked for."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
import structlog

from hub.config import Settings
from tests.integration.rest.site import site_running
from tests.integration.rest.small import ROUTES

MARKER = "MARKER"


async def test_no_line_holds_what_was_sent(settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as records:
        async with site_running(settings(rate_anonymous=10_000), ROUTES) as site:
            site.people.known[f"token-{MARKER}"] = site.people.known[site.token()]
            token, headers = f"token-{MARKER}", {"User-Agent": MARKER, "Cookie": f"passhub={MARKER}", "X-Other": MARKER}
            for method, path, body in (
                ("POST", "/api/v1/things", {"name": MARKER}),
                ("POST", "/api/v1/things", {"name": MARKER}),  # a name twice: PostgreSQL's own words would repeat it
                ("POST", "/api/v1/things", {"name": MARKER * 50, MARKER: 1}),
                ("POST", "/api/v1/things", b'{"name": "MARKER'),
                ("POST", "/api/v1/broken", None),
                ("POST", "/api/v1/forgotten", None),
                ("GET", f"/api/v1/looking?word={MARKER}&{MARKER}=1", None),
                ("GET", f"/api/v1/students/{MARKER}", None),
                ("GET", f"/{MARKER}?{MARKER}", None),
                ("GET", "/api/v1/hello", None),
                (MARKER, f"/{quote(MARKER)}", None),
            ):
                await site.ask(method, path, token, body, headers=headers)
            await site.ask("GET", "/api/v1/looking", f"wrong-{MARKER}", headers=headers)
            failed = await site.ask("POST", "/api/v1/broken", token, headers={"X-Request-ID": "r-42"})
    assert failed.status == 500
    assert not [record for record in records if MARKER in repr(record)]
    assert MARKER not in caplog.text
    requests = [record for record in records if record["event"] == "request"]
    assert {record["status"] for record in requests} >= {200, 201, 400, 401, 404, 500}
    assert all(record["request_id"] for record in requests)
    of_one = [record for record in records if record.get("request_id") == "r-42"]
    assert {record["event"] for record in of_one} == {"a request failed", "request"}
    assert of_one[0]["fault"] == "UniqueViolationError"
