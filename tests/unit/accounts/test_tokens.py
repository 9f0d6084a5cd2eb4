"""Access tokens: what we made is good for as long as it says, and everything that somebody else might make is not."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.tokens import ACCESS_SECONDS, AccessTokens, issue, new_opaque, opaque_hash
from hub.errors import Unauthorized

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEYS = {"ours": KEY.public_key()}
USER, SESSION = UUID(int=1), UUID(int=2)
NOW = time.time()
DAY = 86_400
GOOD: dict[str, Any] = {
    "iss": "passhub",
    "aud": "passhub-api",
    "sub": str(USER),
    "sid": str(SESSION),
    "typ": "access",
    "iat": int(NOW),
    "exp": int(NOW) + ACCESS_SECONDS,
    "jti": str(uuid4()),
}


def made(changes: dict[str, Any] | None = None, key: Any = KEY, algorithm: str = "EdDSA", kid: Any = "ours") -> str:
    """A token as ours is, but for what is changed; a claim that is None is left out."""
    claims = {name: value for name, value in (GOOD | (changes or {})).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={} if kid is None else {"kid": kid})


def tokens() -> AccessTokens:
    """Its clock stands where the tokens above were made: a whole run of the tests takes longer than they live."""
    return AccessTokens(KEYS, lambda: NOW)


def test_ours_says_whose_it_is() -> None:
    token = issue("ours", KEY, USER, SESSION, NOW)
    checker = tokens()
    for _ in range(2):
        claims = checker.verify(token)
        assert (claims.user_id, claims.session_id, claims.kid) == (USER, SESSION, "ours")
    payload = jwt.decode(token, options={"verify_signature": False})
    assert set(payload) == {"iss", "aud", "sub", "sid", "typ", "exp", "iat", "jti"}
    assert payload["exp"] - payload["iat"] == 900
    assert tokens().verify(made()).user_id == USER


def unsigned(header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(GOOD).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORGED = {
    "alg none": unsigned({"alg": "none", "kid": "ours"}),
    "alg None": unsigned({"alg": "None", "kid": "ours"}),
    "alg none with a signature": unsigned({"alg": "none", "kid": "ours"}, bytes(64)),
    "no alg": unsigned({"kid": "ours"}, bytes(64)),
    "alg as a list": unsigned({"alg": ["EdDSA"], "kid": "ours"}, bytes(64)),
    "an empty signature": unsigned({"alg": "EdDSA", "kid": "ours"}),
    "the public key as an HMAC secret": made(key=RAW + b"=", algorithm="HS256"),
    "a stranger's key under our kid": made(key=STRANGER),
    "a stranger's kid": made(key=STRANGER, kid="theirs"),
    "our key under another kid": made(kid="theirs"),
    "no kid": made(kid=None),
    "another algorithm": made(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "another issuer": made({"iss": "elsewhere"}),
    "another audience": made({"aud": "passhub-devices"}),
    "several audiences": made({"aud": ["passhub-api", "other"]}),
    "another type": made({"typ": "refresh"}),
    "not yet valid": made({"nbf": int(NOW) + DAY}),
    "made in the future": made({"iat": int(NOW) + DAY, "exp": int(NOW) + DAY + ACCESS_SECONDS}),
    "expired": made({"iat": int(NOW) - 2000, "exp": int(NOW) - 1100}),
    "expired a second ago": made({"exp": int(NOW) - 1}),
    "exp as text": made({"exp": "9999999999x"}),
    "exp too large": made({"exp": 10**400}),
    "a user that is none": made({"sub": "root"}),
    "a session that is none": made({"sid": "1"}),
    "a session that is a number": made({"sid": 1}),
    "too long": made({"more": "x" * 3000}),
    **{f"without {claim}": made({claim: None}) for claim in GOOD},
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_ours_is_refused(token: str) -> None:
    checker = tokens()
    for _ in range(2):
        with pytest.raises(Unauthorized):
            checker.verify(token)


def test_pem_is_no_secret_either() -> None:
    """PyJWT refuses to sign with it, so the token is put together by hand."""
    import hashlib
    import hmac

    head, payload, _ = unsigned({"alg": "HS256", "kid": "ours"}).split(".")
    mac = hmac.digest(PEM, f"{head}.{payload}".encode(), hashlib.sha256)
    forged = f"{head}.{payload}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    with pytest.raises(Unauthorized):
        tokens().verify(forged)


def test_one_bit_more_or_less_is_refused() -> None:
    head, payload, signature = made().split(".")
    other = made({"sub": str(UUID(int=9))}).split(".")
    for forged in (f"{head}.{other[1]}.{signature}", f"{head}.{payload}.{other[2]}", f"{head}.{payload}"):
        with pytest.raises(Unauthorized):
            tokens().verify(forged)


def test_what_was_checked_once_expires_all_the_same() -> None:
    now = [NOW]
    checker = AccessTokens(KEYS, lambda: now[0])
    token = issue("ours", KEY, USER, SESSION, NOW)
    checker.verify(token)
    now[0] += ACCESS_SECONDS + 1
    for _ in range(2):
        with pytest.raises(Unauthorized, match="expired"):
            checker.verify(token)


def test_what_was_checked_once_is_not_believed_without_its_key() -> None:
    keys = dict(KEYS)
    checker = AccessTokens(keys, lambda: NOW)
    token = made()
    checker.verify(token)
    keys.clear()
    with pytest.raises(Unauthorized):
        checker.verify(token)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(Unauthorized):
        tokens().verify(text)
    assert opaque_hash(text) is None or len(text) == 43


def test_opaque_tokens_have_256_bits_and_only_their_hash_is_kept() -> None:
    token, hash_ = new_opaque()
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert opaque_hash(token) == hash_
    assert len({new_opaque()[0] for _ in range(1000)}) == 1000
    assert opaque_hash(token + "A") is None
