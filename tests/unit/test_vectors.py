"""docs/vectors and docs/asyncapi.json: they are what their writers write, and our own code agrees with them."""

from __future__ import annotations

import ast
import base64
import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.domain.qr import (
    BadSignature,
    MalformedCode,
    PublicKey,
    SigningKey,
    load_public_key,
    lookup_key,
    read_code,
)
from hub.gate import asyncapi
from hub.gate.codec import CODECS, JSON, MSGPACK
from hub.gate.messages import UNREADABLE, Attempt, Attempts, Error, Replay, Scan, Verify, device_info, plain
from hub.live.asyncapi import screen_part
from hub.reader.messages import Codec, RecordedItem
from hub.reader.messages import Decision as DecisionRead
from tests.third_party import msgpack, offline
from tests.vectors_writer import DIRECTORY, files

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    return json.loads((DIRECTORY / name).read_text(encoding="utf-8"))


CODES, FRAMES, HTTP = load("codes.json"), load("frames.json"), load("http.json")
SENT = {case["name"]: case for case in FRAMES["fromReader"]}


def named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@pytest.fixture(scope="module")
def keys() -> dict[str, PublicKey]:
    return {jwk["kid"]: load_public_key(base64.urlsafe_b64decode(jwk["x"] + "=")) for jwk in load("keys.json")["keys"]}


def test_the_files_are_what_is_written() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.iterdir()} == files()
    assert (ROOT / "docs/asyncapi.json").read_text(encoding="utf-8") == asyncapi.text(screen_part())


def test_the_private_keys_are_those_of_the_set(keys: dict[str, PublicKey]) -> None:
    assert {key["kid"] for key in CODES["testPrivateKeys"]} == set(keys)
    for key in CODES["testPrivateKeys"]:
        private = base64.urlsafe_b64decode(key["d"] + "=")
        SigningKey(key["kid"], private, keys[key["kid"]].public_bytes_raw())  # raises when they are no pair


@named(CODES["codes"])
def test_our_code_reads_each_code_as_it_says(case: dict[str, Any], keys: dict[str, PublicKey]) -> None:
    assert lookup_key(case["code"]).hex() == case["lookupKey"]
    try:
        claims = read_code(case["code"], keys)
    except MalformedCode:
        assert case["expect"] == "malformed_code"
    except BadSignature:
        assert case["expect"] == "bad_signature"
    else:
        assert case["expect"] == "valid"
        assert claims.kid == case["kid"]
        assert case["claims"] == {
            "iss": str(claims.school_id),
            "exp": claims.expires,
            "nbf": claims.not_before,
            "cti": str(claims.pass_id),
        }


@named(CODES["codes"])
def test_a_reader_alone_says_the_same(case: dict[str, Any]) -> None:
    keys = offline.read_keys(load("keys.json"))
    for check in case.get("offline", [{"seconds": 0, "says": case["expect"]}]):
        try:
            claims = offline.check(case["code"], keys, CODES["schoolId"], check["seconds"])
            said = "granted"
            assert (claims.school, claims.card) == (case["claims"]["iss"], case["claims"]["cti"])
        except offline.Denied as denied:
            said = str(denied)
        assert said == check["says"], check
    if steps := case.get("steps"):
        _, signed, signature = offline.parse(case["code"])
        assert offline.base45(case["code"][4:]).hex() == steps["token"]
        assert (signed.hex(), signature.hex()) == (steps["toBeSigned"], steps["signature"])


def understood(protocol: str, frame: str | bytes) -> Any:
    """What the hub makes of a frame, down to the items of a replay."""
    codec = CODECS[protocol]
    message = codec.decode(frame)
    return (message.sentAt, [codec.item(item) for item in message.scans]) if isinstance(message, Replay) else message


@named(FRAMES["fromReader"])
def test_both_forms_of_a_readers_frame_say_the_same(case: dict[str, Any]) -> None:
    packed = bytes.fromhex(case["msgpack"])
    assert understood(JSON, case["json"]) == understood(MSGPACK, packed)
    assert msgpack.unpack(packed) == json.loads(case["json"])
    assert msgpack.unpack(msgpack.pack(json.loads(case["json"]))) == json.loads(case["json"])


@named(FRAMES["fromReaderMsgpackOnly"])
def test_msgpacks_own_forms_say_the_same(case: dict[str, Any]) -> None:
    same = understood(JSON, SENT[case["sameAs"]]["json"])
    assert understood(MSGPACK, bytes.fromhex(case["msgpack"])) == same


@named(FRAMES["refusedByHub"])
def test_what_is_refused_is_refused_so(case: dict[str, Any]) -> None:
    for protocol, frame in ((JSON, case.get("json")), (MSGPACK, case.get("msgpack"))):
        if frame is not None:
            found = refusal(protocol, frame if protocol == JSON else bytes.fromhex(frame))
            assert (found.code, found.scanId) == (case["error"]["code"], case["error"].get("scanId", msgspec.UNSET))


def refusal(protocol: str, frame: str | bytes) -> Error:
    codec = CODECS[protocol]
    try:
        message = codec.decode(frame)
        assert isinstance(message, Scan)
        device_info(message.deviceInfo)
    except UNREADABLE as error:
        salvaged = codec.salvage(frame, error)
        if salvaged is None:
            return Error("malformed_frame", plain(error))
        scans, refusals = salvaged
        assert not scans
        return refusals[0]
    raise AssertionError("it was taken")


@named(FRAMES["fromHub"])
def test_what_the_hub_says_is_read_alike_in_both_forms(case: dict[str, Any]) -> None:
    packed = bytes.fromhex(case["msgpack"])
    assert Codec("json").decode(case["json"]) == Codec("msgpack").decode(packed)
    assert msgpack.unpack(packed) == json.loads(case["json"])


def test_http_bodies_are_read() -> None:
    for body in HTTP["verify"]["requests"]:
        msgspec.convert(body, Verify, strict=False)
    for answer in HTTP["verify"]["answers"]:
        assert str(msgspec.convert(answer, DecisionRead).scan_id) == answer["scanId"]
    for body in HTTP["accessLogs"]["requests"]:
        raw = msgspec.json.encode(body)
        items = msgspec.json.decode(raw, type=Attempts).items if "items" in body else [msgspec.Raw(raw)]
        for item in items:
            assert msgspec.json.decode(item, type=Attempt).deviceInfo in (None, {"lamp": "ok"})
    for answer in HTTP["accessLogs"]["answers"]:
        for item in answer.get("items", [answer]):
            assert msgspec.convert(item, RecordedItem).final


def test_every_frame_fits_the_asyncapi_document_and_no_refused_one_does() -> None:
    document = asyncapi.document()
    jsonschema: Any = importlib.import_module("jsonschema")  # it comes with check-jsonschema, without types

    def fits(frame: Any, direction: list[str]) -> bool:
        refs = [document["components"]["messages"][name]["payload"] for name in direction]
        schema = {"oneOf": refs, "components": document["components"]}
        return bool(jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).is_valid(frame))

    sent, heard = ["scan", "scans", "replay", "status"], list(asyncapi._TO_READERS)
    for case in FRAMES["fromReader"]:
        assert fits(json.loads(case["json"]), sent), case["name"]
    for case in FRAMES["fromHub"]:
        assert fits(json.loads(case["json"]), heard), case["name"]
    # Sizes in bytes and what is a UUID or a time are beyond what the document promises to check.
    beyond = {"deviceInfo over 1 KiB", "a scanId that is no UUID", "a time without a zone", "not JSON"}
    for case in FRAMES["refusedByHub"]:
        if "json" in case and case["name"] not in beyond:
            assert not fits(json.loads(case["json"]), sent), case["name"]


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document(screen_part())
    assert set(document["channels"]) == {"readers", "screens"}
    assert not set(screen_part()["schemas"]) & set(asyncapi.reader_part()["schemas"]), "two schemas have one name"

    def follow(node: Any) -> int:
        if isinstance(node, list):
            return sum(map(follow, node))
        if not isinstance(node, dict):
            return 0
        if isinstance(reference := node.get("$ref"), str):
            place: Any = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
            return 1
        return sum(map(follow, node.values()))

    assert follow(document) > 30


def test_the_third_party_knows_nothing_of_us() -> None:
    for path in sorted((ROOT / "tests/third_party").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.split(".")[0] in {"hub", "msgspec", "base45", "cwt", "cbor2"}]
            assert not [name for name in names if name.startswith("tests.") and "third_party" not in name]
