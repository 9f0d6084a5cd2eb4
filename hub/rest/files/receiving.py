"""Files of a form, each written to this host's disk, sealed, as it comes; refused as soon as one is too large."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from dataclasses import field as own
from types import TracebackType
from typing import Any, Self

from aiohttp import BodyPartReader, web

from hub.errors import PayloadTooLarge, UnsupportedMedia
from hub.rest.body import odd_text
from hub.rest.call import Call
from hub.rest.faults import fault, refusal
from hub.rest.files.intake import INTAKE
from hub.rest.jobs.spool import PART, Spool
from hub.rest.multipart import CHUNK, bad_multipart, check_encoding, pieces
from hub.rest.turns import TURNS, Turns

_LONGEST_TEXT = 1000
_LONGEST_NAME = 1000


@dataclass
class Form:
    """`files`: name and content, in the order in which they came; `texts`: the other fields. Closes its spools."""

    files: list[tuple[str, Spool]] = own(default_factory=list)
    texts: dict[str, str] = own(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, spool in self.files:
            spool.close()


async def receive_form(call: Call[Any, Any], form: Form, *, texts: tuple[str, ...] = (), most_files: int = 1) -> None:
    """All of the request into the form: files as the route's upload_field. Raises UnsupportedMedia, BadRequest with
    what is missing, PayloadTooLarge."""
    request, name = call.request, call.route.upload_field
    if request.content_type != "multipart/form-data":
        raise UnsupportedMedia(f"send multipart/form-data with the file as `{name}`")
    writing, turns = call.part(INTAKE).writing, call.part(TURNS)
    receiver = _Receiver(form, name, texts, most_files, call.settings.file_max_bytes, writing, turns)
    with bad_multipart():
        await receiver.receive(request)
    receiver.check()


@dataclass
class _Receiver:
    form: Form
    field: str
    texts: tuple[str, ...]
    most_files: int
    most_bytes: int
    writing: asyncio.Lock
    turns: Turns

    async def receive(self, request: web.Request) -> None:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise refusal([fault("body", "has a form within the form")])
            check_encoding(part)
            if part.name == self.field:
                await self._file(part)
            elif part.name in self.texts and part.name not in self.form.texts:
                self.form.texts[part.name] = await _text(part, part.name)
            else:
                raise refusal([fault((part.name or "body")[:60], "is not taken here, or not twice")])

    async def _file(self, part: BodyPartReader) -> None:
        if len(self.form.files) == self.most_files:
            raise refusal([fault(self.field, f"{self.most_files} at a time are taken, and no more")])
        spool = Spool()
        self.form.files.append(((part.filename or "")[:_LONGEST_NAME], spool))
        size, waiting = 0, bytearray()
        async for chunk in pieces(part, self.turns):
            size += len(chunk)
            if size > self.most_bytes:
                raise PayloadTooLarge(f"{self.field}: a file may have {self.most_bytes} bytes")
            waiting += chunk
            if len(waiting) >= PART:
                await self._write(spool, bytes(waiting))
                waiting.clear()
        await self._write(spool, bytes(waiting))
        spool.finish()

    async def _write(self, spool: Spool, content: bytes) -> None:
        """One at a time of all uploads here: meanwhile the others' senders wait, and scans do not."""
        async with self.writing:
            await asyncio.to_thread(spool.write, content)

    def check(self) -> None:
        faults = [fault(self.field, "is empty") for _, spool in self.form.files if not spool.size]
        if not self.form.files:
            faults.append(fault(self.field, "is required"))
        faults += [fault(name, "is required") for name in self.texts if name not in self.form.texts]
        if faults:
            raise refusal(faults)


async def _text(part: BodyPartReader, name: str) -> str:
    raw = bytearray()
    while chunk := await part.read_chunk(CHUNK):
        raw += chunk
        if len(raw) > _LONGEST_TEXT:
            raise refusal([fault(name, "is too long")])
    text = raw.decode("utf-8", "replace")
    if odd := odd_text(text):
        raise refusal([fault(name, odd)])
    return text
