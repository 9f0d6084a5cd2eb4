"""Tokens: access tokens that any worker can check from memory, and opaque ones of which only a hash is kept.

An access token is a JWT, EdDSA, 15 minutes: `iss aud sub sid typ exp iat jti`, and in its header the `kid` of the key
that signed it. Its claims say who it was given to; what that person may do now, and whether the session still lives, is
asked elsewhere (hub/accounts/sessions.py), so that neither waits for a token's end.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.domain.ids import new_id
from hub.errors import Unauthorized

ALGORITHM = "EdDSA"
ISSUER = "passhub"
AUDIENCE = "passhub-api"
TYPE = "access"
ACCESS_SECONDS = 900
#: How far the clocks of two hosts may be apart.
LEEWAY_SECONDS = 5
LONGEST = 2_048
_CLAIMS = ["iss", "aud", "sub", "sid", "typ", "exp", "iat", "jti"]
_CACHED = 10_000
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{43}")


class Claims(msgspec.Struct, frozen=True):
    """`expires`: seconds since 1970."""

    user_id: UUID
    session_id: UUID
    kid: str
    expires: int


def issue(kid: str, key: Ed25519PrivateKey, user_id: UUID, session_id: UUID, now: float) -> str:
    """An access token for one session."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "typ": TYPE,
        "iat": int(now),
        "exp": int(now) + ACCESS_SECONDS,
        "jti": str(new_id()),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid})


class AccessTokens:
    """Checks tokens against `keys` (kid → public key). What was checked is remembered until it expires: a signature
    costs more than the rest of a small request."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey], clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[str, Claims] = {}

    def verify(self, token: str) -> Claims:
        """Raises Unauthorized, which does not say what exactly was wrong with a token that we did not make."""
        claims = self._known.get(token)
        if claims is not None and claims.kid in self._keys:
            if claims.expires > self._clock():
                return claims
            del self._known[token]
            raise _expired()
        claims = self._decode(token)
        while len(self._known) >= _CACHED:
            del self._known[next(iter(self._known))]
        self._known[token] = claims
        return claims

    def kid_of(self, token: str) -> str | None:
        """The kid that a token names; None when it cannot be one of ours."""
        if len(token) > LONGEST:
            return None
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):
            return None
        kid = header.get("kid")
        return kid if isinstance(kid, str) and header.get("alg") == ALGORITHM else None

    def _decode(self, token: str) -> Claims:
        kid = self.kid_of(token)
        key = None if kid is None else self._keys.get(kid)
        if kid is None or key is None:
            raise _bad()
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": _CLAIMS, "strict_aud": True, "verify_exp": False},
            )
            if claims["typ"] != TYPE or not _lives_as_ours(claims["iat"], claims["exp"]):
                raise _bad()
            found = Claims(UUID(claims["sub"]), UUID(claims["sid"]), kid, claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            raise _bad() from None
        if found.expires <= self._clock():
            raise _expired()
        return found


def new_opaque() -> tuple[str, bytes]:
    """A random token of 256 bits, and the SHA-256 of its text, which is all that is kept."""
    token = secrets.token_urlsafe(32)
    return token, _sha256(token)


def opaque_hash(token: str) -> bytes | None:
    """What to look a token up by; None for a text that cannot be one. Only hashes are compared with what is kept."""
    return _sha256(token) if _OPAQUE.fullmatch(token) else None


def _lives_as_ours(made: object, expires: object) -> bool:
    return type(made) is int and type(expires) is int and 0 < expires - made <= ACCESS_SECONDS


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _bad() -> Unauthorized:
    return Unauthorized("this access token is not one that is valid here; sign in again")


def _expired() -> Unauthorized:
    return Unauthorized("the access token has expired; POST /api/v1/auth/refresh gives another")
