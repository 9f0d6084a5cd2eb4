"""Idempotency-Key: a POST that is sent again, because its answer was lost, is answered as the first time, for a day.

The key is claimed in the request's own transaction: a second request with it waits for the first, then finds its
answer; one that failed leaves nothing behind. The same key with another request is 422. Answers are sealed under a key
that takes a data key and the caller's Idempotency-Key to derive, of which only a digest is kept: they may hold what is
shown once.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from hub.config import Settings, key_ring
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken
from hub.errors import BadRequest, Unprocessable
from hub.rest.call import Call
from hub.rest.etags import encode
from hub.store.queries import load_queries

Q = load_queries(__package__)
HEADER = "Idempotency-Key"
LONGEST = 200
_KEPT_HEADERS = (hdrs.LOCATION, hdrs.CONTENT_TYPE)


class _Kept(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes


class Repeat(NamedTuple):
    """A request with a key. `digest` names the key, `request` what was asked, `ring` seals the answer."""

    digest: bytes
    request: bytes
    ring: KeyRing

    async def begin(self, call: Call[Any, Any]) -> web.Response | None:
        """Claim the key; the kept answer when it was claimed before. Raises Unprocessable for another request's."""
        tx = await call.tx()
        user = call.identity.user_id
        if await tx.fetchval(Q.claim_key, user, self.digest, call.school, self.request):
            return None
        row = await tx.fetchrow(Q.kept_answer, user, self.digest)
        if row is None or not hmac.compare_digest(row["request"], self.request):
            raise Unprocessable("this Idempotency-Key was sent with another request; make a new one")
        if row["answer"] is None:  # somebody was erased meanwhile
            raise Unprocessable("this was done before; the answer to it is not kept any more")
        try:
            kept = msgspec.msgpack.decode(self.ring.unseal(row["answer"], self.digest), type=_Kept)
        except SealBroken:
            raise Unprocessable("the answer to this Idempotency-Key cannot be read any more; make a new one") from None
        headers = kept.headers | {"Idempotency-Replayed": "true", hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(status=kept.status, headers=headers, body=kept.body or None)

    async def keep(self, call: Call[Any, Any], response: web.Response) -> None:
        headers = {str(name): response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        body = response.body if isinstance(response.body, bytes) else b""
        kept = msgspec.msgpack.encode(_Kept(response.status, headers, body))
        tx = await call.tx()
        await tx.execute(Q.keep_answer, call.identity.user_id, self.digest, self.ring.seal(kept, self.digest))


def repeated_id(call: Call[Any, Any]) -> UUID | None:
    """An id that the same caller's same key gives again: for what is kept outside the request's transaction. None
    without a key."""
    given = call.request.headers.get(HEADER)
    if given is None:
        return None
    digest = hashlib.sha256(b"passhub repeated id" + call.identity.user_id.bytes + given.encode()).digest()
    return UUID(bytes=digest[:6] + bytes([0x80 | digest[6] & 0x0F, digest[7], 0x80 | digest[8] & 0x3F]) + digest[9:16])


def repeat_of(call: Call[Any, Any], settings: Settings) -> Repeat | None:
    """None when the caller sent no key, or the route takes none. Raises BadRequest."""
    given = call.request.headers.get(HEADER)
    if given is None or not call.route.takes_key:
        return None
    if not 0 < len(given) <= LONGEST or not given.isascii() or not given.isprintable() or " " in given:
        message = f"must be 1 to {LONGEST} printable ASCII characters, without spaces"
        raise BadRequest(f"{HEADER}: {message}", [{"field": HEADER, "message": message}])
    # The school too: two schools of one super admin do not see each other's rows, and must not collide in them.
    who = call.identity.user_id.bytes + (call.school.bytes if call.school else bytes(16))
    # The name depends on no data key: a request is the same one while keys are exchanged.
    name = hashlib.sha256(b"passhub idempotency" + who + given.encode()).digest()
    asked = [call.request.path, call.request.query_string, encode(call.body)]
    return Repeat(
        name,
        hashlib.sha256(msgspec.msgpack.encode(asked)).digest(),
        key_ring(settings).derived(b"idempotency" + who + given.encode()),
    )
