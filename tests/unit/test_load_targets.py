"""Whom the load plays: what is read from a demo.json, who gets which user, and which hosts are let through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtests.load.__main__ import starts_a_demo
from loadtests.load.crowd import Crowd, divide
from loadtests.load.targets import Code, LoadError, Targets, Watcher, read_targets, require_loopback

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_LOCUST = (
    "__main__",
    "book",
    "comeback",
    "crowd",
    "demo",
    "kept",
    "packets",
    "rows",
    "scan",
    "signed_in",
    "targets",
    "watching",
)


def point(name: str, school: str, key: str | None = "k") -> dict[str, Any]:
    return {"id": name, "name": name, "schoolCode": school, "deviceKey": key, "accessType": "both"}


DOCUMENT: dict[str, Any] = {
    "baseUrl": "http://127.0.0.1:8080",
    "pids": {"supervisor": 1},
    "accessPoints": [point("a1", "A"), point("a2", "A"), point("a3", "A", None), point("b1", "B"), point("c1", "C")],
    "codes": {
        "granted": [{"qrCode": "SP1:A", "schoolCode": "A", "passId": "x"}, {"qrCode": "SP1:B", "schoolCode": "B"}],
        "denied": [{"qrCode": "old", "schoolCode": "A", "reason": "expired_pass"}],
    },
    "accounts": [
        {"email": "root", "password": "p", "role": "super_admin", "schoolCode": None},
        {"email": "guard", "password": "p", "role": "security", "schoolCode": "A"},
        {"email": "head", "password": "p", "role": "school_admin", "schoolCode": "A"},
        {"email": "reader", "password": "p", "role": "card_reader", "schoolCode": "B"},
        {"email": "gone", "password": None, "role": "security", "schoolCode": "B"},
    ],
}


def read(tmp_path: Path, document: object) -> Targets:
    path = tmp_path / "demo.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_targets(path)


def test_doors_of_all_schools_come_in_turn_and_only_those_that_can_be_played(tmp_path: Path) -> None:
    targets = read(tmp_path, DOCUMENT)
    assert [door.name for door in targets.doors] == ["a1", "b1", "a2"]
    assert targets.doors[0].granted == (Code("SP1:A", "granted"),)
    assert targets.doors[0].denied == (Code("old", "denied", "expired_pass"),)
    assert targets.doors[1].denied == ()
    assert (targets.base_url, targets.watchers) == ("http://127.0.0.1:8080", (Watcher("guard", "p", "A"),))


def test_an_operators_file_may_have_only_what_is_needed(tmp_path: Path) -> None:
    targets = read(
        tmp_path,
        {
            "accessPoints": [{"name": "n", "schoolCode": "A", "deviceKey": "k"}],
            "codes": {"granted": [{"qrCode": "q", "schoolCode": "A"}]},
        },
    )
    assert (len(targets.doors), targets.base_url, targets.watchers) == (1, None, ())


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not a file of the form"),
        ({"codes": {"granted": []}}, "accessPoints"),
        (DOCUMENT | {"codes": {"granted": []}}, "no access point with a deviceKey"),
        (DOCUMENT | {"accessPoints": [point("a1", "A", None)]}, "no access point with a deviceKey"),
    ],
)
def test_a_file_that_will_not_do_is_one_line(tmp_path: Path, document: object, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        read(tmp_path, document)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        read_targets(tmp_path / "nothing.json")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://127.8.8.8", "http://localhost:1", "https://[::1]:8"])
def test_this_machine_may_be_loaded(url: str) -> None:
    require_loopback(url, anywhere=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1", "https://hub.example", "http://localhost.example", "http://[::2]"])
def test_another_host_must_be_meant(url: str) -> None:
    with pytest.raises(LoadError, match="--another-host"):
        require_loopback(url, anywhere=False)
    require_loopback(url, anywhere=True)


def test_what_is_no_address_is_refused_in_any_case() -> None:
    with pytest.raises(LoadError, match="is not an address"):
        require_loopback("hub:8080", anywhere=True)


def test_users_are_divided_as_far_as_there_are_doors_and_tokens(tmp_path: Path) -> None:
    targets = read(tmp_path, DOCUMENT)
    blind = Targets(None, targets.doors, ())
    assert divide(10, None, None, targets) == Crowd(5, 3, 2)
    assert divide(100, None, None, targets) == Crowd(77, 3, 20)
    assert divide(10, None, None, blind) == Crowd(7, 3, 0)
    assert divide(1, None, None, targets) == Crowd(1, 0, 0)
    assert divide(3, 0, 3, targets) == Crowd(0, 0, 3)
    for users, readers, screens, said in ((9, 4, 0, "the file has 3"), (2, 1, 2, "--users 2"), (0, 0, 0, "--users 0")):
        with pytest.raises(LoadError, match=said):
            divide(users, readers, screens, targets)
    with pytest.raises(LoadError, match="an account of a school"):
        divide(9, None, 1, blind)


def test_a_demo_is_started_only_when_nobody_says_what_to_load() -> None:
    assert starts_a_demo(["--users", "3"])
    for given in (["--host", "http://127.0.0.1:1"], ["--demo-json=x"], ["-H", "y"], ["--help"]):
        assert not starts_a_demo(given)


def test_what_is_tested_here_does_not_patch_the_standard_library() -> None:
    """Importing locust does; a process that had imported it could not run the other tests."""
    modules = ", ".join(f"loadtests.load.{name}" for name in WITHOUT_LOCUST)
    script = f"import sys, {modules}; print([m for m in ('gevent', 'locust') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
