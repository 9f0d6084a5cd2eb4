"""`passhub reader` as a process: what goes in, what comes out, how it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.cli.reader_screen import REASONS, reason_in_words
from hub.domain.keyboards import LAYOUTS
from hub.domain.qr import SigningKey, sign_code
from hub.domain.scanners import as_typed
from hub.domain.verdict import REASON_TEXT

pytestmark = pytest.mark.service  # each test starts a process

KEY = "k" * 43
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
SIGNING_KEY = SigningKey("reader01", bytes(32), SIGNER.public_key().public_bytes_raw())
# Without +, which is an accent under some layouts: only its own test should be about that.
CODE = next(
    code
    for code in (sign_code(SIGNING_KEY, UUID(int=1), UUID(int=number), 0, 1_800_000_000) for number in range(10_000))
    if "+" not in code and "-" in code and "$" in code
)
WELCOME = {
    "type": "welcome",
    "accessPoint": {"id": "p", "name": "North door", "accessType": "both", "isActive": True},
    "schoolCode": "NORTH",
    "serverTime": "2026-11-24T08:00:00Z",
}
LAYOUT_BY_NAME = {layout.name: layout for layout in LAYOUTS}
Connect = Callable[[web.Request], Awaitable[web.StreamResponse]]


def decision(scan: dict[str, Any]) -> dict[str, Any]:
    known = scan["code"] == CODE
    name = {"exit": "Zoë\x1b[2J Łuk", None: "Ada Lovelace"}.get(scan.get("direction"), "Ada Lovelace")
    return {
        "type": "decision",
        "scanId": scan["scanId"],
        "decision": "granted" if known else "denied",
        "valid": known,
        "reason": None if known else "expired_pass" if scan["code"] == "old" else "malformed_code",
        "student": {"id": "s", "name": name, "photoUrl": None} if known or scan["code"] == "old" else None,
        "pass": {"id": "p", "passNumber": "P-1", "expiryDate": "2027-06-30"} if known else None,
        "accessPointId": "p",
        "accessTime": "2026-11-24T08:00:00Z",
        "stale": False,
    }


class Hub:
    """`cut` connections are cut at their first scan, `silent` scans are never answered, `revoke` closes with 4001."""

    def __init__(self) -> None:
        self.cut = 0
        self.revoke = False
        self.codes: list[str] = []
        self.url = ""

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if request.headers["Authorization"] != f"Bearer {KEY}":
            return web.Response(status=401)
        socket = web.WebSocketResponse(protocols=("passhub.v1.msgpack",))
        await socket.prepare(request)
        await socket.send_bytes(msgspec.msgpack.encode(WELCOME))
        if self.revoke:
            await socket.close(code=4001)
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            scan = msgspec.msgpack.decode(message.data)
            self.codes.append(scan["code"])
            if self.cut:
                self.cut -= 1
                assert request.transport is not None
                request.transport.abort()
            elif scan["code"] != "silent":
                await socket.send_bytes(msgspec.msgpack.encode(decision(scan)))
        return socket


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    playing = Hub()
    app = web.Application()
    app.router.add_get("/api/v1/readers/connect", playing.connect)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    playing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield playing
    await runner.cleanup()


@asynccontextmanager
async def command(*arguments: str, **streams: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    streams = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **streams}
    program = "from hub.cli import main; main()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "reader", *arguments, env=environment, **streams
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(hub: Hub, lines: bytes, *arguments: str, key: str = KEY) -> tuple[int | None, list[str], str]:
    """Exit status, lines of answers, notices."""
    async with command("--url", hub.url, "--key", key, *arguments) as process:
        out, err = await process.communicate(lines)
        return process.returncode, out.decode().splitlines(), err.decode()


async def test_answers_are_one_line_each_in_the_order_of_the_scans(hub: Hub) -> None:
    status, answers, notices = await run(hub, f"{CODE}\n\nold\r\n{CODE}\nwhat?".encode())
    assert answers == [
        "GRANTED  Ada Lovelace, pass P-1",
        "DENIED  Ada Lovelace, the pass has expired (expired_pass)",
        "GRANTED  Ada Lovelace, pass P-1",
        "DENIED  this is not the code of a pass (malformed_code)",
    ]
    assert notices == "Connected to NORTH, North door.\n"
    assert status == 0


async def test_a_refused_key_is_one_line_and_exit_status_2(hub: Hub) -> None:
    assert await run(hub, b"", key="wrong") == (2, [], "passhub: the hub does not know this device key\n")


async def test_a_key_revoked_while_nobody_scans_ends_it(hub: Hub) -> None:
    hub.revoke = True
    async with command("--url", hub.url, "--key", KEY) as process:
        assert process.stderr is not None
        assert await process.wait() == 2
        last = (await process.stderr.read()).decode().splitlines()[-1]
        assert last == "passhub: the device key was revoked or replaced"


async def test_a_code_mangled_by_a_keyboard_layout_is_said_and_repaired(hub: Hub) -> None:
    typed = as_typed(CODE, LAYOUT_BY_NAME["French"])
    status, answers, notices = await run(hub, typed.encode() + b"\n" + typed[:-6].encode() + b"\n")
    assert status == 0
    assert hub.codes == [CODE, typed[:-6].strip()]
    assert [answer.split()[0] for answer in answers] == ["GRANTED", "DENIED"]
    _, repaired, broken = notices.splitlines()
    assert repaired == (
        "The scanner types for a US keyboard, but this computer's layout is French: the code was repaired."
    )
    assert "cannot be repaired" in broken


async def test_a_terminal_that_is_not_utf_8_is_understood(hub: Hub) -> None:
    typed = as_typed(CODE, LAYOUT_BY_NAME["Danish"])
    _, answers, notices = await run(hub, typed.encode("cp1252"))
    assert answers == ["GRANTED  Ada Lovelace, pass P-1"]
    assert "Danish" in notices


async def test_a_lost_connection_is_said_and_survived(hub: Hub) -> None:
    hub.cut = 1
    status, answers, notices = await run(hub, CODE.encode())
    assert (status, answers) == (0, ["GRANTED  Ada Lovelace, pass P-1"])
    assert hub.codes == [CODE, CODE]
    assert [line.split(" (")[0] for line in notices.splitlines()] == [
        "Connected to NORTH, North door.",
        "No connection to the hub",
        "Connected again to NORTH, North door.",
    ]


async def test_a_scan_without_an_answer_is_said(hub: Hub) -> None:
    status, answers, _ = await run(hub, b"silent\n" + b"x" * 5000 + b"\n" + CODE.encode(), "--timeout", "5")
    assert answers == [
        "NO ANSWER  the hub did not answer in time; scan again",
        "NO ANSWER  a code has at most 4096 characters",
        "GRANTED  Ada Lovelace, pass P-1",
    ]
    assert status == 0


async def test_ctrl_c_ends_it_quietly(hub: Hub) -> None:
    async with command("--url", hub.url, "--key", KEY) as process:
        assert process.stderr is not None
        assert await process.stderr.readline() == b"Connected to NORTH, North door.\n"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await process.stderr.read() == b""


async def test_the_key_can_come_from_a_file(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\na comment\n")
    async with command("--url", hub.url, "--key-file", str(file)) as process:
        out, _ = await process.communicate(CODE.encode())
        assert out.startswith(b"GRANTED")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "localhost:1"), "give the device key"),
        (("--url", "localhost:1", "--key", "k", "--key-file", "f"), "give the device key"),
        (("--url", "localhost:1", "--key-file", "/nonexistent"), "cannot read the device key"),
        (("--url", "ftp://h", "--key", "k"), "ftp:// is no hub's address"),
        (("--url", "localhost:1", "--key", "two words"), "the device key is empty, or has"),
    ],
)
async def test_what_cannot_start_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    async with command(*arguments) as process:
        out, err = await process.communicate(b"")
        assert process.returncode == 1
        assert out == b""
        assert err.decode().startswith(f"passhub: {said}")
        assert err.count(b"\n") == 1


async def test_on_a_terminal_the_answer_is_large_and_a_name_cannot_move_the_cursor(hub: Hub) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    program = "import os; os.environ.update(" + repr(environment) + "); from hub.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "reader", "--url", hub.url, "--key", KEY, "--direction", "exit",
        stdin=asyncio.subprocess.PIPE, stdout=theirs, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    shown = asyncio.create_task(asyncio.to_thread(_read_all, ours))
    await process.communicate(CODE.encode())
    text = await shown
    assert process.returncode == 0
    assert "█  █" in text
    assert "\x1b[1;" in text  # bold, and a colour
    assert "Zoë�[2J Łuk" in text


def _read_all(descriptor: int) -> str:
    """Everything until the other end of the terminal is closed, which Linux reports as an error."""
    found = b""
    try:
        while data := os.read(descriptor, 65_536):
            found += data
    except OSError:
        return found.decode()
    finally:
        os.close(descriptor)
    return found.decode()


def test_every_reason_of_the_hub_has_words() -> None:
    assert {reason for reason in REASON_TEXT if reason} <= set(REASONS)
    assert reason_in_words("a_new_reason") == "a new reason (a_new_reason)"
