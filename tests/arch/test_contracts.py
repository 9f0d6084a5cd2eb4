"""Each import contract is seen to catch a fault planted for it; a contract that catches nothing is decoration."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# contract id, file (made, or appended to), the line planted there, what lint-imports has to say
FAULTS = [
    ("layers", "hub/domain/planted.py", "import hub.config", "hub.domain is not allowed to import hub.config"),
    ("layers", "hub/store/planted.py", "import hub.index", "hub.store is not allowed to import hub.index"),
    ("layers", "hub/recorder/planted.py", "import hub.index", "hub.recorder is not allowed to import hub.index"),
    ("layers", "hub/version.py", "import hub.errors", "hub.version is not allowed to import hub.errors"),
    ("layers", "hub/planted.py", "", "- hub.planted"),
    ("resources", "hub/resources/planted_a/routes.py", "import hub.resources.planted_b", "planted_a is not allowed"),
    ("pure", "hub/domain/planted.py", "import aiohttp", "hub.domain is not allowed to import aiohttp"),
    ("pure", "hub/index/index.py", "import socketio", "hub.index.index is not allowed to import socketio"),
    ("pure", "hub/index/index.py", "import hub.store.planted", "hub.index.index is not allowed to import asyncpg"),
    ("store", "hub/gate/planted.py", "from asyncpg.exceptions import PostgresError", "hub.gate.planted -> asyncpg"),
    ("store", "hub/live/planted.py", "import redis.asyncio", "hub.live.planted -> redis"),
    ("jobs", "hub/rest/planted.py", "import pgqueuer", "hub.rest.planted -> pgqueuer"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "hub", tmp_path / "hub", ignore=shutil.ignore_patterns("__pycache__", "*.sql"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    plant(tmp_path, "hub/__init__.py", "")  # were it missing, Python would merge the copy with the installed hub
    plant(tmp_path, "hub/store/planted.py", "import asyncpg")  # allowed there; index.index reaches it in one fault
    for name in ("planted_a", "planted_b"):
        plant(tmp_path, f"hub/resources/{name}/__init__.py", "")
    return tmp_path


def plant(tree: Path, file: str, line: str) -> None:
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as out:
        out.write(f"\n{line}\n")


def lint(tree: Path, contract: str | None = None) -> tuple[int, str]:
    """lint-imports on the copy, not on the installed hub: the working directory comes first on sys.path."""
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    chosen = [] if contract is None else ["--contract", contract]
    ran = subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo", *chosen],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def test_the_tree_keeps_every_contract(copy: Path) -> None:
    code, output = lint(copy)
    assert code == 0, output
    assert "6 kept, 0 broken" in output


@pytest.mark.parametrize(("contract", "file", "line", "said"), FAULTS, ids=[f"{f[0]}: {f[1]}: {f[2]}" for f in FAULTS])
def test_a_planted_fault_is_caught(copy: Path, contract: str, file: str, line: str, said: str) -> None:
    plant(copy, file, line)
    code, output = lint(copy, contract)
    assert code == 1, output
    assert "0 kept, 1 broken" in output
    assert said in output
