"""Simulated readers: real WebSockets, one a door, with the people of hub/demo/people.py in front of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import aiohttp

from hub.demo.people import Day, Event, choose_doors, crowds
from hub.demo.result import AccessPoint, SeedResult
from hub.demo.schools import SCHOOLS
from hub.demo.screen import Line, Screen, shown
from hub.reader import Backoff, Decision, NotAnswered, Reader, ReaderError, ScanRefused
from hub.reader.messages import Direction
from hub.version import __version__

ANSWER_WITHIN = 5.0  # seconds that somebody stands at a door
MOST_WAITING = 2_000  # more people than this turn round at the gate
CONNECT_WITHIN = 10.0
RECENT_SECONDS = 5.0
LATE_SECONDS = 1.0
STATUS_SECONDS = 10.0  # how often a reader says what time it has
FIRMWARE = f"demo {__version__}"
BACKOFF = Backoff(first=0.1, longest=1.0)


class Tally:
    """What was answered: totals, and the recent answers with the time that each took."""

    def __init__(self) -> None:
        self.granted = 0
        self.denied = 0
        self.unanswered = 0
        self.newest: tuple[float, AccessPoint, Decision] | None = None
        self._begun = time.monotonic()
        self._recent: deque[tuple[float, float]] = deque()

    def answered(self, door: AccessPoint, decision: Decision, seconds: float) -> None:
        if decision.granted:
            self.granted += 1
        else:
            self.denied += 1
        now = time.monotonic()
        self.newest = (now, door, decision)
        self._recent.append((now, seconds))
        self._forget(now)

    def rate(self) -> float:
        """Answers a second."""
        now = time.monotonic()
        self._forget(now)
        return len(self._recent) / max(0.2, min(RECENT_SECONDS, now - self._begun))

    def p50_ms(self) -> float | None:
        return statistics.median(seconds for _, seconds in self._recent) * 1000 if self._recent else None

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - RECENT_SECONDS:
            self._recent.popleft()


class Crew:
    """Up to `count` readers at their doors, as many as there are doors. `run()` until cancelled."""

    def __init__(self, base_url: str, result: SeedResult, count: int, rate: float, screen: Screen) -> None:
        self.doors = [door for door in choose_doors(result, count) if door.device_key is not None]
        self.tally = Tally()
        self.first_answer = asyncio.Event()
        self._url = base_url
        self._result = result
        self._rate = rate
        self._screen = screen
        self._readers: dict[str, Reader] = {}
        self._arrived: dict[str, asyncio.Event] = {door.id: asyncio.Event() for door in self.doors}
        self._scans: set[asyncio.Task[None]] = set()
        self._phase = ""
        self._complained = False

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            for door in self.doors:
                tasks.create_task(self._attend(door, session))
            try:
                if await self._everybody_is_there() and self._rate > 0:
                    tasks.create_task(self._show())
                    await self._walk()
            except ValueError as error:  # somebody has changed the doors since
                self._screen.say(f"nobody walks in: {error}")
            finally:
                for scan in self._scans:
                    scan.cancel()

    async def _attend(self, door: AccessPoint, session: aiohttp.ClientSession) -> None:
        """One reader's life. A final fault, such as somebody who takes over with the same key, ends it alone."""
        assert door.device_key is not None
        try:
            async with Reader(self._url, door.device_key, session=session, backoff=BACKOFF) as reader:
                self._readers[door.id] = reader
                self._arrived[door.id].set()
                while True:
                    reader.status(firmware=FIRMWARE, queued=0)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(STATUS_SECONDS):
                            await reader.finished()
        except ReaderError as fault:
            self._screen.say(f"{door.name}: {fault}; nobody is simulated there any more")
        finally:
            self._readers.pop(door.id, None)
            self._arrived[door.id].set()

    async def _everybody_is_there(self) -> bool:
        """Whether there is a reader to walk to."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                for arrived in self._arrived.values():
                    await arrived.wait()
        except TimeoutError:
            self._screen.say("some readers are not connected yet; they go on trying")
        return bool(self.doors)

    # People

    async def _walk(self) -> None:
        """People arrive when they do, whether or not those before them have been answered."""
        day = Day(crowds(self._result, self.doors), self._rate, seed=int(time.time()))
        doors = _by_school(self.doors)
        loop = asyncio.get_running_loop()
        due, clock = loop.time(), 0.0
        for event in day:
            due += event.delay_s
            clock += event.delay_s
            self._phase = day.phase(clock).name
            if loop.time() - due > LATE_SECONDS:
                due = loop.time()  # this process was asleep: nobody needs the crowd of that time at once
            await asyncio.sleep(due - loop.time())
            door = doors[event.school_code][event.access_point]
            reader = self._readers.get(door.id)
            if reader is not None and len(self._scans) < MOST_WAITING:
                scan = asyncio.create_task(self._scan(reader, door, event))
                self._scans.add(scan)
                scan.add_done_callback(self._scans.discard)

    async def _scan(self, reader: Reader, door: AccessPoint, event: Event) -> None:
        started = time.perf_counter()
        direction: Direction = "entry" if event.direction == "entry" else "exit"
        try:
            decision = await reader.scan(event.code, direction=direction, timeout=ANSWER_WITHIN)
        except NotAnswered:
            self.tally.unanswered += 1
        except ScanRefused as fault:
            self._complain(f"{door.name}: the hub refused a scan: {fault}")
        except ReaderError:
            pass  # its reader has ended, which was said
        else:
            self.tally.answered(door, decision, time.perf_counter() - started)
            self.first_answer.set()

    def _complain(self, text: str) -> None:
        if not self._complained:
            self._screen.say(text)
        self._complained = True

    # The line of scans

    async def _show(self) -> None:
        shown: object = None
        cut = False
        while True:
            await asyncio.sleep(self._screen.pace)
            cut = self._say_cut(cut)
            newest = self.tally.newest
            if newest is not None and (newest is not shown or self._scans):
                self._screen.live(self._line(*newest))
            shown = newest

    def _say_cut(self, cut: bool) -> bool:
        """Says when readers lose the server, and when all have found it again."""
        away = sum(not reader.connected for reader in self._readers.values())
        if away and not cut:
            self._screen.say(
                f"{away} of {len(self._readers)} readers lost their connection; they try again until there is one"
            )
        elif cut and not away:
            self._screen.say(f"all {len(self._readers)} readers are connected again")
        return away > 0

    def _line(self, at: float, door: AccessPoint, decision: Decision) -> Line:
        clock = time.strftime("%H:%M:%S", time.localtime(time.time() - (time.monotonic() - at)))
        tally = self.tally
        return Line(
            clock=clock,
            school=SCHOOL_NAMES.get(door.school_code, door.school_code),
            door=door.name,
            verdict=decision.decision.upper(),
            who=shown(_who(decision)),
            phase=self._phase,
            rate=tally.rate(),
            p50_ms=tally.p50_ms(),
            granted=tally.granted,
            denied=tally.denied,
            waiting=len(self._scans),
        )


SCHOOL_NAMES = {school.code: school.name for school in SCHOOLS}


def _who(decision: Decision) -> str:
    name = decision.student.name if decision.student is not None else ""
    reason = (decision.reason or "").replace("_", " ")
    return f"{name} ({reason})" if name and reason else name or reason


def _by_school(doors: Sequence[AccessPoint]) -> dict[str, list[AccessPoint]]:
    """As hub.demo.people counts them: within a school, in the order of all."""
    return {code: [door for door in doors if door.school_code == code] for code in {d.school_code for d in doors}}
