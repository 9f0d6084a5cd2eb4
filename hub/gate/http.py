"""The door for readers that ask by HTTP: verify, and the replay of what was decided while cut off.

POST /api/v1/passes/verify      one scan; 200 with the decision, once it is durable; a person's goes to people.py
POST /api/v1/access-logs        one attempt, or {"items": […]}; 200 with what became of each
POST /api/v1/access-logs/{scanId}/annul    nobody passed after all; 200
GET  /.well-known/passhub-keys.json   the public keys, as a JWK set (RFC 7517)
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from hub.config import Settings
from hub.domain.qr import public_jwk
from hub.domain.verdict import DIRECTION_CODE
from hub.errors import BadRequest, NotFound, PayloadTooLarge, StoreUnavailable, TooManyRequests, Unauthorized
from hub.gate.annulling import Annulling
from hub.gate.attempts import Attempts, PeekId
from hub.gate.desk import Answer, Desk
from hub.gate.messages import UNREADABLE, AnnulAttempt, Attempt, RecordedItem, Verify, decision, device_info, plain
from hub.gate.messages import Attempts as AttemptsBody
from hub.gate.pace import Pace
from hub.gate.people import is_persons
from hub.gate.reply import json_reply, whole_answer
from hub.index.directory import AccessPoint, Directory

_verify = msgspec.json.Decoder(Verify)
_attempts = msgspec.json.Decoder(AttemptsBody)
_attempt = msgspec.json.Decoder(Attempt)
_annul = msgspec.json.Decoder(AnnulAttempt)
_peek = msgspec.json.Decoder(PeekId)
_encode = msgspec.json.Encoder().encode


def presented_key(headers: Mapping[str, str]) -> bytes:
    """SHA-256 of the bearer token. Raises Unauthorized when there is none."""
    header = headers.get(hdrs.AUTHORIZATION, "")
    if header[:7].lower() != "bearer " or len(header) == 7:
        raise Unauthorized("send the device's key as: Authorization: Bearer <key>")
    return hashlib.sha256(header[7:].strip().encode("utf-8", "surrogateescape")).digest()


class HttpDoor:
    """Parse → desk → reply."""

    def __init__(
        self, settings: Settings, desk: Desk, directory: Directory, loaded: asyncio.Event, annulling: Annulling
    ) -> None:
        self._settings = settings
        self._annulling = annulling
        self._desk = desk
        self._directory = directory
        self._loaded = loaded
        self.pace = Pace(settings.rate_device)
        self._loop = asyncio.get_running_loop()
        #: Answers a person who asks here (hub/gate/people.py).
        self.by_hand: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/passes/verify", self.verify),
            web.post("/api/v1/access-logs", self.access_logs),
            web.post("/api/v1/access-logs/{scanId}/annul", self.annul),
            web.get("/.well-known/passhub-keys.json", self.keys),
        ]

    def device(self, request: web.Request) -> tuple[AccessPoint, bytes]:
        """Who asks, and the hash of the key that says so. Raises Unauthorized, or StoreUnavailable before the load."""
        hashed = presented_key(request.headers)
        if not self._loaded.is_set():
            raise StoreUnavailable("hub_unavailable: the hub is starting and has not read its passes yet; ask again")
        point = self.point_of(hashed)
        if point is None:
            raise Unauthorized("this device key is unknown, expired or revoked; enrol the reader again")
        return point, hashed

    def point_of(self, key_hash: bytes) -> AccessPoint | None:
        """The access point of a device key, None when it is not (or no longer) good for one."""
        return self._directory.device(key_hash, time.time_ns() // 1000)

    async def verify(self, request: web.Request) -> web.StreamResponse:
        """May this pass enter?"""
        if self.by_hand is not None and is_persons(request):
            return await self.by_hand(request)
        point, _ = self.device(request)
        if seconds := self.pace.wait(point):
            raise TooManyRequests(f"{point.name}: more than {self.pace.rate} scans/s; again in {seconds} s", seconds)
        scan = _decode(_verify.decode, await request.read())
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._ask(point, scan, device_info(scan.deviceInfo), _resolve, future)
        return json_reply(request, _encode(decision(await future)))

    def verify_at_once(self, headers: Mapping[str, str], body: bytes, answer: Callable[[bytes], None]) -> bool:
        """The same from the connection itself (hub/rest/express.py). False for a person, and for what is refused."""
        given = headers.get(hdrs.AUTHORIZATION)
        if given is None or "." in given or not self._loaded.is_set():
            return False
        try:
            point = self.point_of(presented_key(headers))
            scan = _verify.decode(body)
            info = device_info(scan.deviceInfo)
        except (Unauthorized, *UNREADABLE):
            return False
        if point is None or self.pace.wait(point):
            return False
        self._ask(point, scan, info, _answer, answer)
        return True

    def _ask(
        self, point: AccessPoint, scan: Verify, info: bytes | None, then: Callable[[Answer], None], token: object
    ) -> None:
        direction = DIRECTION_CODE[scan.direction]
        self._desk.ask(point, scan.qrCode, scan.scanId, direction, then, token=token, info=info, record=scan.record)

    async def access_logs(self, request: web.Request) -> web.StreamResponse:
        """Keep what a reader decided by itself, once however often it is sent."""
        point, _ = self.device(request)
        raw = await request.read()
        single = not raw.lstrip()[:1] or not _has_items(raw)
        if single:
            _decode(_attempt.decode, raw)
            items: list[Any] = [raw]
            sent_at = None
        else:
            body = _decode(_attempts.decode, raw)
            items, sent_at = list(body.items), body.sentAt
        limit = self._settings.replay_max_items
        if len(items) > limit:
            raise PayloadTooLarge(f"at most {limit} items in one request; send the rest in another")
        future: asyncio.Future[list[RecordedItem]] = self._loop.create_future()
        Attempts(self._desk, point, lambda results: _settle(future, results)).take(
            items, _attempt.decode, _peek.decode, sent_at
        )
        results = await future
        body_out = _encode(results[0]) if single else _encode({"items": results})
        return json_reply(request, body_out)

    async def annul(self, request: web.Request) -> web.StreamResponse:
        """The turnstile did not turn: a reader takes back a scan of its own, for a quarter of an hour."""
        point, _ = self.device(request)
        body = _decode(_annul.decode, await request.read())
        try:
            scan_id = UUID(request.match_info["scanId"])
        except ValueError:
            raise NotFound("no such scan") from None
        return json_reply(request, _encode(await self._annulling.by_device(point, scan_id, body.reason)))

    async def keys(self, request: web.Request) -> web.Response:
        """What a reader needs to check a code with no network."""
        keys = [public_jwk(kid, raw) for kid, raw in sorted(self._directory.public_keys.items())]
        return web.Response(
            body=_encode({"keys": keys}),
            headers={hdrs.CONTENT_TYPE: "application/jwk-set+json", hdrs.CACHE_CONTROL: "public, max-age=300"},
        )


def _resolve(answer: Answer) -> None:
    assert isinstance(answer.token, asyncio.Future)
    _settle(answer.token, answer)


def _answer(answer: Answer) -> None:
    send: Any = answer.token
    send(whole_answer(_encode(decision(answer))))


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


class _HasItems(msgspec.Struct):
    items: msgspec.Raw = msgspec.Raw()  # not `Raw | None`: msgspec takes that for None alone


_probe = msgspec.json.Decoder(_HasItems)


def _has_items(raw: bytes) -> bool:
    return bool(_decode(_probe.decode, raw).items)


def _decode(decode: Any, raw: bytes) -> Any:
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$").removeprefix(".") or "body"
        raise BadRequest(f"{field}: {message}", [{"field": field, "message": message}]) from None
    except UNREADABLE as error:
        fault = plain(error)
        raise BadRequest(f"the body is not JSON: {fault}", [{"field": "body", "message": fault}]) from None
