"""Settings: every one is described, a bad or unknown one stops the start by its name, and none is shown."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.config import Settings, decode_key, load_settings, require, to_environment, variable
from hub.errors import SettingsError

SECRET = base64.urlsafe_b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUB_")]:
        monkeypatch.delenv(name)


def test_everything_has_a_default_and_a_meaning_and_no_secret_has_one() -> None:
    settings = load_settings()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description[-1] != ".", name
    assert (settings.host, settings.port, settings.workers, settings.log_level) == ("127.0.0.1", 8080, 2, "info")
    assert settings.journal_timeout_ms == 500
    assert (settings.reader_max_in_flight, settings.reader_max_frame, settings.reader_max_malformed) == (64, 65536, 10)
    assert settings.secret_key is settings.database_url is settings.redis_url is None


def test_the_environment_is_read_and_a_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PORT", "9000")
    monkeypatch.setenv("HUB_JOURNAL_DIR", "/var/lib/passhub")
    assert (load_settings().port, load_settings().journal_dir) == (9000, Path("/var/lib/passhub"))
    assert load_settings(port=9001, workers=None).port == 9001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_PORT", "0"),
        ("HUB_PORT", "http"),
        ("HUB_WORKERS", "-1"),
        ("HUB_LOG_LEVEL", "loud"),
        ("HUB_DATABASE_URL", "mysql://u:topsecret@h/d"),
        ("HUB_REDIS_URL", "http://topsecret@h"),
        ("HUB_SECRET_KEY", "topsecret"),
        ("HUB_SECRET_KEY", base64.urlsafe_b64encode(b"topsecret").decode()),
        ("HUB_JOURNAL_MAX_BYTES", "10"),
        ("HUB_READER_MAX_FRAME", "100"),
        ("HUB_RETIRE_TIMEOUT", "0"),
        ("HUB_SMTP_FROM", "School <topsecret@school.example>"),
        ("HUB_SMTP_FROM", "topsecret"),
        ("HUB_SMTP_FROM", "topsecret@school@example"),
        ("HUB_SMTP_FROM", "topsecret@"),
    ],
)
def test_a_bad_one_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: ")
    assert "topsecret" not in str(raised.value)
    assert "Value error" not in str(raised.value)


def test_every_bad_one_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PORT", "x")
    monkeypatch.setenv("HUB_WORKERS", "x")
    with pytest.raises(SettingsError, match=r"HUB_PORT: .*; HUB_WORKERS: "):
        load_settings()


def test_unknown_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_PROT", "1")
    monkeypatch.setenv("HUB_WORKER", "2")
    with pytest.raises(SettingsError, match="unknown setting HUB_PROT, HUB_WORKER;"):
        load_settings()


def test_a_secret_is_not_shown_and_a_missing_one_is_named() -> None:
    settings = load_settings(database_url="postgresql://u:topsecret@h/d", secret_key=SECRET)
    assert "topsecret" not in repr(settings)
    assert SECRET not in repr(settings)
    assert require(settings.database_url, "database_url") == "postgresql://u:topsecret@h/d"
    with pytest.raises(SettingsError, match="HUB_REDIS_URL is not set"):
        require(settings.redis_url, "redis_url")


def test_a_child_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(
        port=9000, database_url="postgresql://h/d", secret_key=SECRET, journal_max_bytes=5_000_000, log_format="console"
    )
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
    assert variable("journal_max_bytes") == "HUB_JOURNAL_MAX_BYTES"


def test_a_key_is_32_bytes_in_base64url_padded_or_not() -> None:
    assert decode_key(SECRET) == decode_key(SECRET.rstrip("=")) == bytes(range(32))
    for bad in ("", "x", SECRET[:-4], SECRET + "AAAA", "é" * 43):
        with pytest.raises(ValueError, match="32 bytes in base64url"):
            decode_key(bad)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1
