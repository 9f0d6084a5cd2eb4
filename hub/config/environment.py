"""Settings from `HUB_*` variables, and back into them for a child process."""

from __future__ import annotations

import os
from typing import Any

from pydantic import SecretStr, ValidationError

from hub.config.kinds import PREFIX
from hub.config.settings import Settings
from hub.errors import SettingsError


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; `overrides` (from command-line flags) win over it.

    Raises SettingsError that names each unknown or bad variable; values are not repeated, they may be secrets.
    """
    unknown = unknown_variables()
    if unknown:
        raise SettingsError(f"unknown setting {', '.join(unknown)}; `passhub settings` lists the known ones")
    settings, faults = usable_settings(**overrides)
    if faults:
        raise SettingsError("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
    return settings


def unknown_variables() -> list[str]:
    """The environment's HUB_* variables that are no setting."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def usable_settings(**overrides: Any) -> tuple[Settings, dict[str, str]]:
    """Settings with the default in the place of each bad value, and what is bad: variable → fault, values not repeated.

    For `passhub doctor`, which looks at all the rest nevertheless; whatever serves uses `load_settings`.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given), {}
    except ValidationError as error:
        bad = {str(e["loc"][0]): _plain(e["msg"]) for e in error.errors() if e["loc"]}
    good = {name: value for name, value in given.items() if name not in bad}
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name in bad}
    return Settings(**good, **defaults), {variable(name): fault for name, fault in bad.items()}


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def require(value: SecretStr | None, field: str) -> str:
    """The secret's text, or SettingsError that names the variable to set."""
    if value is None:
        raise SettingsError(f"{variable(field)} is not set; `passhub settings` says what it means")
    return value.get_secret_value()


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that make a child process read these very settings."""
    variables: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            variables[variable(name)] = _text(value)
    return variables
