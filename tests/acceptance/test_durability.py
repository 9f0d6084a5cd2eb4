"""No answer leaves before the sync that covers it has returned: shown by tracing a real server's system calls.

A killed process cannot tell a synced journal from a cached one, because the page cache outlives it. So the trace is
replayed on a disk that loses power at each answer, and in the middle of commits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.load import Load
from tests.acceptance.power import SYNCS, judge
from tests.acceptance.school import School
from tests.acceptance.trace import COMMAND, Call, read_trace

pytestmark = pytest.mark.service

# One replay of 1,000 scans with 1 KB each is 300 pages; after 4,000 the WAL is copied into the main file.
REPLAYS = 15


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Room for a trace of a quarter of a gigabyte, which nobody keeps."""
    with short_directory() as place:
        yield place


@pytest.fixture
def tools() -> None:
    """strace; the Makefile installs it where it can."""
    if shutil.which("strace") is None:
        assert not os.environ.get("CI"), "strace is not installed"
        pytest.skip("strace is not installed: durability was not shown")


def replay(hub: Hub, school: School) -> set[UUID]:
    """A thousand scans that a reader decided itself; those that the hub says it has kept."""
    now = datetime.now(UTC).isoformat()
    items = [
        {
            "scanId": str(uuid4()),
            "qrCode": school.door.codes[0],
            "accessTime": now,
            "decision": "granted",
            "deviceInfo": {"padding": "x" * 950},
        }
        for _ in range(1000)
    ]
    status, answer = hub.http("/api/v1/access-logs", {"items": items}, school.door.key)
    assert status == 200, answer
    return {UUID(item["scanId"]) for item in answer["items"] if item["final"]}


@pytest.mark.usefixtures("tools")
def test_no_answer_leaves_before_its_sync_has_returned(school: School, directory: Path, scratch: Path) -> None:
    trace = scratch / "trace"
    told: set[UUID] = set()
    with Hub(school.url, directory, before=(*COMMAND, "-o", str(trace))) as hub:
        hub.wait_ready()
        with Load(hub.port, school.doors, http=4, sockets=3, in_flight=4) as load:
            load.wait_kept(300)
            for _ in range(REPLAYS):
                told |= replay(hub, school)
            load.wait_kept(150)
        assert hub.stop() == 0
    told |= {UUID(scan.id) for scan in load.ledger.scans.values() if scan.kept}

    calls = read_trace(trace)
    verdict = judge(calls, directory, hub.port, scratch / "cut", tear=12)
    print(f"answers={len(verdict.answers)} syncs={verdict.syncs} torn={verdict.torn} early={len(verdict.early)}")
    assert verdict.answers == told  # the trace has seen every answer that was read
    assert not verdict.early
    assert verdict.torn > 0
    assert verdict.checkpoints > 2  # in the middle, and at the end

    assert_that_the_judge_would_notice(calls, directory, hub.port, scratch)


def assert_that_the_judge_would_notice(calls: list[Call], directory: Path, port: int, scratch: Path) -> None:
    """The same trace of a recorder that does not sync its WAL, and of one that answers first."""
    lazy = [call for call in calls if not (call.name in SYNCS and call.where.endswith("-wal"))]
    assert judge(lazy, directory, port, scratch / "lazy", enough=1).early
    hasty = [_as_if_later(call) if call.name in SYNCS else call for call in calls]
    assert judge(hasty, directory, port, scratch / "hasty", enough=1).early


def _as_if_later(call: Call) -> Call:
    """A sync that returns a hundred lines further down."""
    return Call(call.name, call.where, call.data, call.offset, call.result, call.entered, call.left + 100)
