"""A real SMTP server that keeps what it takes, and can be told to refuse; the jobs process in this one beside it."""

from __future__ import annotations

import asyncio
import email
import re
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from hub.config import Settings
from hub.jobs.process import run

_TOKEN = re.compile(r"#token=([\w-]{43})")


class Mailbox:
    """`refusals`: replies that the next letters get instead of being taken. `port`: where it listens."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self.refusals: list[str] = []
        self.refused = asyncio.Event()
        self.port = 0
        self.signed_in: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refusals:
            self.refused.set()
            return self.refusals.pop(0)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        assert message["To"].addresses[0].addr_spec == envelope.rcpt_tos[0]
        await self.letters.put(message)
        return "250 taken"

    def sign_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.signed_in.append(data.password)
        return AuthResult(success=data.password == b"smtp secret")

    async def letter(self) -> EmailMessage:
        async with asyncio.timeout(120):
            return await self.letters.get()

    async def token(self) -> str:
        return token_in(await self.letter())

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Mailbox]:
        def connected() -> SMTP:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return SMTP(self, enable_SMTPUTF8=True, **options)

        server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


def token_in(message: EmailMessage) -> str:
    """The same in both parts."""
    found = set()
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        found |= set(_TOKEN.findall(part.get_content()))
    (token,) = found
    return str(token)


@asynccontextmanager
async def jobs_running(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await task
