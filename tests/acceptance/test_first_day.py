"""docs/first-day.md, command by command, on a server of its own that begins with an empty database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.hub import short_directory
from tests.acceptance.program import ROOT, free_port
from tests.conftest import SECRET_KEY
from tests.services import Cluster

pytestmark = pytest.mark.service

PAGE = (ROOT / "docs" / "first-day.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
#: Whatever was started in the background ends with the script, and has ended when it returns.
ENDING = "trap 'kill $(jobs -p) 2> /dev/null; wait' EXIT\n"
BY_HAND = "forgot the card; known to me"


@pytest.fixture
def script(cluster: Cluster) -> subprocess.CompletedProcess[str]:
    """All blocks as one script of bash, which stops at the first command that fails."""
    name = cluster.create(template=None)
    with short_directory() as place:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HUB_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HUB_DATABASE_URL": cluster.url(name),
            "HUB_SECRET_KEY": SECRET_KEY,
            "HUB_JOURNAL_DIR": str(place / "journal"),
            "HUB_PORT": str(free_port()),
            "HUB_WORKERS": "1",
            "ADMIN_PASSWORD": "two owls and a lantern",
        }
        try:
            return subprocess.run(
                ["bash", "-euo", "pipefail", "-c", ENDING + "".join(BLOCKS)],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        finally:
            cluster.drop(name)


def test_the_first_day(script: subprocess.CompletedProcess[str]) -> None:
    said = [line for line in script.stdout.splitlines() if not line.startswith('{"event"')]
    assert script.returncode == 0, script.stdout[-4000:] + script.stderr[-4000:]
    shown = [json.loads(line) for line in said if line.startswith("{") and "level" not in line]
    job, scan, logged, by_hand = shown
    assert "Mathematics" in said
    assert (job["status"], job["result"]["created"], job["result"]["passes"]) == ("finished", 500, 500)
    assert "500" in said
    assert scan == {"decision": "granted", "reason": None, "student": "Zoë Quillfeather"}
    assert logged["status"] == "granted"
    assert (by_hand["status"], by_hand["reason"], bool(by_hand["recordedBy"])) == ("granted", BY_HAND, True)
