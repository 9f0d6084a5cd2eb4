"""Which replies of a mail server are the letter's fault, for good, and which are its operator's or ours: it waits."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import pytest

from hub.config import load_settings
from hub.integrations.mail.sending import MailRefused, MailWaits, send

#: What it says at each step when it has nothing against us.
CONTENT = {"connect": "220 here", "EHLO": "250 here", "MAIL": "250 yes", "RCPT": "250 yes", "DATA": "354 go on"}
STEPS = [*CONTENT, "content"]


class Server:
    """Says `reply` at one step; refused as EHLO, HELO is refused too. `ended`: of the one connection."""

    def __init__(self, step: str, reply: str) -> None:
        self.ended = asyncio.Event()
        self._replies = CONTENT | {"content": "250 taken"} | {step: reply}
        self._replies["HELO"] = self._replies["EHLO"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self._replies['connect']}\r\n".encode())
        while line := (await reader.readline()).decode():
            verb = line.split()[0].upper()
            if verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(f"{self._replies.get(verb, '250 yes')}\r\n".encode())
            if verb == "DATA" and self._replies["DATA"].startswith("354"):
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(f"{self._replies['content']}\r\n".encode())
        writer.close()
        await writer.wait_closed()
        self.ended.set()


async def outcome(step: str, reply: str) -> str:
    """What sending to it raises."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "hub@school.example", "ada@near.example", "Hello"
    letter.set_content("Hello")
    server = Server(step, reply)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        with pytest.raises((MailRefused, MailWaits)) as caught:
            await send(load_settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none"), letter)
        await server.ended.wait()
    assert "ada@" not in str(caught.value)
    assert reply[:3] in str(caught.value)
    return type(caught.value).__name__


@pytest.mark.parametrize("step", STEPS)
async def test_refused_for_good_is_a_letter_and_no_setting(step: str) -> None:
    wanted = "MailRefused" if step in {"RCPT", "DATA", "content"} else "MailWaits"
    assert await outcome(step, "550 5.7.1 not you, ada@near.example") == wanted


@pytest.mark.parametrize("step", STEPS)
async def test_refused_for_now_is_tried_again(step: str) -> None:
    assert await outcome(step, "451 4.7.1 later, ada@near.example") == "MailWaits"
