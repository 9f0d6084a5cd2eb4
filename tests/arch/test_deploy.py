"""The compose file and the image say what the program knows; the schema itself is checked by `make lint`."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.config import Settings, variable
from hub.version import __version__

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (ROOT / "deploy/example.env").read_text()
SETTINGS = {variable(name) for name in Settings.model_fields}


def test_every_setting_named_is_one() -> None:
    files = ("deploy/compose.yaml", "deploy/example.env", "Dockerfile")
    named = {found for file in files for found in re.findall(r"\bHUB_[A-Z_]+[A-Z]\b", (ROOT / file).read_text())}
    assert named
    assert named <= SETTINGS


def test_what_compose_asks_for_is_in_the_example() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "deploy/compose.yaml").read_text())) == example


def test_what_the_example_offers_reaches_the_hub() -> None:
    """Those that are commented out too. What compose gives a value itself wins, so it may not be offered."""
    hub = SERVICES["hub"]
    assert hub["env_file"] == [{"path": ".env", "required": False}]
    offered = set(re.findall(r"^#?(HUB_[A-Z_0-9]+)=", EXAMPLE, re.MULTILINE))
    assert {"HUB_WORKERS", "HUB_TRUSTED_PROXIES", "HUB_TLS_CERT", "HUB_TLS_KEY"} <= offered
    for name in offered & set(hub["environment"]):
        assert f"${{{name}:" in hub["environment"][name]


def test_the_certificate_of_the_example_is_in_a_folder_that_the_hub_has() -> None:
    mounts = dict(volume.split(":")[1::-1] for volume in SERVICES["hub"]["volumes"])
    folders = {Path(path).parent for path in re.findall(r"^#HUB_TLS_[A-Z]+=(\S+)$", EXAMPLE, re.MULTILINE)}
    (source,) = (mounts[str(folder)] for folder in folders)
    assert f"{Path('deploy', source)}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_secret_is_written_down() -> None:
    for line in EXAMPLE.splitlines():
        assert not re.match(r"[A-Z_]*(PASSWORD|SECRET)[A-Z_]*=.", line)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_hemmed_in(service: str) -> None:
    declared = SERVICES[service]
    assert declared["read_only"] is True
    assert declared["security_opt"] == ["no-new-privileges:true"]
    assert declared["restart"] in {"no", "unless-stopped"}
    assert bool(declared.get("ports")) == (service == "hub")


def test_the_stores_are_out_of_reach_from_outside() -> None:
    assert COMPOSE["networks"]["stores"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["stores"]


def test_the_hub_waits_for_the_schema_and_keeps_its_journal() -> None:
    hub = SERVICES["hub"]
    assert hub["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    dockerfile = (ROOT / "Dockerfile").read_text()
    (journal,) = re.findall(r"HUB_JOURNAL_DIR=(\S+)", dockerfile)
    assert f"journal:{journal}" in hub["volumes"]
    assert f"\nVOLUME {journal}\n" in dockerfile


def test_versions_agree() -> None:
    assert SERVICES["hub"]["image"] == f"passhub:{__version__}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (image,) = re.findall(r"^ARG BASE=python:3\.(\d+)-slim$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (floor,) = re.findall(r"^>=3\.(\d+)$", project["requires-python"])
    assert int(image) >= int(floor)
