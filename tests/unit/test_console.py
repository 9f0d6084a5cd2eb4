"""What is pure in the guard console, in Node: resuming after cuts, columns of a chart; and how large it is."""

import subprocess
import sys
from pathlib import Path

from loadtests.bench.console import built

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "dashboards/hatch_build.py"


def test_what_is_pure_in_the_console() -> None:
    done = subprocess.run([sys.executable, BUILDER, "test"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_no_more_than_a_quarter_of_a_megabyte() -> None:
    """Compressed, and but for what reads codes in pictures."""
    bytes_built = built()
    assert bytes_built["code"] > 0
    assert bytes_built["all"] <= 250_000


def test_nothing_of_npm_and_nothing_built_is_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    made = ("node_modules/", "hub/live/page/", "dashboards/guard/dist/", "schema.d.ts")
    assert [path for path in listed if any(part in path for part in made)] == []
