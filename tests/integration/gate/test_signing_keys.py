"""The rehearsal of docs/signing-keys.md: a key is rotated, a key is stolen, and what readers and doors make of it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from hub.config import Settings
from hub.domain.ids import new_id
from hub.domain.qr import BadSignature, PublicKey, SigningKey, load_public_key, read_code, sign_code
from hub.domain.vault import unseal
from tests.conftest import SECRET_KEY
from tests.integration.gate.place import Gate, Place, furnish, recorder_running, until, worker_running
from tests.integration.jobs.world import jobs_running
from tests.integration.rest.site import People, Trail

KEYS = "/api/v1/signing-keys"
PASSES = "/api/v1/passes"


class Office:
    """A super admin and a school's admin at one worker."""

    def __init__(self, gate: Gate, people: People, user: UUID) -> None:
        self.gate = gate
        self.chief = people.sign_in("super_admin", None, user)
        self.admin = people.sign_in("school_admin", gate.place.schools["near"], user)

    async def ask(self, token: str, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else msgspec.json.encode(body)
        async with self.gate.http.request(method, self.gate.url + path, headers=headers, data=data) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def published(self) -> set[str]:
        async with self.gate.http.get(self.gate.url + "/.well-known/passhub-keys.json") as response:
            return {key["kid"] for key in (await response.json())["keys"]}

    async def trusted(self) -> dict[str, PublicKey]:
        """What a reader with no network holds codes against."""
        async with self.gate.http.get(self.gate.url + "/.well-known/passhub-keys.json") as response:
            found = (await response.json())["keys"]
        return {key["kid"]: load_public_key(base64.urlsafe_b64decode(key["x"] + "=")) for key in found}

    async def becomes(self, code: str, reason: str | None) -> None:
        await until(partial(self.gate.verify, code, record=False), lambda answer: answer["reason"] == reason)

    async def visitor(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask(
            self.admin, "POST", f"{PASSES}/visitors", {"visitorName": "Grace", "hostName": "Ada"}
        )
        return found


async def stolen(place: Place, kid: str) -> SigningKey:
    """What a thief has: the private half."""
    (row,) = await place.fetch("SELECT * FROM signing_keys WHERE kid = $1", kid)
    private = unseal(base64.urlsafe_b64decode(SECRET_KEY), row["private_key"], kid.encode())
    return SigningKey(kid, private, row["public_key"])


@pytest.fixture
async def office(database: str, settings: Callable[..., Settings]) -> AsyncIterator[Office]:
    place, people, own = await furnish(database), People(), settings(shutdown_timeout=0.2, workers=1)
    await place.execute("UPDATE signing_keys SET retired_at = now()")
    rows = await place.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('a@x.org', '', '', '') RETURNING id"
    )
    async with recorder_running(own), worker_running(own, place, 0, None, people, Trail()) as gate:
        yield Office(gate, people, rows[0]["id"])


async def test_what_a_rotated_key_has_signed_stays_good(office: Office) -> None:
    old = await office.visitor()
    await until(office.published, lambda kids: old["keyId"] in kids)
    async with office.gate.reader() as reader:
        fresh = await office.ask(office.chief, "POST", f"{KEYS}/rotate", {})
        assert fresh["state"] == "signs"
        assert (await reader.read()) == {"type": "keys"}
    new = await office.visitor()
    assert new["keyId"] == fresh["kid"] != old["keyId"]
    for one in (old, new):
        await office.becomes(one["qrCode"], None)
    assert {old["keyId"], fresh["kid"]} <= await office.published()
    (known,) = (await office.ask(office.chief, "GET", f"{KEYS}?kid={old['keyId']}"))["data"]
    assert known["state"] == "retired"


async def test_what_a_stolen_key_has_signed_is_made_anew(office: Office, settings: Callable[..., Settings]) -> None:
    old, gone = await office.visitor(), await office.visitor()
    await office.ask(office.admin, "POST", f"{PASSES}/{gone['id']}/revoke", {"reason": "left"})
    kid = old["keyId"]
    await until(office.published, lambda kids: kid in kids)
    # A thief signs codes. Online they open nothing; to a reader without a network they are good.
    forged = sign_code(
        await stolen(office.gate.place, kid), office.gate.place.schools["near"], new_id(), 0, 4_000_000_000
    )
    await office.becomes(forged, "unknown_pass")
    assert read_code(forged, await office.trusted()).kid == kid

    async with office.gate.reader() as reader:
        (known,) = (await office.ask(office.chief, "GET", f"{KEYS}?kid={kid}"))["data"]
        reason = {"reason": "a backup was stolen"}
        done = await office.ask(office.chief, "POST", f"{KEYS}/{known['id']}/compromise", reason)
        assert (done["key"]["state"], done["job"]["status"]) == ("compromised", "queued")
        assert (await reader.read()) == {"type": "keys"}
    await until(office.published, lambda kids: kid not in kids)
    await office.becomes(forged, "bad_signature")
    await office.becomes(old["qrCode"], None)  # it was issued, and is until there is another one for it

    async with jobs_running(settings(shutdown_timeout=0.2, workers=1)):
        look = partial(office.ask, office.chief, "GET", f"/api/v1/jobs/{done['job']['id']}")
        job = await until(look, lambda job: job["status"] == "finished")
    assert (job["result"], job["progress"]) == ({"reissued": 1}, {"done": 1, "total": 1})
    await office.becomes(old["qrCode"], "bad_signature")
    anew = await office.ask(office.admin, "GET", f"{PASSES}/{old['id']}")
    assert anew["keyId"] == done["replacedBy"]
    await office.becomes(anew["qrCode"], None)
    keys = await office.trusted()
    assert read_code(anew["qrCode"], keys).pass_id == UUID(old["id"])
    for code in (forged, old["qrCode"]):
        with pytest.raises(BadSignature):
            read_code(code, keys)

    history = await office.ask(office.admin, "GET", f"{PASSES}/{old['id']}/history")
    assert [(event["kind"], event["reason"]) for event in history["data"]] == [
        ("reissued", f"signing key {kid} compromised")
    ]
    (left,) = await office.gate.place.fetch("SELECT key_id, status FROM passes WHERE id = $1", UUID(gone["id"]))
    assert (left["key_id"], left["status"]) == (kid, "revoked")


async def test_a_code_that_is_made_anew_while_its_student_is_suspended_opens_nothing(
    office: Office, settings: Callable[..., Settings]
) -> None:
    place = office.gate.place
    student = place.students["granted"]
    await office.visitor()  # has no student to wait for
    old = await office.ask(office.admin, "POST", PASSES, {"studentId": str(student), "expiryDate": "2099-07-31"})
    (known,) = (await office.ask(office.chief, "GET", f"{KEYS}?kid={old['keyId']}"))["data"]
    other = await asyncpg.connect(place.url)
    try:
        async with jobs_running(settings(shutdown_timeout=0.2, workers=1)):
            async with other.transaction():
                await other.execute("UPDATE students SET status = 'suspended' WHERE id = $1", student)
                done = await office.ask(office.chief, "POST", f"{KEYS}/{known['id']}/compromise", {"reason": "stolen"})
                look = partial(office.ask, office.chief, "GET", f"/api/v1/jobs/{done['job']['id']}")
                while not await place.waited_for(other):
                    assert (await look())["status"] != "finished"
                # The passes are free: whoever changes students locks their passes next.
                await other.execute("SELECT FROM passes WHERE student_id = $1 FOR UPDATE NOWAIT", student)
            job = await until(look, lambda job: job["status"] == "finished")
            assert job["result"] == {"reissued": 2}
            anew = await office.ask(office.admin, "GET", f"{PASSES}/{old['id']}")
            await office.becomes(anew["qrCode"], "student_suspended")
    finally:
        await other.close()
