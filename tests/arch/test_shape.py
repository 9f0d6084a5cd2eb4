"""The habits that a linter has no rule for; CONTRIBUTING.md says why each is kept."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted((ROOT / "hub").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
EVERY = CODE + TESTS + sorted((ROOT / "loadtests").rglob("*.py"))

LONGEST = 400  # lines; a longer file has two subjects
VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
SQL = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s.+\sSET\s|DELETE\s+FROM\s|MERGE\s+INTO\s)", re.DOTALL)
# The journal is a SQLite file that one class owns, and another salvages; the store composes filter lists and reads the
# server's own state.
SQL_ALLOWED = ("hub/recorder/journal.py", "hub/recorder/salvage.py", "hub/store/")
ENVIRON_ALLOWED = ("hub/config/environment.py",)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def walk(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(), name(path)))


def docstrings(path: Path) -> set[int]:
    """The ids of the nodes that are documentation, not values."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = set()
    for node in walk(path):
        if isinstance(node, kinds) and node.body and isinstance(node.body[0], ast.Expr):
            found.add(node.body[0].lineno)
    return found


def test_no_file_has_two_subjects() -> None:
    long = {name(path): lines for path in EVERY if (lines := len(path.read_text().splitlines())) > LONGEST}
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [name(path) for path in EVERY if VAGUE & set(path.relative_to(ROOT).with_suffix("").parts)]
    assert vague == []


def test_the_map_names_every_room() -> None:
    text = ast.get_docstring(ast.parse((ROOT / "hub/__init__.py").read_text())) or ""
    rooms = {path.parent.name for path in (ROOT / "hub").glob("*/__init__.py")}
    assert {room for room in rooms if not re.search(rf"\b{room}\b", text)} == set()


def test_every_module_of_hub_says_what_it_is() -> None:
    silent = [
        name(path) for path in CODE if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def reads_a_variable(node: ast.AST) -> bool:
    """environ["X"], environ.get("X"), getenv("X"), "X" in environ; giving a child all of it is not reading."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Attribute) and node.value.attr == "environ"
    if isinstance(node, ast.Compare):
        return any(isinstance(side, ast.Attribute) and side.attr == "environ" for side in node.comparators)
    if isinstance(node, ast.Attribute):
        inner = node.value
        return node.attr == "getenv" or (
            node.attr == "get" and isinstance(inner, ast.Attribute) and inner.attr == "environ"
        )
    return False


def test_the_environment_is_read_in_one_place() -> None:
    readers = [
        f"{name(path)}:{node.lineno}"
        for path in CODE
        if name(path) not in ENVIRON_ALLOWED
        for node in walk(path)
        if isinstance(node, ast.expr) and reads_a_variable(node)
    ]
    assert readers == []


def test_sql_stands_in_sql_files() -> None:
    strings = [
        f"{name(path)}:{node.lineno}: {node.value.strip()[:60]}"
        for path in CODE
        if not name(path).startswith(SQL_ALLOWED)
        for prose in [docstrings(path)]
        for node in walk(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.lineno not in prose
        if SQL.match(node.value)
    ]
    assert strings == []


def named_counter(node: ast.AST) -> str | None:
    """The name, where a counter is declared: counter("x", …), counters("x", …), Family("x", "help", "counter", …)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return None
    kinds = [argument.value for argument in node.args[2:3] if isinstance(argument, ast.Constant)]
    if node.func.id in {"counter", "counters"} or (node.func.id == "Family" and kinds == ["counter"]):
        first = node.args[0]
        return str(first.value) if isinstance(first, ast.Constant) else None
    return None


def test_counters_are_named_as_prometheus_knows_them() -> None:
    """Under another name its type is not known, and a rate of it is not offered."""
    counters = [found for path in CODE for node in walk(path) if (found := named_counter(node)) is not None]
    assert len(counters) > 10
    assert [found for found in counters if not found.endswith("_total")] == []


def test_every_query_says_its_purpose() -> None:
    mute = []
    for path in sorted((ROOT / "hub").rglob("*.sql")):
        for title, following in re.findall(r"^-- (\w+) --\n(.*)", path.read_text(), re.MULTILINE):
            if not following.startswith("-- "):
                mute.append(f"{name(path)}: {title}")
    assert mute == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"#.*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    left = [
        f"{name(path)}:{number}"
        for path in EVERY
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert left == []


def skips(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_no_test_is_skipped_in_ci(path: Path) -> None:
    """A tool that is missing on a person's machine may skip a test there, in a function that fails where CI is set."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign) and skips(node):
            constants = {leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)}
            assert "CI" in constants, f"{name(path)}:{node.lineno} skips without looking at CI"
