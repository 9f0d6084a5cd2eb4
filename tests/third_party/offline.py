"""Checks a code with no network, as docs/readers.md says in chapter 7. It imports nothing of the hub."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
KID = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
Keys = dict[str, Ed25519PublicKey]


class Denied(Exception):
    """str(error) is the reason."""


@dataclass
class Claims:
    kid: str
    school: str
    expires: int
    not_before: int
    card: str


def read_keys(jwk_set: dict[str, Any]) -> Keys:
    """The public keys by kid."""
    keys = {}
    for jwk in jwk_set["keys"]:
        if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519":
            raw = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
            keys[jwk["kid"]] = Ed25519PublicKey.from_public_bytes(raw)
    return keys


def base45(text: str) -> bytes:
    """Step 2."""
    digits = [ALPHABET.find(character) for character in text]
    if -1 in digits or len(digits) % 3 == 1:
        raise Denied("malformed_code")
    out = bytearray()
    for start in range(0, len(digits), 3):
        group = digits[start : start + 3]
        value, size = sum(digit * 45**power for power, digit in enumerate(group)), len(group) - 1
        if value >= 256**size:
            raise Denied("malformed_code")
        out += value.to_bytes(size, "big")
    return bytes(out)


class Bytes:
    """Reads a token from left to right; whatever is not as it should be is malformed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise Denied("malformed_code")
        self.at += size
        return self.data[self.at - size : self.at]

    def expect(self, expected: str) -> None:
        wanted = bytes.fromhex(expected)
        if self.take(len(wanted)) != wanted:
            raise Denied("malformed_code")

    def uint(self) -> int:
        head = self.take(1)[0]
        if head <= 0x17:
            return head
        size = {0x18: 1, 0x19: 2, 0x1A: 4, 0x1B: 8}.get(head)
        if size is None:
            raise Denied("malformed_code")
        value = int.from_bytes(self.take(size), "big")
        if value < {1: 24, 2: 2**8, 4: 2**16, 8: 2**32}[size] or value > 253_402_300_799:
            raise Denied("malformed_code")
        return value

    def end(self) -> None:
        if self.at != len(self.data):
            raise Denied("malformed_code")


def _school(raw: bytes) -> str:
    try:
        text = raw.decode("ascii")
        if str(UUID(text)) == text:
            return text
    except ValueError:
        pass
    raise Denied("malformed_code")


def parse(code: str) -> tuple[Claims, bytes, bytes]:
    """Steps 1 to 3: claims, the bytes to be signed, the signature."""
    if not code.startswith("SP1:") or len(code) > 255:
        raise Denied("malformed_code")
    token = Bytes(base45(code[4:]))
    token.expect("d284")
    protected = token.take(1)[0]
    token.expect("a2012704")
    size = token.take(1)[0] - 0x40
    if not 1 <= size <= 12 or protected != 0x45 + size:
        raise Denied("malformed_code")
    kid = token.take(size)
    if not KID.issuperset(kid):
        raise Denied("malformed_code")
    header = token.data[2 : token.at]
    token.expect("a0")
    payload_at = token.at
    token.expect("58")
    payload_size = token.take(1)[0]
    token.expect("a4017824")
    school = _school(token.take(36))
    token.expect("04")
    expires = token.uint()
    token.expect("05")
    not_before = token.uint()
    token.expect("0750")
    card = str(UUID(bytes=token.take(16)))
    payload = token.data[payload_at : token.at]
    if len(payload) != 2 + payload_size:
        raise Denied("malformed_code")
    token.expect("5840")
    signature = token.take(64)
    token.end()
    signed = b"\x84\x6aSignature1" + header + b"\x40" + payload
    return Claims(kid.decode(), school, expires, not_before, card), signed, signature


def check(code: str, keys: Keys, school: str, now: int) -> Claims:
    """All steps but the memory of denials. `now`: seconds since 1970. Raises Denied."""
    claims, signed, signature = parse(code)
    key = keys.get(claims.kid)
    if key is None:
        raise Denied("bad_signature")
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise Denied("bad_signature") from None
    if claims.school != school:
        raise Denied("wrong_school")
    if now > claims.expires:
        raise Denied("expired_pass")
    if now < claims.not_before:
        raise Denied("not_yet_valid")
    return claims
