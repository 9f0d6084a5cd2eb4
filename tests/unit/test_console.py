"""What is pure in the guard console, in Node: resuming after cuts, columns of a chart; and when the page is due."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "dashboards/hatch_build.py"


def test_what_is_pure_in_the_console() -> None:
    done = subprocess.run([sys.executable, BUILDER, "test"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_npm_and_nothing_built_is_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    made = ("node_modules/", "hub/live/page/", "dashboards/guard/dist/", "schema.d.ts")
    assert [path for path in listed if any(part in path for part in made)] == []
