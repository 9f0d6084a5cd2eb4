"""The code in the QR: `SP1:` and the base45 of a signed token, which a reader can check with no network.

The token is a CWT (RFC 8392) in a COSE_Sign1 (RFC 9052) signed with EdDSA over Ed25519. There is exactly one encoding
of it, the deterministic one of RFC 8949 section 4.2, with the COSE tag 18 and without the optional CWT tag:

    18([ << {1: -8, 4: kid} >>, {}, << {1: iss, 4: exp, 5: nbf, 7: cti} >>, signature ])

    iss  the school's UUID, text of 36 characters (RFC 8392: a text string)
    cti  the pass's UUID, 16 bytes (RFC 8392: a byte string). `sub` has to be text, and two UUIDs as text do not fit
         into the 255 characters of passes.qr_code. A code signed anew for the same pass carries the same cti: it names
         the pass, and which of its codes is in force is the hub's index to say.
    exp, nbf  whole seconds since 1970 UTC, ≥ 0. Nothing here compares them with a clock: the policy does.
    kid  1 to 12 of A-Z a-z 0-9 _ -, the same in the JWK set, protected by the signature

A code has 237 characters (255 with the longest kid and times after 2106), all of QR's alphanumeric mode: version 9
with error correction M. Spaces occur inside, but it never ends in one: the last character of base45 is at most `W`.

Reading accepts that one encoding and nothing else, so no other algorithm, tag, claim or length needs a rule of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from base45 import b45decode, b45encode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PREFIX = "SP1:"
MAX_LENGTH = 255  # characters, the width of passes.qr_code
MAX_TIME = 253_402_300_799  # the last second of the year 9999: what a datetime can hold
LOOKUP_KEY_BYTES = 16
KID_LENGTH = 8

PublicKey = Ed25519PublicKey

_KID = re.compile(r"[A-Za-z0-9_-]{1,12}")
_TEXT = re.compile(r"SP1:[0-9A-Z $%*+\-./:]+")
_UINT = rb"([\x00-\x17]|\x18.|\x19.{2}|\x1a.{4}|\x1b.{8})"
_TOKEN = re.compile(
    rb"\xd2\x84"
    rb"(.)(\xa2\x01\x27\x04(.)([A-Za-z0-9_-]{1,12}))"  # protected: alg EdDSA, kid
    rb"\xa0"  # unprotected: empty
    rb"\x58(.)(\xa4\x01\x78\x24(.{36})\x04" + _UINT + rb"\x05" + _UINT + rb"\x07\x50(.{16}))"
    rb"\x58\x40(.{64})",
    re.DOTALL,
)


class CodeError(Exception):
    """A code that no hub issued; `str(error)` says why, without repeating the code."""


class MalformedCode(CodeError):
    """Not a code of this form at all: a foreign QR, a mistyped or cut-off one."""


class BadSignature(CodeError):
    """Of the right form, but signed with a key that is not ours, or changed after it was signed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair: `private` (kept out of repr) and `public` are its 32 raw bytes.

    Raises ValueError when the kid has other characters, or the two halves do not belong together.
    """

    kid: str
    private: bytes = field(repr=False)
    public: bytes
    _signer: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_kid(self.kid)
        signer = Ed25519PrivateKey.from_private_bytes(self.private)
        if signer.public_key().public_bytes_raw() != self.public:
            raise ValueError("the public half is not that of the private key")
        object.__setattr__(self, "_signer", signer)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._signer.sign(message)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a code says; the times are whole seconds since 1970 UTC."""

    kid: str
    school_id: UUID
    pass_id: UUID
    not_before: int
    expires: int


def generate_signing_key() -> SigningKey:
    """A new random key pair, named after its public half (see `key_id`)."""
    signer = Ed25519PrivateKey.generate()
    public = signer.public_key().public_bytes_raw()
    return SigningKey(key_id(public), signer.private_bytes_raw(), public)


def key_id(public: bytes) -> str:
    """The first 8 characters of the key's JWK thumbprint (RFC 7638): the same key always gets the same kid."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}, separators=(",", ":"))
    return _base64url(hashlib.sha256(members.encode()).digest())[:KID_LENGTH]


def load_public_key(public: bytes) -> PublicKey:
    """The key that `read_code` wants, from its 32 raw bytes. Raises ValueError for another length."""
    return Ed25519PublicKey.from_public_bytes(public)


def public_jwk(kid: str, public: bytes) -> dict[str, str]:
    """One member of the JWK set (RFC 8037); `public` is 32 raw bytes."""
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": _base64url(public)}


def sign_code(key: SigningKey, school_id: UUID, pass_id: UUID, not_before: int, expires: int) -> str:
    """The text of a pass's QR, ≤ 255 characters. The same arguments give the same text.

    Raises ValueError when a time is negative or beyond the year 9999, or the pass would end before it begins.
    """
    if not 0 <= not_before <= expires <= MAX_TIME:
        raise ValueError(f"times must be 0 ≤ not_before ≤ expires ≤ {MAX_TIME}")
    protected = b"\xa2\x01\x27\x04" + _short_bytes(key.kid.encode())
    payload = (
        b"\xa4\x01\x78\x24" + str(school_id).encode()
        + b"\x04" + _uint(expires)
        + b"\x05" + _uint(not_before)
        + b"\x07\x50" + pass_id.bytes
    )  # fmt: skip
    signature = key.sign(_to_be_signed(protected, payload))
    token = b"\xd2\x84" + _short_bytes(protected) + b"\xa0" + _long_bytes(payload) + _long_bytes(signature)
    text: bytes = b45encode(token)
    return PREFIX + text.decode()


def read_code(code: str, keys: Mapping[str, PublicKey]) -> Claims:
    """The claims of a code that one of `keys` (by kid) signed; its times are not compared with any clock.

    Raises MalformedCode, or BadSignature when the kid is unknown or the signature is not by that key.
    """
    claims, protected, payload, signature = _parse(code)
    key = keys.get(claims.kid)
    if key is None:
        raise BadSignature("signed with a key that is not in the key ring")
    try:
        key.verify(signature, _to_be_signed(protected, payload))
    except InvalidSignature:
        raise BadSignature("the signature is not that of the code's key") from None
    return claims


def is_well_formed(code: str) -> bool:
    """Whether the code has the right form; says nothing about who signed it."""
    try:
        _parse(code)
    except MalformedCode:
        return False
    return True


def lookup_key(code: str) -> bytes:
    """The index's key, 16 bytes: what the trigger on passes computes from qr_code. Never raises, whatever the text."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()[:LOOKUP_KEY_BYTES]


def _parse(code: str) -> tuple[Claims, bytes, bytes, bytes]:
    """Claims, protected header, payload, signature."""
    if len(code) > MAX_LENGTH or not _TEXT.fullmatch(code):
        raise MalformedCode("not SP1: followed by base45")
    try:
        token = b45decode(code[len(PREFIX) :])
    except ValueError:
        raise MalformedCode("not valid base45") from None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise MalformedCode("not a signed pass")
    protected_size, protected, kid_size, kid, payload_size, payload, school, expires, not_before, pass_id, signature = (
        found.groups()
    )
    sizes = (protected_size[0] - 0x40, kid_size[0] - 0x40, payload_size[0])
    if sizes != (len(protected), len(kid), len(payload)):
        raise MalformedCode("a length is wrong")
    claims = Claims(kid.decode(), _school(school), UUID(bytes=pass_id), _seconds(not_before), _seconds(expires))
    return claims, protected, payload, signature


def _school(text: bytes) -> UUID:
    try:
        school = UUID(text.decode("ascii"))
    except ValueError:
        raise MalformedCode("the issuer is not a UUID") from None
    if str(school).encode() != text:
        raise MalformedCode("the issuer is not a UUID in its usual form")
    return school


def _seconds(encoded: bytes) -> int:
    value = encoded[0] if len(encoded) == 1 else int.from_bytes(encoded[1:], "big")
    if value > MAX_TIME or _uint(value) != encoded:
        raise MalformedCode("a time is out of range, or longer than it needs to be")
    return value


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """RFC 9052 section 4.4: ["Signature1", protected, no external data, payload]."""
    return b"\x84\x6aSignature1" + _short_bytes(protected) + b"\x40" + _long_bytes(payload)


def _short_bytes(value: bytes) -> bytes:
    """A CBOR byte string of at most 23 bytes."""
    return bytes((0x40 + len(value),)) + value


def _long_bytes(value: bytes) -> bytes:
    """A CBOR byte string of 24 to 255 bytes."""
    return bytes((0x58, len(value))) + value


def _uint(value: int) -> bytes:
    """A CBOR unsigned integer in its shortest form."""
    if value < 24:
        return bytes((value,))
    for head, size in ((0x18, 1), (0x19, 2), (0x1A, 4)):
        if value < 1 << 8 * size:
            return bytes((head,)) + value.to_bytes(size, "big")
    return b"\x1b" + value.to_bytes(8, "big")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _require_kid(kid: str) -> None:
    if not _KID.fullmatch(kid):
        raise ValueError("a kid is 1 to 12 characters of A-Z, a-z, 0-9, _ and -")
