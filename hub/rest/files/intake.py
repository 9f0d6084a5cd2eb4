"""What is uploaded, looked at before it is kept: whether it carries a virus, and whether it is what it has to be.

Pictures are decoded by a process beside this one. Few at once: each waits for its turn before it is in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import structlog
from aiohttp import web

from hub.config import Settings
from hub.control.hand import Hand, HandLost
from hub.errors import StoreUnavailable, TooManyRequests, Unprocessable, UnsupportedMedia
from hub.rest.faults import fault
from hub.rest.files.kinds import HEAD, PILLOW, TAIL, kind_of
from hub.rest.files.naming import LOGO_SIDE, SIZES
from hub.rest.files.shrinking import Done, Task
from hub.rest.jobs.spool import Spool
from hub.store.clamd import Clamd, ClamdAway

log = structlog.get_logger(__name__)
Scan = Literal["clean", "waiting", "trusted"]
#: How many may wait for the process.
WAITING = 64


class Infected(Unprocessable):
    """`virus`: clamd's name of what it found."""

    def __init__(self, virus: str, field: str) -> None:
        super().__init__("a virus was found in this file; it was not kept", [fault(field, "has a virus in it")])
        self.virus = virus


class Intake:
    """One a process. `close` ends the process that decodes."""

    def __init__(self, settings: Settings) -> None:
        self._clamd = None if settings.clamd_url is None else Clamd(settings.clamd_url, settings.clamd_timeout)
        self._refuse = settings.files_unscanned == "refuse"
        self._pixels = settings.photo_max_pixels
        self._hand = Hand("hub.rest.files.shrinking", Done)
        self._turn = asyncio.Lock()
        self._waiting = 0
        #: Held by whichever upload is written to this host's disk.
        self.writing = asyncio.Lock()

    def require(self) -> None:
        """Raises StoreUnavailable where nothing looks for viruses and that is not allowed."""
        if self._clamd is None and self._refuse:
            raise StoreUnavailable(
                "nothing here looks for viruses, so no file is taken: the operator has to set HUB_CLAMD_URL, or"
                " HUB_FILES_UNSCANNED=serve"
            )

    async def scan(self, chunks: AsyncIterator[bytes], field: str) -> Scan:
        """Waiting when clamd is away: whoever keeps the file has it looked at later. Raises Infected, and
        StoreUnavailable as `require` does."""
        self.require()
        if self._clamd is None:
            return "trusted"
        try:
            virus = await self._clamd.scan(chunks)
        except ClamdAway as error:
            log.warning("a file waits for clamd", fault=str(error))
            return "waiting"
        if virus is not None:
            raise Infected(virus, field)
        return "clean"

    async def kind(self, spool: Spool, field: str, taken: tuple[str, ...]) -> str:
        """The media type, one of `taken`. Raises UnsupportedMedia; Unprocessable for a picture that is none."""
        kind = await asyncio.to_thread(_kind, spool)
        if kind is None or kind not in taken:
            names = ", ".join(one.partition("/")[2].upper() for one in taken)
            raise UnsupportedMedia(f"{field}: this is none of {names}, whatever its name says")
        return kind

    async def photo(self, spool: Spool, field: str, kind: str) -> list[bytes]:
        """JPEGs in the order of SIZES. Raises Unprocessable."""
        return await self._decode(spool, field, kind, list(SIZES))

    async def logo(self, spool: Spool, field: str, kind: str) -> bytes:
        """One JPEG, a square with all of the picture in it. Raises Unprocessable."""
        return (await self._decode(spool, field, kind, [LOGO_SIDE], whole=True))[0]

    async def check_picture(self, spool: Spool, field: str, kind: str) -> None:
        """Raises Unprocessable for one that cannot be decoded, or is too large to be."""
        await self._decode(spool, field, kind, [])

    async def _decode(
        self, spool: Spool, field: str, kind: str, sizes: list[int], *, whole: bool = False
    ) -> list[bytes]:
        if self._waiting >= WAITING:
            raise TooManyRequests("too many pictures are being read at this moment; try again in a second", 1)
        self._waiting += 1
        try:
            async with self._turn:
                content = await asyncio.to_thread(spool.open().read)
                done = await self._hand.do(Task(content, [PILLOW[kind]], sizes, self._pixels, whole))
        except HandLost as error:
            # Twice: it is this picture that ends the process, or holds it up.
            raise Unprocessable("the picture cannot be read", [fault(field, "cannot be read")]) from error
        finally:
            self._waiting -= 1
        if done.fault is not None:
            raise Unprocessable(f"the picture {done.fault}", [fault(field, done.fault)])
        return done.pictures

    async def close(self) -> None:
        await self._hand.close()


def _kind(spool: Spool) -> str | None:
    file = spool.open()
    head = file.read(HEAD)
    file.seek(max(0, spool.size - TAIL))
    return kind_of(head, file.read(TAIL))


async def spooled(spool: Spool) -> AsyncIterator[bytes]:
    """The plain bytes of a finished spool, a part after the other."""
    for number in range(spool.parts):
        yield await asyncio.to_thread(spool.part, number)


#: Where the resources find it: `call.part(INTAKE)`.
INTAKE = web.AppKey("intake", Intake)
