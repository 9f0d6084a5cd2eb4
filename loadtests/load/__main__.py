"""`make load`: the three kinds of users against a demo of their own, or against `--host`; exit status 1 on a threshold.

    python -m loadtests.load [--users 20] [--run-time 30s] [any option of locust's, or of loadtests/load/options.py]

What is given wins over the defaults here. With --host, or with --demo-json, nothing is started but the load.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from loadtests.load.demo import running_demo
from loadtests.load.targets import LoadError

ROOT = Path(__file__).resolve().parents[2]
# Some 90 scans a second: two cores carry the demo, its database and the load.
DEFAULTS = (
    "--headless",
    "--only-summary",
    "--loglevel",
    "WARNING",
    "--users",
    "20",
    "--spawn-rate",
    "20",
    "--run-time",
    "30s",
)
SOMEBODY_ELSES = ("--host", "-H", "--demo-json")
ONLY_ASKS = ("--help", "-h", "--version", "-V")


def starts_a_demo(arguments: Sequence[str]) -> bool:
    """Whether nobody says what to load."""
    names = {argument.split("=", 1)[0] for argument in arguments}
    return not names & {*SOMEBODY_ELSES, *ONLY_ASKS}


def locust(arguments: Sequence[str]) -> int:
    """Runs it until it ends; Ctrl-C and SIGTERM reach it, and it prints its table all the same."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests/locustfile.py"), *DEFAULTS, *arguments]
    with subprocess.Popen(command, cwd=ROOT) as process:
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal tells locust too; there is tidying up to do here
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own = starts_a_demo(arguments)
    try:
        if own:
            print("starting a demo to load …", flush=True)
        with running_demo(ROOT) if own else nullcontext() as document:
            return locust([*arguments, *(() if document is None else ("--demo-json", str(document)))])
    except LoadError as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
