"""People at a reader's address: a guard with a phone asks what a reader asks, and says at which door.

The same verb, desk.ask, behind everything that a person's request passes through (hub/rest/router.py). Whose request it
is shows in its bearer: an access token has dots, a device's key has none.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from aiohttp import hdrs, web
from msgspec import Struct

from hub.accounts.permissions import Permission
from hub.domain.verdict import DIRECTION_CODE
from hub.errors import NotFound, StoreUnavailable
from hub.gate.desk import Answer, Desk
from hub.gate.messages import Code, Decision, DirectionName, decision, device_info
from hub.index.directory import AccessPoint, Directory
from hub.rest.call import Call
from hub.rest.route import Api, Route

VERIFY = "/passes/verify"


class VerifyByHand(Struct, kw_only=True, forbid_unknown_fields=True):
    """A person's question. `accessPointId`: at which door the pass is shown; a reader has its own, and says none."""

    accessPointId: UUID
    qrCode: Code
    scanId: UUID | None = None
    direction: DirectionName | None = None
    record: bool = True


def is_persons(request: web.BaseRequest) -> bool:
    """Whether a person asks, at an address that is a reader's too."""
    given = request.headers.get(hdrs.AUTHORIZATION)
    return "." in given if given is not None else hdrs.COOKIE in request.headers


class PeopleDoor:
    """One a worker."""

    def __init__(self, desk: Desk, directory: Directory, loaded: asyncio.Event) -> None:
        self._desk = desk
        self._directory = directory
        self._loaded = loaded

    def route(self, api: Api) -> Route:
        return replace(
            Route(
                "POST",
                VERIFY,
                self.verify,
                summary="May this pass enter there?",
                permission=Permission.passes_verify,
                body=VerifyByHand,
                answer=Decision,
                idempotent=False,
                errors=(NotFound,),
                example={"accessPointId": "018bcfe5-6800-7000-8000-000000000001", "qrCode": "SP1:6BF+70000"},
            ),
            api=(api,),
        )

    async def verify(self, call: Call[None, VerifyByHand]) -> Decision:
        """The scan is recorded as any other, with who asked beside it."""
        body, user = call.body, call.identity.user_id
        point = self._point(call.school, body.accessPointId)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._desk.ask(
            point,
            body.qrCode,
            body.scanId,
            DIRECTION_CODE[body.direction],
            _settle,
            token=future,
            info=device_info({"userId": str(user)}),
            record=body.record,
        )
        told = decision(await future)
        await call.note(
            "verify",
            "pass",
            None if told.pass_ is None else UUID(told.pass_.id),
            new={"accessPointId": point.id_text, "scanId": str(told.scanId), "decision": told.decision},
            school=UUID(bytes=point.school_id),
            subject=None if told.student is None else UUID(told.student.id),
        )
        return told

    def _point(self, school: UUID | None, wanted: UUID) -> AccessPoint:
        """Raises NotFound, also for another school's."""
        if not self._loaded.is_set():
            raise StoreUnavailable("the hub is starting and has not read its passes yet; ask again")
        point = self._directory.points.get(wanted.bytes)
        if point is None or point.school is None or (school is not None and point.school_id != school.bytes):
            raise NotFound("no such access point")
        return point


def _settle(answer: Answer) -> None:
    future = answer.token
    assert isinstance(future, asyncio.Future)
    if not future.done():
        future.set_result(answer)
