"""POST /api/v1/passes/verify, and what stays of it in access_logs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.domain.qr import load_public_key, lookup_key, read_code
from tests.integration.gate.place import DENIED, Gate, Place, recorder_running, until, worker_running

ANONYMOUS = ["malformed_code", "bad_signature", "unknown_pass"]
VERIFY = "/api/v1/passes/verify"


async def test_a_grant_names_the_person_and_the_row_says_the_same(gate: Gate) -> None:
    scan_id = new_id()
    before = datetime.now(UTC)
    answer = await gate.verify(
        "granted", scanId=str(scan_id), direction="entry", deviceInfo={"firmware": "2.1", "rssi": -61}
    )
    student, card = gate.place.students["granted"], gate.place.passes["granted"]
    at = datetime.fromisoformat(answer.pop("accessTime"))
    assert before - timedelta(seconds=1) <= at <= datetime.now(UTC)
    assert answer == {
        "scanId": str(scan_id),
        "decision": "granted",
        "valid": True,
        "reason": None,
        "student": {"id": str(student), "name": "Zoë Quillfeather", "photoUrl": None},
        "pass": {
            "id": str(card),
            "passNumber": "P-granted",
            "expiryDate": (datetime.now(UTC).date() + timedelta(days=100)).isoformat(),
        },
        "accessPointId": str(gate.place.doors["gate"]),
        "stale": False,
    }
    row = (await gate.place.rows(1))[scan_id]
    assert (row["status"], row["reason"], row["access_type"]) == ("granted", None, "entry")
    assert (row["student_id"], row["pass_id"]) == (student, card)
    assert row["school_id"] == gate.place.schools["near"]
    assert row["access_time"] == row["received_at"] == at
    assert json.loads(row["device_info"]) == {"firmware": "2.1", "rssi": -61}
    assert bytes(row["lookup_key"]) == lookup_key(gate.place.codes["granted"])
    assert (row["stale"], row["offline"], row["conflict"], row["reader_time"]) == (False, False, False, None)


async def test_every_reason_in_the_answer_and_in_the_row(gate: Gate) -> None:
    expected: dict[UUID, tuple[str, str | None, bool]] = {}

    async def ask(what: str, reason: str | None, *, shown: bool, door: str = "gate", **more: str) -> None:
        answer = await gate.verify(what, door, **more)
        assert (answer["reason"], answer["decision"]) == (reason, "granted" if reason is None else "denied"), what
        assert answer["valid"] is (reason is None)
        assert (answer["pass"] is not None) is shown, what
        assert answer["accessPointId"] == str(gate.place.doors[door])
        expected[UUID(answer["scanId"])] = (answer["decision"], reason, shown)

    await ask("granted", None, shown=True)
    await ask("visitor", None, shown=True)
    for name in DENIED:
        denied = {"expired_status": "expired_pass", "student_graduated": "student_inactive"}.get(name, name)
        await ask(name, denied, shown=True)
    for name in ANONYMOUS:
        await ask(name, name, shown=False)
    await ask("far", "wrong_school", shown=False)
    await ask("granted", "wrong_school", shown=False, door="far")
    await ask("granted", "access_point_inactive", shown=True, door="off")
    await ask("malformed_code", "access_point_inactive", shown=False, door="off")
    await ask("malformed_code", "school_inactive", shown=False, door="shut")
    await ask("granted", "wrong_direction", shown=True, door="in", direction="exit")
    await ask("granted", "wrong_direction", shown=True, door="out", direction="entry")

    rows = await gate.place.rows(len(expected))
    assert set(rows) == set(expected)
    for id_, (decision, reason, shown) in expected.items():
        row = rows[id_]
        assert (row["status"], row["reason"]) == (decision, reason)
        assert (row["pass_id"] is not None) is shown
        assert row["student_id"] is None or shown


async def test_a_visitor_has_a_pass_and_no_student(gate: Gate) -> None:
    answer = await gate.verify("visitor")
    assert answer["student"] is None
    assert answer["pass"]["passNumber"] == "P-visitor"
    row = (await gate.place.rows(1))[UUID(answer["scanId"])]
    assert (row["student_id"], row["pass_id"]) == (None, gate.place.passes["visitor"])


async def test_the_direction_is_the_doors_when_the_reader_does_not_say(gate: Gate) -> None:
    wanted = {
        UUID((await gate.verify("granted", door, **more))["scanId"]): kept
        for door, more, kept in (
            ("in", {}, "entry"),
            ("out", {}, "exit"),
            ("gate", {}, None),
            ("gate", {"direction": "exit"}, "exit"),
            ("in", {"direction": None}, "entry"),
            ("out", {"direction": "exit"}, "exit"),
        )
    }
    rows = await gate.place.rows(len(wanted))
    assert {id_: row["access_type"] for id_, row in rows.items()} == wanted


async def test_asking_without_recording_leaves_no_row_and_takes_no_scan_id(gate: Gate) -> None:
    scan_id = str(new_id())
    asked = await gate.verify("granted", scanId=scan_id, record=False)
    assert (asked["decision"], asked["scanId"]) == ("granted", scan_id)
    recorded = await gate.verify("revoked_pass", scanId=scan_id)
    assert recorded["reason"] == "revoked_pass"
    rows = await gate.place.rows(1)
    assert [(str(id_), row["reason"]) for id_, row in rows.items()] == [(scan_id, "revoked_pass")]
    assert gate.worker.desk.asked_only == 1


async def test_the_same_scan_again_gets_the_first_verdict_and_another_code_is_refused(gate: Gate) -> None:
    scan_id = str(new_id())
    first = await gate.verify("granted", scanId=scan_id)
    await gate.place.execute("UPDATE passes SET status = 'revoked' WHERE id = $1", gate.place.passes["granted"])
    await until(lambda: gate.verify("granted", record=False), lambda answer: answer["reason"] == "revoked_pass")
    again = await gate.verify("granted", scanId=scan_id)
    assert (again["decision"], again["accessTime"]) == ("granted", first["accessTime"])
    other = await gate.verify("visitor", scanId=scan_id)
    assert (other["reason"], other["pass"], other["student"]) == ("scan_id_reused", None, None)
    assert (await gate.verify("visitor", scanId=scan_id))["reason"] == "scan_id_reused"
    elsewhere = await gate.verify("visitor", "in", scanId=scan_id)
    assert elsewhere["decision"] == "granted"
    await until(lambda: gate.place.fetch("SELECT status, reason FROM access_logs"), lambda rows: len(rows) == 3)
    rows = await gate.place.fetch("SELECT status, reason FROM access_logs ORDER BY received_at")
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("granted", None),
        ("denied", "scan_id_reused"),
        ("granted", None),
    ]


async def test_a_stale_index_says_so_and_denies_past_its_bound(place: Place, quick: Callable[..., Settings]) -> None:
    await place.execute("UPDATE access_points SET max_staleness_seconds = 0 WHERE name IN ('in', 'out')")
    await place.execute("UPDATE access_points SET fail_open = true WHERE name = 'out'")
    own = quick()
    async with recorder_running(own), worker_running(own, place) as gate:
        assert (await gate.verify("granted"))["stale"] is False
        feed = gate.worker.feed
        feed.stale_since = feed.last_heartbeat - 1
        within = await gate.verify("granted")
        assert (within["decision"], within["stale"]) == ("granted", True)
        beyond = await gate.verify("granted", "in")
        assert (beyond["reason"], beyond["stale"]) == ("stale_index", True)
        opened = await gate.verify("granted", "out")
        assert (opened["decision"], opened["stale"]) == ("granted", True)
        rows = await place.rows(4)
        assert [row["stale"] for row in rows.values()] == [False, True, True, True]


async def test_device_info_has_a_limit_and_lands_as_it_was(gate: Gate) -> None:
    fits = {"a": "x" * (1024 - len('{"a":""}'))}
    answer = await gate.verify("granted", deviceInfo=fits)
    row = (await gate.place.rows(1))[UUID(answer["scanId"])]
    assert json.loads(row["device_info"]) == fits
    text = {"path": "C:\\u0000", "nested": {"list": [1, None, True, "ü"]}}
    kept = await gate.verify("granted", deviceInfo=text)
    row = (await gate.place.rows(2))[UUID(kept["scanId"])]
    assert json.loads(row["device_info"]) == text
    assert (await gate.verify("granted", deviceInfo={}))["valid"]
    for bad in ({"a": fits["a"] + "x"}, {"a": "\x00"}, {"\x00": 1}, {"a": "\\\x00"}):
        status, refused = await gate.post(VERIFY, {"qrCode": "x", "deviceInfo": bad})
        assert status == 400
        assert refused["details"][0]["field"] == "deviceInfo"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'"x"', "body"),
        (b"\xff\xfe", "body"),
        (b'{"qrCode":"\xff"}', "body"),
        (b'{"qrCode":' + b"[" * 5000, "qrCode"),
        (b'{"qrCode":"a","deviceInfo":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "body"),
        (b"{}", "body"),
        (b'{"qrCode":1}', "qrCode"),
        (b'{"qrCode":null}', "qrCode"),
        (b'{"qrCode":"a","scanId":"1"}', "scanId"),
        (b'{"qrCode":"a","direction":"up"}', "direction"),
        (b'{"qrCode":"a","record":"no"}', "record"),
        (b'{"qrCode":"a","deviceInfo":[]}', "deviceInfo"),
        (b'{"qrCode":"' + b"a" * 4097 + b'"}', "qrCode"),
        (b'{"qrCode":"a","qrcode":"b"}', "body"),
    ],
)
async def test_what_is_not_a_scan_is_refused_with_the_field(gate: Gate, body: bytes, field: str) -> None:
    status, refused = await gate.post(VERIFY, body)
    assert (status, refused["statusCode"], refused["error"], refused["path"]) == (400, 400, "Bad Request", VERIFY)
    assert refused["details"][0]["field"] == field
    assert refused["details"][0]["message"]
    assert UUID(refused["requestId"]).version == 7
    assert len(refused["message"]) < 300


async def test_the_public_keys_check_a_code_with_no_network(gate: Gate) -> None:
    async with gate.http.get(gate.url + "/.well-known/passhub-keys.json") as response:
        assert response.headers["Content-Type"] == "application/jwk-set+json"
        keys = json.loads(await response.read())["keys"]
    assert [(key["kid"], key["kty"], key["crv"], key["alg"]) for key in keys] == [
        (gate.place.signer.kid, "OKP", "Ed25519", "EdDSA")
    ]
    public = base64.urlsafe_b64decode(keys[0]["x"] + "=")
    claims = read_code(gate.place.codes["granted"], {keys[0]["kid"]: load_public_key(public)})
    assert claims.pass_id == gate.place.passes["granted"]
    await gate.place.execute("UPDATE signing_keys SET compromised_at = now()")
    await until(lambda: gate.worker.directory.public_keys, lambda keys: not keys)
    async with gate.http.get(gate.url + "/.well-known/passhub-keys.json") as response:
        assert json.loads(await response.read()) == {"keys": []}


async def test_a_code_of_a_compromised_key_that_was_issued_still_follows_its_pass(gate: Gate) -> None:
    await gate.place.execute("UPDATE signing_keys SET compromised_at = now()")
    await until(lambda: gate.worker.directory.public_keys, lambda keys: not keys)
    assert (await gate.verify("granted"))["decision"] == "granted"
    assert (await gate.verify("unknown_pass"))["reason"] == "bad_signature"


async def test_a_scan_id_may_be_any_uuid(gate: Gate) -> None:
    for scan_id in (str(uuid4()), "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"):
        assert (await gate.verify("granted", scanId=scan_id))["scanId"] == scan_id.lower()
    assert len(await gate.place.rows(3)) == 3
