"""The code in the QR: what is signed is read back, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from uuid import UUID

import cbor2
import cwt
import pytest
from base45 import b45decode, b45encode
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cwt.cose_key_interface import COSEKeyInterface
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.qr import (
    MAX_LENGTH,
    MAX_TIME,
    BadSignature,
    Claims,
    MalformedCode,
    SigningKey,
    generate_signing_key,
    is_well_formed,
    key_id,
    load_public_key,
    lookup_key,
    public_jwk,
    read_code,
    sign_code,
)

KEY = generate_signing_key()
OTHER = generate_signing_key()
KEYS = {KEY.kid: load_public_key(KEY.public)}
SCHOOL, CARD = UUID("0190f3c2-7c1e-7abc-8def-0123456789ab"), UUID("0190f3c2-7c1e-7abc-8def-ba9876543210")
FROM, UNTIL = 1_790_000_000, 1_800_000_000
CODE = sign_code(KEY, SCHOOL, CARD, FROM, UNTIL)
TOKEN = b45decode(CODE[4:])
HEADER = cbor2.dumps({1: -8, 4: KEY.kid.encode()})
CLAIMS: dict[Any, Any] = {1: str(SCHOOL), 4: UNTIL, 5: FROM, 7: CARD.bytes}
times = st.tuples(st.integers(0, MAX_TIME), st.integers(0, MAX_TIME)).map(sorted)


def text(token: bytes) -> str:
    return "SP1:" + str(b45encode(token), "ascii")


def signed(header: bytes = HEADER, claims: Any = CLAIMS, unprotected: Any = None, tag: int | None = 18) -> str:
    """A code that KEY really signed, of whatever content."""
    payload = claims if isinstance(claims, bytes) else cbor2.dumps(claims)
    signature = KEY.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    parts = [header, unprotected if unprotected is not None else {}, payload, signature]
    return text(cbor2.dumps(parts if tag is None else cbor2.CBORTag(tag, parts)))


def cose_key(key: SigningKey) -> COSEKeyInterface:
    return cwt.COSEKey.from_jwk(public_jwk(key.kid, key.public))


@given(st.uuids(), st.uuids(), times)
def test_what_is_signed_is_read_back(school: UUID, card: UUID, when: list[int]) -> None:
    code = sign_code(KEY, school, card, when[0], when[1])
    assert read_code(code, KEYS) == Claims(KEY.kid, school, card, when[0], when[1])
    assert len(code) <= MAX_LENGTH
    assert not code.endswith(" ")


@given(st.uuids(), st.uuids(), times)
def test_another_implementation_verifies_it(school: UUID, card: UUID, when: list[int]) -> None:
    token = b45decode(sign_code(KEY, school, card, when[0], when[1])[4:])
    payload = cwt.COSE.new(verify_kid=True).decode(token, [cose_key(KEY)])
    assert cbor2.loads(payload) == {1: str(school), 5: when[0], 4: when[1], 7: card.bytes}
    impostor = cwt.COSEKey.from_jwk(public_jwk(KEY.kid, OTHER.public))
    with pytest.raises(cwt.VerifyError):
        cwt.COSE.new(verify_kid=True).decode(token, [impostor])


def test_the_helper_of_these_tests_makes_the_same_code() -> None:
    assert signed() == CODE
    assert cbor2.dumps(cbor2.loads(TOKEN), canonical=True) == TOKEN


def test_the_usual_code_fits_version_9_m_of_a_qr() -> None:
    assert len(CODE) == 237


def test_the_longest_kid_and_times_still_fit() -> None:
    key = SigningKey("a" * 12, KEY.private, KEY.public)
    code = sign_code(key, SCHOOL, CARD, MAX_TIME, MAX_TIME)
    assert len(code) == MAX_LENGTH
    assert read_code(code, {key.kid: KEYS[KEY.kid]}).kid == key.kid


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (6, 5), (0, MAX_TIME + 1)])
def test_times_that_cannot_be_are_not_signed(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="times must be"):
        sign_code(KEY, SCHOOL, CARD, start, end)


@pytest.mark.parametrize("kid", ["", "a" * 13, "a b", "é", "a\n"])
def test_a_kid_of_another_form_is_refused(kid: str) -> None:
    with pytest.raises(ValueError, match="kid"):
        SigningKey(kid, KEY.private, KEY.public)


def test_halves_of_two_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="public half"):
        SigningKey("k", KEY.private, OTHER.public)


def test_the_private_half_is_not_shown() -> None:
    assert repr(KEY.private) not in repr(KEY)
    assert "private" not in repr(KEY)


def test_a_time_long_past_is_read_all_the_same() -> None:
    assert read_code(sign_code(KEY, SCHOOL, CARD, 0, 1), KEYS).expires == 1


# -- signatures ----------------------------------------------------------------------------------------------------


def test_an_unknown_kid() -> None:
    with pytest.raises(BadSignature, match="key ring"):
        read_code(CODE, {})


def test_a_known_kid_with_another_key() -> None:
    with pytest.raises(BadSignature):
        read_code(CODE, {KEY.kid: load_public_key(OTHER.public)})


def test_another_key_under_our_kid() -> None:
    forged = sign_code(SigningKey(KEY.kid, OTHER.private, OTHER.public), SCHOOL, CARD, FROM, UNTIL)
    with pytest.raises(BadSignature):
        read_code(forged, KEYS)


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, change: int) -> None:
    changed = bytearray(TOKEN)
    changed[place] ^= change
    with pytest.raises((MalformedCode, BadSignature)):
        read_code(text(bytes(changed)), KEYS)


def test_a_signature_that_was_raised_by_the_group_order_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    raised = int.from_bytes(TOKEN[-32:], "little") + order
    with pytest.raises(BadSignature):
        read_code(text(TOKEN[:-32] + raised.to_bytes(32, "little")), KEYS)


# -- other algorithms ----------------------------------------------------------------------------------------------


def test_the_same_claims_under_other_algorithms_are_not_a_code() -> None:
    payload = cbor2.dumps(CLAIMS)
    curve = ec.generate_private_key(ec.SECP256R1())
    keys = {
        -7: cwt.COSEKey.new({**cwt.COSEKey.from_pem(_pem(curve)).to_dict(), 2: KEY.kid.encode()}),
        -53: cwt.COSEKey.new(
            {1: 1, -1: 7, 2: KEY.kid.encode(), 3: -53, **_ed448()},
        ),
    }
    for algorithm, key in keys.items():
        token = cwt.COSE.new().encode_and_sign(payload, key, {1: algorithm, 4: KEY.kid.encode()}, {})
        with pytest.raises(MalformedCode):
            read_code(text(token), KEYS)


def test_a_mac_with_the_public_key_as_its_secret_is_not_a_code() -> None:
    secret = cwt.COSEKey.from_symmetric_key(KEY.public, alg="HS256", kid=KEY.kid.encode())
    token = cwt.COSE.new().encode_and_mac(cbor2.dumps(CLAIMS), secret, {1: 5, 4: KEY.kid.encode()}, {})
    with pytest.raises(MalformedCode):
        read_code(text(token), KEYS)


@pytest.mark.parametrize("algorithm", [None, 0, -7, -19, -35, -37, 5, "EdDSA", b"EdDSA", [-8], -8.0])
def test_an_ed25519_signature_that_names_another_algorithm_is_not_a_code(algorithm: Any) -> None:
    with pytest.raises(MalformedCode):
        read_code(signed(cbor2.dumps({1: algorithm, 4: KEY.kid.encode()})), KEYS)


# -- form ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        signed(header=cbor2.dumps({1: -8})),
        signed(header=cbor2.dumps({1: -8}), unprotected={4: KEY.kid.encode()}),
        signed(header=cbor2.dumps({4: KEY.kid.encode(), 1: -8})),
        signed(header=cbor2.dumps({1: -8, 4: KEY.kid})),
        signed(header=cbor2.dumps({1: -8, 4: "é".encode()})),
        signed(header=cbor2.dumps({1: -8, 4: b""})),
        signed(header=cbor2.dumps({1: -8, 2: [99], 4: KEY.kid.encode()})),
        signed(header=b""),
        signed(unprotected={1: -8}),
        signed(unprotected={5: b"x"}),
        signed(tag=None),
        signed(tag=17),
        signed(tag=61),
        signed(tag=98),
        text(b"\xd8\x3d" + TOKEN),
        signed(claims={**CLAIMS, 4: float(UNTIL)}),
        signed(claims={**CLAIMS, 4: float("nan")}),
        signed(claims={**CLAIMS, 4: float("inf")}),
        signed(claims={**CLAIMS, 4: -1}),
        signed(claims={**CLAIMS, 4: MAX_TIME + 1}),
        signed(claims={**CLAIMS, 4: 2**64}),
        signed(claims={**CLAIMS, 4: None}),
        signed(claims={**CLAIMS, 5: "0"}),
        signed(claims={**CLAIMS, 1: SCHOOL.bytes}),
        signed(claims={**CLAIMS, 1: str(SCHOOL).upper()}),
        signed(claims={**CLAIMS, 1: "{" + SCHOOL.hex + "abc"}),
        signed(claims={**CLAIMS, 1: "é" * 18}),
        signed(claims={**CLAIMS, 7: str(CARD)[:16]}),
        signed(claims={**CLAIMS, 7: CARD.bytes[:15]}),
        signed(claims={**CLAIMS, 8: {}}),
        signed(claims={1: str(SCHOOL), 4: UNTIL, 5: FROM}),
        signed(claims={7: CARD.bytes, 5: FROM, 4: UNTIL, 1: str(SCHOOL)}),
        signed(claims=b""),
        signed(claims=b"\xa0"),
        signed(claims=b"\xa1\x80\x01"),  # a map whose key is a list
        signed(claims=b"\xa1\xa0\x01"),  # a map whose key is a map
        signed(claims=cbor2.dumps(CLAIMS) + b"\x00"),
        signed(claims=cbor2.dumps(CLAIMS).replace(b"\x1a" + UNTIL.to_bytes(4), b"\x1b" + UNTIL.to_bytes(8))),
        text(TOKEN + b"\x00"),
        text(TOKEN + TOKEN[:2]),
        text(TOKEN[:2] + b"\x9f" + TOKEN[3:]),
        text(b"\xd2\x5b" + b"\xff" * 8),  # a string of 2⁶⁴ bytes
        text(b"\x9b" + b"\xff" * 8),
        text(b"\xd9\xd9\xf7" + TOKEN),
        text(b"\x81" * 160),
        text(b"\xd8\x1c" * 80),  # shared references
        text(b""),
        "",
        "SP1:",
        "SP1:A",
        "SP1::::",
        "sp1:" + CODE[4:],
        "SP2:" + CODE[4:],
        CODE.lower(),
        CODE + "\n",
        CODE + " ",
        " " + CODE,
        CODE + "0" * 18,
        CODE + "0" * 100_000,
        CODE.replace("SP1:", "SP1:é"),
        CODE[:-1] + "\udc80",
        CODE.replace("0", "\u0660"),  # another script's digit
        "https://example.org/?code=" + CODE,
        "\x00",
    ],
)  # fmt: skip
def test_anything_else_is_malformed(code: str) -> None:
    with pytest.raises(MalformedCode):
        read_code(code, KEYS)
    assert not is_well_formed(code)
    assert len(lookup_key(code)) == 16


@given(st.one_of(st.text(), st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:").map("SP1:".__add__)))
def test_random_text_is_malformed(code: str) -> None:
    with pytest.raises(MalformedCode):
        read_code(code, KEYS)


@given(st.binary(max_size=166))
def test_random_bytes_are_malformed(token: bytes) -> None:
    with pytest.raises(MalformedCode):
        read_code(text(token), KEYS)


cbor = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=20) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@given(cbor, cbor, st.sampled_from([None, 0, 1, 16, 17, 18, 24, 28, 29, 61, 98, 256, 55799]))
def test_other_cbor_is_malformed(claims: Any, unprotected: Any, tag: int | None) -> None:
    code = signed(claims=cbor2.dumps(claims), unprotected=unprotected, tag=tag)
    with pytest.raises(MalformedCode):
        read_code(code, KEYS)


@given(st.integers(0, len(CODE) - 1))
def test_a_code_cut_off_anywhere_is_malformed(length: int) -> None:
    with pytest.raises(MalformedCode):
        read_code(CODE[:length], KEYS)


@given(st.integers(0, len(TOKEN)), st.integers(0, len(TOKEN)), st.binary(max_size=8))
def test_a_spliced_token_is_never_accepted(start: int, end: int, middle: bytes) -> None:
    spliced = TOKEN[:start] + middle + TOKEN[end:]
    if spliced == TOKEN:
        return
    with pytest.raises((MalformedCode, BadSignature)):
        read_code(text(spliced), KEYS)


# -- names of keys and codes ---------------------------------------------------------------------------------------


def test_the_lookup_key_is_what_the_tables_trigger_computes() -> None:
    assert lookup_key(CODE) == hashlib.sha256(CODE.encode()).digest()[:16]


@given(st.text())
def test_every_text_has_a_lookup_key(code: str) -> None:
    assert len(lookup_key(code)) == 16


def test_a_key_is_named_after_its_thumbprint() -> None:
    # The key and its thumbprint are those of RFC 8037, appendix A.3.
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert key_id(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"[:8]


def test_the_jwk_is_what_other_programs_read() -> None:
    jwk = json.loads(json.dumps(public_jwk(KEY.kid, KEY.public)))
    assert jwk == {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": KEY.kid,
        "use": "sig",
        "alg": "EdDSA",
        "x": base64.urlsafe_b64encode(KEY.public).rstrip(b"=").decode(),
    }
    assert cose_key(KEY).alg == -8


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ed448() -> dict[int, bytes]:
    key = ed448.Ed448PrivateKey.generate()
    return {-2: key.public_key().public_bytes_raw(), -4: key.private_bytes_raw()}
