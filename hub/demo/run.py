"""`passhub demo`, read top to bottom: directory → services → schema → schools → server → readers → screen.

Each part is closed in reverse, whatever ends the demo: Ctrl-C, SIGTERM, a hang-up, the duration, or a fault. Signals
only set an event, so a second Ctrl-C changes nothing. What dies meanwhile is started again by its keeper.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop
from pydantic import SecretStr

from hub.config import Settings, load_settings
from hub.demo.document import Document
from hub.demo.place import Place
from hub.demo.portraits import paint
from hub.demo.readers import Crew
from hub.demo.result import SeedResult
from hub.demo.schools import SCHOOLS
from hub.demo.screen import Screen
from hub.demo.seed import seed
from hub.demo.server import Server, end_former_run
from hub.demo.services import Services
from hub.errors import StartError
from hub.store.migrate import migrate
from hub.supervisor.sockets import open_sockets
from hub.version import __version__

SHUTDOWN_SECONDS = 1.5  # of the server's processes, so that everything has stopped within five


@dataclass(frozen=True)
class Options:
    """`rate`: scans a second, in the mean of a simulated day. `duration`: seconds from when the server is ready."""

    data_dir: Path
    port: int | None
    students: int
    readers: int
    rate: float
    duration: float | None
    workers: int | None


def run(options: Options) -> None:
    """Until it is told to stop. Raises StartError and other HubErrors, one line each, when it cannot start."""
    screen = Screen()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(_until_told(Demo(options, screen), screen))
            finally:
                # From here on nothing is left to stop, and a late Ctrl-C would only show a traceback.
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
    except OSError as error:
        raise StartError(f"the demo cannot go on: {error}") from error
    finally:
        screen.close()


async def _until_told(demo: Demo, screen: Screen) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored: nohup
            loop.add_signal_handler(number, demo.stop.set)
    screen.gone = demo.stop.set
    work = asyncio.create_task(demo.run())
    told = asyncio.create_task(demo.stop.wait())
    await asyncio.wait([work, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not work.done():
        screen.say("stopping …")
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work


class Demo:
    """One run; `stop` ends it."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self.stop = asyncio.Event()
        self._options = options
        self._screen = screen
        self._begun = self._last = time.monotonic()
        self._document: Document | None = None

    async def run(self) -> None:
        """Until cancelled."""
        options, screen = self._options, self._screen
        async with AsyncExitStack() as parts:
            place = Place(options.data_dir)
            parts.callback(place.close)
            parts.callback(self._write_end)
            settings = _settings(options, place)
            screen.say(f"passhub {__version__}, demo in {place.path}")
            await end_former_run(place, screen)
            _require_port(settings)

            screen.step("starting PostgreSQL and Valkey")
            services = Services(place.path)
            parts.push_async_callback(services.stop)
            await services.start()
            settings = _connected(settings, services)
            self._done("PostgreSQL and Valkey are running")

            screen.step("bringing the database to this version's schema")
            applied = await migrate(services.postgres.running.url())
            self._done(f"schema: {len(applied)} migrations applied" if applied else "schema: nothing to do")

            screen.step("making the schools and their students, unless they are there")
            result = await seed(settings, options.students, progress=screen.step, secrets_file=place.secrets_file)
            people = sum(map(len, result.crowd.values()))
            self._done(f"two schools {'made' if result.created else 'found'}; {people:,} people may enter")

            screen.step(f"starting the server, {settings.workers} workers")
            http = await parts.enter_async_context(aiohttp.ClientSession())
            server = Server(settings, place)
            parts.push_async_callback(server.stop)
            await server.start()
            await server.wait_ready(http)
            self._done("the server is ready")

            document = Document(place, server, services, result)
            document.write()
            self._document = document
            self._welcome(server, place, result)
            if options.duration is not None:
                asyncio.get_running_loop().call_later(options.duration, self.stop.set)
            await self._stay(services, server, document, result, http)

    def _write_end(self) -> None:
        """demo.json of a demo that has ended: the same, with nobody's pids."""
        with suppress(StartError):
            if self._document is not None:
                self._document.write()

    async def _stay(
        self,
        services: Services,
        server: Server,
        document: Document,
        result: SeedResult,
        http: aiohttp.ClientSession,
    ) -> None:
        def moved() -> None:
            """A service that is back may have another address: only a new server process learns it."""
            settings = _connected(server.settings, services)
            if settings != server.settings:
                server.settings = settings
                self._screen.say("it has another address now; the server is started again to learn it")
                tasks.create_task(server.stop())  # its keeper starts it again

        crew = Crew(server.base_url, result, self._options.readers, self._options.rate, self._screen)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(services.postgres.keep(self._screen, moved))
                tasks.create_task(services.valkey.keep(self._screen, moved))
                tasks.create_task(server.keep(self._screen, http))
                tasks.create_task(document.keep())
                tasks.create_task(crew.run())
                tasks.create_task(self._say_first_scan(crew))
                if result.created and crew.doors and self._options.rate:
                    tasks.create_task(paint(server.settings))
        finally:
            self._say_end(crew)

    # What is said

    def _done(self, text: str) -> None:
        now = time.monotonic()
        self._screen.say(f"  {text}  ({now - self._last:.1f} s)")
        self._last = now

    def _welcome(self, server: Server, place: Place, result: SeedResult) -> None:
        say, here = self._screen.say, _short(place.path)
        say("")
        say(f"  {server.base_url}/", "bold")
        for school in SCHOOLS:
            say(f"  sign in: {_guard(result, school.code)}   {school.name}, live")
        say(f"  health  {server.base_url}/health    metrics  {server.base_url}/metrics")
        say(f"  {here}/demo.json   accounts, device keys and codes to try by hand")
        say(f"  {here}/log/        what the server, PostgreSQL and Valkey say")
        if server.settings.mail_dir is not None and server.settings.smtp_host is None:
            say(f"  {_short(server.settings.mail_dir)}/       letters to people: HUB_SMTP_HOST is not set")
        say("  Ctrl-C stops everything; the next start carries on with the same data")
        say("")

    async def _say_first_scan(self, crew: Crew) -> None:
        if not crew.doors:
            self._screen.say("  no simulated readers")
            return
        if not self._options.rate:
            self._screen.say(f"  {len(crew.doors)} readers at their doors, and nobody walks in")
            return
        await crew.first_answer.wait()
        asked = self._options.readers
        limit = f", one a door ({asked} were asked for)" if asked > len(crew.doors) else " at their doors"
        seconds = time.monotonic() - self._begun
        self._screen.say(f"  {len(crew.doors)} readers{limit}; first scan answered {seconds:.1f} s after the start")

    def _say_end(self, crew: Crew) -> None:
        tally = crew.tally
        if tally.granted or tally.denied:
            unanswered = f", {tally.unanswered:,} without an answer" if tally.unanswered else ""
            self._screen.say(f"{tally.granted:,} granted, {tally.denied:,} denied{unanswered}")


def _guard(result: SeedResult, school: str) -> str:
    """Address and password of somebody who may watch the school's doors."""
    account = next(a for a in result.accounts if a.school_code == school and a.role == "security")
    return f"{account.email}  {account.password or '(the password was changed)'}"


def _settings(options: Options, place: Place) -> Settings:
    """The caller's HUB_* settings, with what makes the demo one: its own services, journal and key, never another's."""
    settings = load_settings(
        port=options.port,
        workers=options.workers,
        journal_dir=place.journal,
        secret_key=place.secret_key(),
        audit_key=place.audit_key(),
        audit_heads=place.audit_heads,
        rate_device=0,  # `--rate` may be more than people could do
        log_format="json",
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    if settings.smtp_host is None and settings.mail_dir is None:
        settings = settings.model_copy(update={"mail_dir": place.mail})
    if settings.s3_bucket is None and settings.files_dir is None:
        settings = settings.model_copy(update={"files_dir": place.files})
    if settings.clamd_url is None:  # made-up people's photos, uploaded by whoever tries the demo
        settings = settings.model_copy(update={"files_unscanned": "serve"})
    others = ("database_url", "database_api_url", "database_admin_url", "database_system_url", "redis_url", "data_keys")
    return settings.model_copy(update=dict.fromkeys(others))


def _connected(settings: Settings, services: Services) -> Settings:
    return settings.model_copy(
        update={
            "database_url": SecretStr(services.postgres.running.url()),
            "redis_url": SecretStr(services.valkey.running.url),
        }
    )


def _require_port(settings: Settings) -> None:
    """Raises StartError now, rather than after the services' start, when another program has the port."""
    for sock in open_sockets(settings.host, settings.port, 1):
        sock.close()


def _short(path: Path) -> str:
    """Relative where that is shorter to read and to type."""
    with suppress(OSError):
        relative = os.path.relpath(path)
        return relative if not relative.startswith("..") else str(path)
    return str(path)
