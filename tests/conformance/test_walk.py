"""CONTRIBUTING.md's walk from a migration to OpenAPI, done in a copy of this tree: its blocks are written where the
words before them say, and the tests that it names pass on what came of it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("hub", "migrations", "tests", "pyproject.toml")
_WHERE = "(New file|Below the last permission of|At the end of)"
PLACED = re.compile(_WHERE + r" `([^`]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(pytest .*?)\n```$", re.MULTILINE)
LAST_PERMISSION = re.compile(r'(.*^    \w+ = "\w+:\w+"\n)', re.MULTILINE | re.DOTALL)


def walk() -> str:
    """The section, from its heading to the next."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return re.split(r"^## ", text[text.index("## Adding a resource") + 3 :], flags=re.MULTILINE)[0]


def place(copy: Path, where: str, name: str, block: str) -> None:
    path = copy / name
    if where == "New file":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
    elif where == "At the end of":
        path.write_text(path.read_text() + "\n\n" + block)
    else:
        path.write_text(LAST_PERMISSION.sub(lambda found: found[1] + block, path.read_text(), count=1))


def run(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "_migrations"))
        else:
            shutil.copy(ROOT / name, folder / name)
    blocks = PLACED.findall(walk())
    assert len(blocks) == walk().count("```") // 2 - 1, "a block does not say where it goes"
    for where, name, block in blocks:
        place(folder, where, name, block)
    return folder


def test_the_walk_is_in_the_document_and_in_style(copy: Path) -> None:
    code = "import json;from hub.resources import declared_routes as d;from hub.rest.openapi import document as o;"
    found = subprocess.run(
        [sys.executable, "-c", code + "print(json.dumps(o('v1', d())['paths']['/api/v1/lockers']))"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"x-permission": "lockers:create"' in found.stdout
    run(copy, "ruff", "check", "hub", "tests/conformance/things.py")
    run(copy, "ruff", "format", "--check", "hub", "tests/conformance/things.py")


@pytest.mark.service
def test_the_tests_that_the_walk_names_pass(copy: Path) -> None:
    (command,) = COMMANDS.findall(walk())
    report = run(copy, *shlex.split(command), "-q", "-p", "no:cacheprovider")
    passed = re.search(r"(\d+) passed", report)
    assert passed is not None
    assert int(passed[1]) > 25, report
