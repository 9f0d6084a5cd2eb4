"""What `passhub doctor` says of the place for files and of the scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.config import Settings, load_settings
from hub.supervisor.doctor.files import examine
from hub.supervisor.doctor.findings import Level, Notes
from tests.buckets import bucket_at
from tests.clamd import ClamdProcess


async def found(settings: Settings, bad: dict[str, str] | None = None) -> dict[str, tuple[Level, str]]:
    notes = Notes("files")
    await examine(settings, bad or {}, notes)
    return {one.check: (one.level, one.says) for one in notes.findings}


def made_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_place_and_a_scanner_that_answer(place: dict[str, Any], clamd: ClamdProcess, tmp_path: Path) -> None:
    seen = await found(load_settings(secret_key="A" * 43, clamd_url=clamd.url, **place))
    assert {check: level for check, (level, _) in seen.items()} == {"store": Level.right, "viruses": Level.right}
    assert seen["viruses"][1].startswith("ClamAV")
    assert made_in(tmp_path) == []


async def test_none_is_no_fault() -> None:
    assert (await found(load_settings()))["store"][0] is Level.right


async def test_a_bucket_that_is_not_there_or_does_not_answer(moto: str, unused_tcp_port: int) -> None:
    for where, says in ((moto, "NoSuchBucket"), (f"http://127.0.0.1:{unused_tcp_port}", "does not answer")):
        level, text = (await found(load_settings(**bucket_at(where))))["store"]
        assert (level, says in text) == (Level.fault, True)
        assert "secret" not in text


async def test_a_directory_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    seen = await found(load_settings(secret_key="A" * 43, files_dir=tmp_path / "file" / "below"))
    assert seen["store"][0] is Level.fault


async def test_without_a_scanner_it_says_what_follows(tmp_path: Path) -> None:
    own: dict[str, Any] = {"secret_key": "A" * 43, "files_dir": tmp_path}
    level, text = (await found(load_settings(**own)))["viruses"]
    assert (level, "no photo or document is taken" in text) == (Level.warning, True)
    level, text = (await found(load_settings(**own, files_unscanned="serve")))["viruses"]
    assert (level, "nothing looks" in text) == (Level.warning, True)
    away = load_settings(**own, clamd_url=f"unix://{tmp_path}/nobody.sock")
    assert (await found(away))["viruses"][0] is Level.fault


async def test_what_is_set_wrong_is_not_asked() -> None:
    assert (await found(load_settings(), {"HUB_CLAMD_URL": "bad"}))["store"][0] is Level.skipped
