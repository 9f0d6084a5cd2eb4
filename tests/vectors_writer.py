"""Writes docs/vectors for authors of readers: codes, keys, frames, HTTP bodies, keyboards; the same bytes every time.

    python -m tests.vectors_writer

The keys are made from sentences, so that nobody takes them for secrets. tests/unit/test_vectors.py runs our own code on
the files and holds that they are what this writes; tests/third_party has a client that knows nothing else of us.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import cbor2
from base45 import b45decode, b45encode
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.domain.qr import SigningKey, key_id, lookup_key, public_jwk, sign_code
from tests.vectors_frames import frames, http
from tests.vectors_keyboards import keyboards

DIRECTORY = Path(__file__).resolve().parents[1] / "docs" / "vectors"

SCHOOL = UUID("01997e3a-1c00-7000-8000-0000000000a1")
OTHER_SCHOOL = UUID("01997e3a-1c00-7000-8000-0000000000a2")
PASS = UUID("01997e3a-1c00-7000-8000-0000000000b1")
# A school year in Berlin: from its first midnight to the last second of its last day.
FROM = int(datetime.fromisoformat("2026-09-01T00:00:00+02:00").timestamp())
UNTIL = int(datetime.fromisoformat("2027-08-01T00:00:00+02:00").timestamp()) - 1


def _key(sentence: str, kid: str | None = None) -> SigningKey:
    private = hashlib.sha256(sentence.encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return SigningKey(kid or key_id(public), private, public)


KEY = _key("passhub test key 1: anybody can sign with it")
SECOND = _key("passhub test key 2: anybody can sign with it")
LONGEST = _key("passhub test key 3: anybody can sign with it", "Test_key-012")
STRANGER = _key("passhub test key 4: of somebody else")
RING = (KEY, SECOND, LONGEST)

HEADER = cbor2.dumps({1: -8, 4: KEY.kid.encode()})
CLAIMS: dict[Any, Any] = {1: str(SCHOOL), 4: UNTIL, 5: FROM, 7: PASS.bytes}
CODE = sign_code(KEY, SCHOOL, PASS, FROM, UNTIL)
TOKEN: bytes = b45decode(CODE[4:])


def _text(token: bytes) -> str:
    return "SP1:" + str(b45encode(token), "ascii")


def _signed(header: Any = HEADER, claims: Any = CLAIMS, unprotected: Any = None, tag: int | None = 18) -> str:
    """A code that KEY really signed, of whatever content."""
    payload = claims if isinstance(claims, bytes) else cbor2.dumps(claims)
    signature = KEY.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    parts = [header, unprotected or {}, payload, signature]
    return _text(cbor2.dumps(parts if tag is None else cbor2.CBORTag(tag, parts)))


def _claims(**changed: Any) -> dict[Any, Any]:
    """CLAIMS with other values; by the names that RFC 8392 gives them."""
    numbers = {"iss": 1, "exp": 4, "nbf": 5, "cti": 7}
    return CLAIMS | {numbers[name]: value for name, value in changed.items()}


def _valid() -> Iterator[tuple[str, str, SigningKey, UUID, int, int]]:
    """Name, code, and what is in it."""
    for name, key, school, not_before, expires in (
        ("a school year", KEY, SCHOOL, FROM, UNTIL),
        ("signed with a second key", SECOND, SCHOOL, FROM, UNTIL),
        ("another school's", KEY, OTHER_SCHOOL, FROM, UNTIL),
        ("one second", KEY, SCHOOL, FROM, FROM),
        ("times of one byte", KEY, SCHOOL, 0, 23),
        ("times of two and three bytes", KEY, SCHOOL, 24, 256),
        ("the longest code there is", LONGEST, SCHOOL, 253_402_214_400, 253_402_300_799),
    ):
        yield name, sign_code(key, school, PASS, not_before, expires), key, school, not_before, expires
    # Nobody signs such a pass; it is read all the same, and is never in time.
    yield "ends before it begins", _signed(claims=_claims(exp=FROM, nbf=UNTIL)), KEY, SCHOOL, UNTIL, FROM


def _forged() -> Iterator[tuple[str, str]]:
    yield "signed with a key that is not in the set", sign_code(STRANGER, SCHOOL, PASS, FROM, UNTIL)
    impostor = SigningKey(KEY.kid, STRANGER.private, STRANGER.public)
    yield "signed by another under our key's name", sign_code(impostor, SCHOOL, PASS, FROM, UNTIL)
    yield "our signature under our other key's name", _text(TOKEN.replace(KEY.kid.encode(), SECOND.kid.encode()))
    yield "one bit of the signature changed", _text(TOKEN[:-1] + bytes([TOKEN[-1] ^ 1]))
    yield "another pass put in", _text(TOKEN.replace(PASS.bytes, SCHOOL.bytes))
    yield "another school put in", _text(TOKEN.replace(str(SCHOOL).encode(), str(OTHER_SCHOOL).encode()))
    later = (UNTIL + 1).to_bytes(4, "big")
    yield "made to last a second longer", _text(TOKEN.replace(UNTIL.to_bytes(4, "big"), later))


def _malformed() -> Iterator[tuple[str, str]]:
    yield "nothing", ""
    yield "somebody else's QR", "https://example.org/menu"
    yield "a pass number", "NORTH-P-000001"
    yield "prefix alone", "SP1:"
    yield "prefix in small letters", "sp1:" + CODE[4:]
    yield "another version's prefix", "SP2:" + CODE[4:]
    yield "letters made small", CODE.lower()
    yield "a character that base45 has not", CODE[:50] + "_" + CODE[51:]
    yield "a digit of another script", CODE[:50] + "\N{FULLWIDTH DIGIT ONE}" + CODE[51:]
    yield "a space at the end", CODE + " "
    yield "a line's end", CODE + "\n"
    yield "a space in front", " " + CODE
    yield "the last character missing", CODE[:-1]
    yield "the second half missing", CODE[: len(CODE) // 2]
    yield "three characters that say more than two bytes", CODE[:-3] + ":::"
    yield "two characters that say more than a byte", "SP1:::"
    yield "a byte more at the end", _text(TOKEN + b"\x00")
    yield "256 characters", (CODE * 2)[:256]
    yield "no tag", _signed(tag=None)
    yield "another tag", _signed(tag=17)
    yield "the CWT tag around it", _text(b"\xd8\x3d" + TOKEN)
    yield "an array of unknown length", _text(b"\xd2\x9f" + TOKEN[2:] + b"\xff")
    yield "an unprotected header", _signed(unprotected={4: b"x"})
    yield "another algorithm", _signed(header=cbor2.dumps({1: -7, 4: KEY.kid.encode()}))
    yield "no algorithm", _signed(header=cbor2.dumps({4: KEY.kid.encode()}))
    yield "no kid", _signed(header=cbor2.dumps({1: -8}))
    yield "a kid that is a text", _signed(header=cbor2.dumps({1: -8, 4: KEY.kid}))
    yield "a kid of 13 characters", _signed(header=cbor2.dumps({1: -8, 4: b"Test_key-0123"}))
    yield "one claim more", _signed(claims=CLAIMS | {6: FROM})
    yield "one claim less", _signed(claims={1: str(SCHOOL), 4: UNTIL, 5: FROM})
    yield "the claims in another order", _signed(claims={7: PASS.bytes, 1: str(SCHOOL), 4: UNTIL, 5: FROM})
    yield "an issuer in capital letters", _signed(claims=_claims(iss=str(SCHOOL).upper()))
    yield "an issuer that is no UUID", _signed(claims=_claims(iss="the school on the hill, by the river"))
    yield "a pass of 15 bytes", _signed(claims=_claims(cti=PASS.bytes[:15]))
    yield "a pass that is a text", _signed(claims=_claims(cti=str(PASS)))
    yield "a time before 1970", _signed(claims=_claims(nbf=-1))
    yield "a time after the year 9999", _signed(claims=_claims(exp=253_402_300_800))
    yield "a time with a fraction", _signed(claims=_claims(exp=UNTIL + 0.5))
    short = b"\x1a" + UNTIL.to_bytes(4, "big")
    long = cbor2.dumps(CLAIMS).replace(short, b"\x1b" + UNTIL.to_bytes(8, "big"))
    yield "a time longer than it needs to be", _signed(claims=long)


def _steps(code: str) -> dict[str, str]:
    """What a reader has in its hands on the way, in hex."""
    token: bytes = b45decode(code[4:])
    protected, _, payload, signature = cbor2.loads(token).value
    return {
        "token": token.hex(),
        "protected": protected.hex(),
        "payload": payload.hex(),
        "toBeSigned": cbor2.dumps(["Signature1", protected, b"", payload]).hex(),
        "signature": signature.hex(),
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _checks(school: UUID, not_before: int, expires: int) -> list[dict[str, Any]]:
    """What a reader of SCHOOL says by itself at some times."""

    def verdict(now: int) -> str:
        if school != SCHOOL:
            return "wrong_school"
        if now > expires:
            return "expired_pass"
        return "not_yet_valid" if now < not_before else "granted"

    first, last = sorted((not_before, expires))
    times = sorted({max(0, first - 1), first, last, min(last + 1, 253_402_300_799)})
    return [{"at": _moment(now), "seconds": now, "says": verdict(now)} for now in times]


def _case(name: str, code: str, expect: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "code": code, "lookupKey": lookup_key(code).hex(), "expect": expect, **more}


def codes() -> dict[str, Any]:
    """codes.json."""
    found = [
        _case(
            name,
            code,
            "valid",
            kid=key.kid,
            claims={"iss": str(school), "exp": expires, "nbf": not_before, "cti": str(PASS)},
            steps=_steps(code),
            offline=_checks(school, not_before, expires),
        )
        for name, code, key, school, not_before, expires in _valid()
    ]
    found += [_case(name, code, "bad_signature") for name, code in _forged()]
    found += [_case(name, code, "malformed_code") for name, code in _malformed()]
    return {
        "about": "Codes, checked with keys.json by a reader of school `schoolId`. docs/readers.md, chapter 6.",
        "warning": "TEST KEYS: their private halves are here. No hub may use them.",
        "schoolId": str(SCHOOL),
        "testPrivateKeys": [{"kid": key.kid, "d": _base64url(key.private)} for key in RING],
        "codes": found,
    }


def keys() -> dict[str, Any]:
    """keys.json: a body of /.well-known/passhub-keys.json."""
    return {"keys": [public_jwk(key.kid, key.public) for key in sorted(RING, key=lambda key: key.kid)]}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def files() -> dict[str, str]:
    """Every file of the directory, as it is committed."""
    contents = {
        "keys.json": keys(),
        "codes.json": codes(),
        "frames.json": frames(CODE),
        "http.json": http(CODE),
        "keyboards.json": keyboards(CODE, KEY),
    }
    return {name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in contents.items()}


def main() -> None:
    """Write them."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (DIRECTORY / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
