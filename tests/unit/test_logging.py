"""A line that cannot be logged is lost, and nothing besides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import structlog
from hub.config import load_settings
from hub.logs import configure

configure(load_settings(log_level="debug"), "test")
log = structlog.get_logger(__name__)
{before}
for _ in range(100):
    log.debug("a fault", of="x" * 200)
    log.info("a fault")
    log.warning("a fault")
    log.error("a fault")
    try:
        raise RuntimeError
    except RuntimeError:
        log.exception("a fault")
print("still here")
"""


@pytest.mark.parametrize("before", ["", "sys.stderr.close()"])
def test_who_logs_goes_on_without_a_place_for_it(before: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(before=before)],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )
    assert (done.stdout, done.returncode) == ("still here\n", 0)
