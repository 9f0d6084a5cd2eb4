"""Screens with npm's own socket.io-client, whatever dies meanwhile: the exact set of events, in order, none twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.hub import Hub, short_directory
from tests.acceptance.load import Load
from tests.acceptance.oracle import check
from tests.acceptance.outage import Valkey, family, frozen, own_valkey
from tests.acceptance.program import is_alive, wait_for
from tests.acceptance.school import PASSWORD, School, guard
from tests.acceptance.screen import NodeScreen
from tests.services import Cluster

pytestmark = pytest.mark.service

SCHOOLS = ("North", "South")
_ROWS = """
SELECT l.id::text, l.recorder_id::text AS recorder FROM access_logs l JOIN schools s ON s.id = l.school_id
WHERE s.code = $1 ORDER BY l.recorder_id, l.stream_seq
"""


def live_hub(school: School, directory: Path, **settings: Any) -> Hub:
    return Hub(school.url, directory, live_ping=3, **settings)


@contextmanager
def screens(*hubs: Hub, schools: tuple[str, ...] = SCHOOLS) -> Iterator[list[tuple[str, NodeScreen]]]:
    """For each hub and school one screen of its guard that is connected; (school code, screen)."""
    with ExitStack() as stack:
        found = [
            (code, stack.enter_context(NodeScreen(hub.port, hub.sign_in(guard(code), PASSWORD))))
            for hub in hubs
            for code in schools
        ]
        for _, screen in found:
            screen.wait(partial(_has_begun, screen), "its first cursor")
        yield found


def _has_begun(screen: NodeScreen) -> bool:
    return screen.cursor is not None


def check_screens(school: School, shown: list[tuple[str, NodeScreen]]) -> None:
    """Every screen was shown what access_logs has of its school: each once, in the order of each recorder."""
    for code, screen in shown:
        rows = school.fetch(_ROWS, code)
        ids = [row["id"] for row in rows]
        screen.wait_ids(ids)
        assert sorted(screen.ids) == sorted(ids)
        for recorder in {row["recorder"] for row in rows}:
            theirs = [row["id"] for row in rows if row["recorder"] == recorder]
            of_recorder = set(theirs)
            assert [id_ for id_ in screen.ids if id_ in of_recorder] == theirs
        assert not screen.lines("reset")
        print(f"{code}: {len(ids)} events, {len(screen.lines('connected'))} connections")


def test_a_screen_that_is_cut_again_and_again(school: School, directory: Path) -> None:
    with live_hub(school, directory) as hub:
        hub.wait_ready()
        with screens(hub) as shown:
            with Load(hub.port, school.doors) as load:
                for turn in range(2, 7):
                    load.wait_kept(100)
                    for _, screen in shown:
                        screen.cut()
                    for _, screen in shown:
                        screen.wait_connected(turn)
                load.wait_kept(100)
            check(school, load.ledger, amended=True)
            check_screens(school, shown)


def _is_gone(pid: int) -> bool:
    return not is_alive(pid)


def test_workers_and_recorder_are_killed_under_the_screens(school: School, directory: Path) -> None:
    with live_hub(school, directory) as hub:
        hub.wait_ready()
        with screens(hub, hub) as shown:
            with Load(hub.port, school.doors) as load:
                for role in ("worker", "recorder", "worker", "recorder"):
                    load.wait_kept(150)
                    pid = hub.pids["recorder"] if role == "recorder" else hub.pids["workers"][0]
                    os.kill(pid, signal.SIGKILL)
                    wait_for(partial(_is_gone, pid), "it is gone")
                    hub.wait_ready()
                load.wait_kept(150)
            check(school, load.ledger)
            check_screens(school, shown)


def test_the_hub_is_restarted_and_killed_under_the_screens(school: School, directory: Path) -> None:
    hub = live_hub(school, directory)
    with hub:
        hub.wait_ready()
        with screens(hub) as shown:
            with Load(hub.port, school.doors) as load:
                load.wait_kept(150)
                hub.send(signal.SIGHUP)
                hub.workers_replaced(hub.pids["workers"], count=2)
                load.wait_kept(150)
                hub.stop()
                hub.start()
                hub.wait_ready()
                load.wait_kept(150)
                os.kill(hub.pid, signal.SIGKILL)
                hub.wait()
                wait_for(lambda: not hub.processes(), "those before it are gone")
                hub.start()
                hub.wait_ready()
                load.wait_kept(150)
            check(school, load.ledger)
            check_screens(school, shown)


def test_a_screen_that_does_not_listen_is_cut_off_and_catches_up(school: School, directory: Path) -> None:
    with live_hub(school, directory, live_buffer_bytes=65_536, live_resume_max=1_000_000) as hub:
        hub.wait_ready()
        with screens(hub, hub, schools=("North",)) as shown:
            (_, good), (_, deaf) = shown
            with Load(hub.port, school.doors, pace=0.001) as load:
                load.wait_kept(50)
                deaf.deafen(30.0)
                load.wait_kept(4000)
                good.wait(lambda: len(good.ids) > 1000, "the other screen goes on")
            deaf.wait_connected(2)
            check(school, load.ledger, amended=True)
            check_screens(school, shown)
        # Whoever noticed first: the hub that nothing is taken or answered, or the client that no ping came.
        assert deaf.lines("disconnect")
        assert len(good.lines("connected")) == 1


@pytest.fixture
def two_places(directory: Path) -> Iterator[tuple[Path, Path]]:
    with short_directory() as other:
        yield directory, other


@contextmanager
def two_hosts(school: School, places: tuple[Path, Path], **settings: Any) -> Iterator[tuple[Hub, Hub]]:
    with live_hub(school, places[0], **settings) as one, live_hub(school, places[1], **settings) as two:
        one.wait_ready()
        two.wait_ready()
        yield one, two


def loads(stack: ExitStack, school: School, *hubs: Hub) -> list[Load]:
    """On each hub a load of its own, at doors of its own."""
    each = len(school.doors) // len(hubs)
    parts = [school.doors[n * each : (n + 1) * each] for n in range(len(hubs))]
    return [
        stack.enter_context(Load(hub.port, doors, http=4, sockets=4, in_flight=3))
        for hub, doors in zip(hubs, parts, strict=True)
    ]


def test_two_hosts_and_valkey_that_is_killed_frozen_and_back(school: School, two_places: tuple[Path, Path]) -> None:
    with (
        own_valkey() as valkey,
        two_hosts(school, two_places, redis_url=valkey.url) as hubs,
        screens(*hubs) as shown,
    ):
        with ExitStack() as stack:
            running = loads(stack, school, *hubs)
            _wait_kept(running)
            _take_valkey_away(valkey, running)
            shown[0][1].cut()
            shown[-1][1].cut()
            _wait_kept(running)
        _check_both(school, running)
        check_screens(school, shown)


def _wait_kept(running: list[Load], more: int = 100) -> None:
    for load in running:
        load.wait_kept(more)


def _take_valkey_away(valkey: Valkey, running: list[Load]) -> None:
    with valkey.stopped():
        _wait_kept(running)
    _wait_kept(running)
    os.kill(valkey.pid, signal.SIGKILL)
    _wait_kept(running)
    with valkey.stopped():
        pass
    _wait_kept(running)
    with frozen([valkey.pid]):
        _wait_kept(running, 200)


def _check_both(school: School, running: list[Load]) -> None:
    first = running[0].ledger
    for load in running[1:]:
        first.scans |= load.ledger.scans
    check(school, first, amended=True)


def test_two_hosts_without_redis(school: School, two_places: tuple[Path, Path]) -> None:
    with two_hosts(school, two_places) as hubs, screens(*hubs) as shown:
        with ExitStack() as stack:
            running = loads(stack, school, *hubs)
            _wait_kept(running, 200)
        _check_both(school, running)
        check_screens(school, shown)


def test_a_host_s_recorder_and_its_postgresql_are_away_while_the_other_s_screens_watch(
    own_cluster: Cluster, frozen_school: School, two_places: tuple[Path, Path]
) -> None:
    school = frozen_school
    with (
        own_valkey() as valkey,
        two_hosts(school, two_places, redis_url=valkey.url) as hubs,
        screens(*hubs) as shown,
    ):
        with ExitStack() as stack:
            running = loads(stack, school, *hubs)
            _wait_kept(running)
            with frozen(family(own_cluster.postgres.pid)):
                _wait_kept(running)
                before = [len(screen.ids) for _, screen in shown]
                _wait_kept(running)
                for (_, screen), had in zip(shown, before, strict=True):
                    screen.wait(partial(_has_more, screen, had), "events without PostgreSQL")
                os.kill(hubs[0].pids["recorder"], signal.SIGKILL)
                _wait_kept(running)
            _wait_kept(running)
        _check_both(school, running)
        check_screens(school, shown)


def _has_more(screen: NodeScreen, than: int) -> bool:
    return len(screen.ids) > than
