"""The environment: every HUB_* variable is a setting, and its value can be used."""

from __future__ import annotations

from difflib import get_close_matches

from hub.config import Settings, key_ring, variable
from hub.supervisor.doctor.findings import Notes, many

NEW_KEY = "passhub settings --new-secret-key"


def examine(settings: Settings, unknown: list[str], bad: dict[str, str], notes: Notes) -> None:
    """`unknown`: variables that are no setting; `bad`: variable → what is wrong with its value."""
    known = [variable(name) for name in Settings.model_fields]
    for name in unknown:
        close = get_close_matches(name, known, n=1)
        meant = f"if it is to be {close[0]}, rename it; else remove it" if close else "remove it"
        notes.fault(name, "is no setting, and stops every start", f"{meant} (passhub settings lists all)")
    for name, fault in bad.items():
        notes.fault(name, f"cannot be used: {fault}", f"correct {name}; its default is looked at here meanwhile")
    if not unknown and not bad:
        given = [variable(name) for name in Settings.model_fields if name in settings.model_fields_set]
        listed = f"; set: {', '.join(given)}" if given else ""
        notes.right("variables", f"{many(len(given), 'setting')} of {len(known)} set, none unknown or bad{listed}")
    _secret_key(settings, bad, notes)


def _secret_key(settings: Settings, bad: dict[str, str], notes: Notes) -> None:
    if settings.secret_key is not None:
        notes.right("secret key", "HUB_SECRET_KEY is set, 32 bytes")
    elif settings.data_keys is not None:
        notes.right("secret key", f"HUB_DATA_KEYS is set, {many(len(key_ring(settings).ids), 'key')}")
    elif variable("secret_key") not in bad and variable("data_keys") not in bad:
        notes.fault(
            "secret key",
            "HUB_SECRET_KEY is not set: signing keys and sensitive fields cannot be opened",
            f"set the key that this installation was made with; for a new one: {NEW_KEY}",
        )
