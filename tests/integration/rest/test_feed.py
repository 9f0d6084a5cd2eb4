"""What is done to an access point by a request is known at its door, on every worker, through the feed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import msgspec

from hub.config import Settings
from tests.integration.gate.place import furnish, recorder_running, until, worker_running
from tests.integration.rest.site import People, Trail

POINTS = "/api/v1/access-points"


async def test_a_new_door_opens_and_a_deleted_one_does_not(database: str, settings: Callable[..., Settings]) -> None:
    place = await furnish(database)
    own, people = settings(shutdown_timeout=0.2, workers=1), People()
    rows = await place.fetch(
        "INSERT INTO users (email, password_hash, first_name, last_name, school_id)"
        " VALUES ('a@example.org', '', '', '', $1) RETURNING id",
        place.schools["near"],
    )
    token = people.sign_in("school_admin", place.schools["near"], rows[0]["id"])
    async with (
        recorder_running(own),
        worker_running(own, place, 0, None, people, Trail()) as gate,
        worker_running(own, place, 1) as other,
    ):

        async def ask(method: str, path: str, body: object = None) -> dict[str, str]:
            headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if body else {})
            data = msgspec.json.encode(body) if body else None
            async with gate.http.request(method, gate.url + path, headers=headers, data=data) as response:
                assert response.status < 300, await response.text()
                return {} if response.status == 204 else await response.json()

        def known(key: str) -> bool:
            digest, now = hashlib.sha256(key.encode()).digest(), time.time_ns() // 1000
            return all(one.worker.directory.device(digest, now) is not None for one in (gate, other))

        async def verified(key: str) -> dict[str, object]:
            place.keys["new"] = key
            return await other.verify("granted", "new")

        made = await ask("POST", POINTS, {"name": "New gate", "accessType": "both"})
        path, key = f"{POINTS}/{made['id']}", made["deviceKey"]
        await until(lambda: known(key), bool)
        assert (await verified(key))["decision"] == "granted"

        await ask("PUT", path, {"isActive": False})
        await until(lambda: verified(key), lambda answer: answer["decision"] == "denied")

        newer = (await ask("POST", f"{path}/rotate-key"))["deviceKey"]
        await until(lambda: known(newer), bool)
        assert known(key), "the old key works on while the reader is changed"

        await ask("DELETE", path)
        await until(lambda: not known(key) and not known(newer), bool)
