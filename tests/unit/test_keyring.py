"""Several keys: the first seals, all open, and what a value begins with tells which one it was."""

from __future__ import annotations

import base64

import pytest

from hub.config import audit_seeds, decode_keys, key_ring, load_settings
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing, id_of
from hub.domain.vault import HEAD_BYTES, SealBroken, seal, unseal
from hub.errors import SettingsError

OLD, NEW, OTHER = (bytes([n]) * 32 for n in (1, 2, 3))
OLD_TEXT, NEW_TEXT = (base64.urlsafe_b64encode(key).decode() for key in (OLD, NEW))


def test_the_first_seals_and_all_open() -> None:
    ring = KeyRing([NEW, OLD])
    assert unseal(NEW, ring.seal(b"x", b"here"), b"here") == b"x"
    assert ring.unseal(seal(OLD, b"x", b"here"), b"here") == b"x"
    assert ring.seal(b"", b"").startswith(ring.head)
    assert ring.ids == [id_of(seal(key, b"", b"")[:HEAD_BYTES]) for key in (NEW, OLD)]


SEALED = {"nothing": b"", "a byte": b"\x01", "noughts": bytes(40), "of another key": seal(OTHER, b"x", b"here")}


@pytest.mark.parametrize("sealed", SEALED.values(), ids=SEALED)
def test_what_no_key_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken, match="another key"):
        KeyRing([NEW, OLD]).unseal(sealed, b"here")


def test_a_search_finds_what_any_key_has_indexed() -> None:
    school = new_id()
    ring = KeyRing([NEW, OLD])
    found = ring.blind_indexes("phone", school, "+49 30 1")
    assert found == [KeyRing([key]).blind_index("phone", school, "+49 30 1") for key in (NEW, OLD)]
    assert ring.blind_index("phone", school, "+49 30 1") == found[0]


@pytest.mark.parametrize("keys", [[], [OLD, OLD], [b"short"]])
def test_a_ring_needs_whole_and_different_keys(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyRing(keys)


def test_the_settings_ring() -> None:
    assert key_ring(load_settings(secret_key=OLD_TEXT)).ids == KeyRing([OLD]).ids
    assert key_ring(load_settings(data_keys=f"{NEW_TEXT}, {OLD_TEXT.rstrip('=')}")).ids == KeyRing([NEW, OLD]).ids
    assert key_ring(load_settings(data_keys=NEW_TEXT, secret_key=OLD_TEXT)).ids == KeyRing([NEW, OLD]).ids
    assert key_ring(load_settings(data_keys=NEW_TEXT, secret_key=NEW_TEXT)).ids == KeyRing([NEW]).ids
    with pytest.raises(SettingsError, match="HUB_SECRET_KEY is not set, nor HUB_DATA_KEYS"):
        key_ring(load_settings())
    assert audit_seeds(load_settings()) == []
    assert audit_seeds(load_settings(audit_key="")) == []
    assert audit_seeds(load_settings(audit_key=f"{NEW_TEXT},{OLD_TEXT}")) == [NEW, OLD]


@pytest.mark.parametrize("field", ["data_keys", "audit_key"])
@pytest.mark.parametrize("text", ["topsecret", f"{OLD_TEXT},", f"{OLD_TEXT},{OLD_TEXT}"])
def test_bad_keys_are_named_and_not_repeated(field: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(**{field: text})
    assert str(raised.value).startswith(f"HUB_{field.upper()}: ")
    assert "topsecret" not in str(raised.value)
    assert OLD_TEXT not in str(raised.value)
    with pytest.raises(ValueError, match=r"32 bytes|twice"):
        decode_keys(text)
