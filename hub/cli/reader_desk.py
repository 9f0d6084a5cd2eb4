"""The loop of `passhub reader`: a line comes in, its answer is shown."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from hub.cli.reader_screen import Screen
from hub.domain.scanners import recognise_layout
from hub.errors import StartError
from hub.reader import NotAnswered, Reader, ScanRefused


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout` in seconds."""

    url: str
    key: str
    direction: Literal["entry", "exit"] | None
    record: bool
    timeout: float
    encoding: Literal["json", "msgpack"]


@dataclass(frozen=True, slots=True)
class Line:
    """`typed_at`: the loop's time in seconds when a person's scanner typed it; None for a line of a file or pipe."""

    text: str
    typed_at: float | None


async def attend(options: Options) -> None:
    """Until standard input ends. Raises RefusedKey and the reader's other final faults, even while nobody scans."""
    screen = Screen()
    try:
        reader = Reader(options.url, options.key, encoding=options.encoding, on_event=screen.event)
    except ValueError as error:
        raise StartError(str(error)) from None
    async with reader:
        tasks = [asyncio.create_task(_answer_lines(reader, options, screen)), asyncio.create_task(reader.finished())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()


async def _answer_lines(reader: Reader, options: Options, screen: Screen) -> None:
    async for line in _lines():
        text = line.text.strip()
        if text:
            await _answer(reader, options, screen, text, line.typed_at)


async def _answer(reader: Reader, options: Options, screen: Screen, text: str, typed_at: float | None) -> None:
    fault = recognise_layout(text)
    if fault is not None:
        screen.scanner(fault)
    code = (fault and fault.repaired) or text
    # A door that opens for a scan of half a minute ago opens for nobody, or for the wrong person.
    late = 0.0 if typed_at is None else asyncio.get_running_loop().time() - typed_at
    if late >= options.timeout:
        screen.no_answer("this scan waited too long; scan again")
        return
    try:
        decision = await reader.scan(
            code, direction=options.direction, record=options.record, timeout=options.timeout - late
        )
    except NotAnswered:
        why = "did not answer in time" if reader.connected else "cannot be reached"
        screen.no_answer(f"the hub {why}; scan again")
    except (ScanRefused, ValueError) as error:
        screen.no_answer(str(error))
    else:
        screen.decision(decision)


async def _lines() -> AsyncIterator[Line]:
    """The lines of standard input. A thread reads them, because not every kind of file can be waited for.

    It reads the descriptor itself: a thread that is inside sys.stdin at the end of the program would abort it.
    """
    loop = asyncio.get_running_loop()
    person = os.isatty(sys.stdin.fileno())
    queue: asyncio.Queue[Line | None] = asyncio.Queue(0 if person else 1)

    def put(text: str | None) -> None:
        waiting = queue.put(None if text is None else Line(text, loop.time() if person else None))
        try:
            asyncio.run_coroutine_threadsafe(waiting, loop).result()
        except RuntimeError:
            waiting.close()
            raise

    def read() -> None:
        rest = b""
        try:
            while data := os.read(sys.stdin.fileno(), 65_536):
                *whole, rest = (rest + data).split(b"\n")
                for raw in whole:
                    put(_text(raw))
                rest = rest[-65_536:]
            put(_text(rest))
            put(None)
        except (RuntimeError, OSError, asyncio.CancelledError):
            return  # the loop has ended, or the terminal is gone

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


def _text(raw: bytes) -> str:
    """UTF-8, or what a terminal of western Europe means by these bytes; never fails."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
