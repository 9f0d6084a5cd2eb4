"""The server as the program needs it: whether it wakes us, its clock, who holds others up, room for connections."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from secrets import token_hex

from hub.config import Settings
from hub.store.pg import OwnConnection, PostgresError, Role, connect
from hub.store.queries import load_queries
from hub.supervisor.doctor.asking import asking, one_row
from hub.supervisor.doctor.findings import Notes, lasting, many, some

Q = load_queries("hub.supervisor.doctor")

NOTIFY_SECONDS = 2.0
CLOCK_WARNS_SECONDS, CLOCK_FAULT_SECONDS = 1.0, 60.0
HELD_SECONDS = 300.0
WAITED_SECONDS = 5.0
# A worker listens and reads, and now and then compares; the recorder drains; jobs listen. Beside these are pools: a
# worker's of each role, and the jobs' of hub_system for what is short, of each role for what takes long.
CONNECTIONS_OF_WORKER, CONNECTIONS_OF_RECORDER, CONNECTIONS_OF_JOBS = 3, 1, 1
POOLS_OF_WORKER, POOLS_OF_JOBS = len(Role), 1 + len(Role)


async def examine(settings: Settings, connection: OwnConnection, notes: Notes) -> None:
    """`connection`: one of hub_system's."""
    with asking(notes, "wake-ups"):
        await _wake_up(settings, connection, notes)
    with asking(notes, "clock"):
        judge_clock(await clock_difference(connection), notes)
    with asking(notes, "sessions"):
        await _sessions(connection, notes)
    with asking(notes, "room"):
        room = await one_row(connection, Q.room)
        judge_room(needed(settings), room["most"] - room["reserved"], room["open"], notes)


async def _wake_up(settings: Settings, connection: OwnConnection, notes: Notes) -> None:
    """A NOTIFY to a connection of its own, as the feed has one."""
    listening = await connect(settings, Role.hub_system, command_timeout=NOTIFY_SECONDS)
    try:
        woken = asyncio.Event()
        channel = f"hub_doctor_{token_hex(8)}"
        await listening.add_listener(channel, lambda *_: woken.set())
        started = time.perf_counter()
        await connection.fetchval(Q.notify, channel)
        try:
            async with asyncio.timeout(NOTIFY_SECONDS):
                await woken.wait()
        except TimeoutError:
            notes.fault(
                "wake-ups",
                f"a NOTIFY did not arrive within {lasting(NOTIFY_SECONDS)}: a revoked pass would go on opening doors",
                "have hub_system's address lead straight to PostgreSQL, not through PgBouncer's transaction mode",
            )
            return
        seconds = time.perf_counter() - started
        notes.right("wake-ups", f"a NOTIFY arrived after {lasting(seconds)}", milliseconds=round(seconds * 1000, 3))
    finally:
        with suppress(OSError, TimeoutError, PostgresError):
            await listening.close(timeout=NOTIFY_SECONDS)


async def clock_difference(connection: OwnConnection) -> tuple[float, float]:
    """PostgreSQL's clock minus this host's, in seconds, and how far off that may be; the quickest of three answers."""
    best = (0.0, float("inf"))
    for _ in range(3):
        before, started = time.time(), time.perf_counter()
        there = await connection.fetchval(Q.clock)
        took = time.perf_counter() - started
        best = min(best, (there - (before + took / 2), took / 2), key=lambda found: found[1])
    return best


def judge_clock(difference: tuple[float, float], notes: Notes) -> None:
    seconds, doubt = difference
    facts = {"seconds": round(seconds, 6), "doubt": round(doubt, 6)}
    apart = abs(seconds) - doubt
    word = "ahead of" if seconds > 0 else "behind"
    says = f"PostgreSQL's clock is {lasting(abs(seconds))} {word} this host's"
    do = "synchronise both (chrony, systemd-timesyncd); scans are logged with this host's time"
    if apart > CLOCK_FAULT_SECONDS:
        notes.fault("clock", says, do, **facts)
    elif apart > CLOCK_WARNS_SECONDS:
        notes.warn("clock", says, do, **facts)
    else:
        notes.right("clock", f"this host and PostgreSQL agree within {lasting(max(abs(seconds), doubt))}", **facts)


async def _sessions(connection: OwnConnection, notes: Notes) -> None:
    """Transactions that stay open keep the feed's catch-up and vacuum from moving on; locks keep others waiting."""
    async with connection.transaction():
        await connection.execute(Q.become_login)
        long = await connection.fetch(Q.long_transactions, HELD_SECONDS)
        prepared = await connection.fetch(Q.prepared_transactions, HELD_SECONDS)
        waiting = await connection.fetch(Q.waiting_sessions, WAITED_SECONDS)
        unseen = await connection.fetchval(Q.unseen_sessions)
    if long:
        named = [
            f"{row['pid']} ({row['who']}, {row['program'] or 'no name'}, {row['state']}) for {lasting(row['seconds'])}"
            for row in long
        ]
        notes.warn(
            "sessions",
            f"{many(len(long), 'transaction')} open for long: {some(named, 2)}",
            f"if nobody needs it: SELECT pg_terminate_backend({long[0]['pid']})",
            pids=[row["pid"] for row in long],
        )
    if prepared:
        named = [f"{row['gid']} ({row['who']}) for {lasting(row['seconds'])}" for row in prepared]
        notes.warn(
            "sessions",
            f"{many(len(prepared), 'prepared transaction')} never ended: {some(named, 2)}",
            "COMMIT PREPARED or ROLLBACK PREPARED, whichever its program says",
        )
    if waiting:
        named = [f"{row['pid']} for {row['blockers']} since {lasting(row['seconds'])}" for row in waiting]
        notes.warn(
            "locks",
            f"{many(len(waiting), 'session')} waiting for a lock: {some(named, 2)}",
            "see what the sessions in brackets do (pg_stat_activity); end them if nobody needs them",
            pids=[row["pid"] for row in waiting],
        )
    if not (long or prepared or waiting):
        hidden = f"; {many(unseen, 'session')} of others cannot be seen without pg_read_all_stats" if unseen else ""
        notes.right("sessions", f"no transaction is open for long, none waits for a lock{hidden}", unseen=unseen)


def needed(settings: Settings) -> int:
    """The most connections that this host's processes open at once; one worker more, while workers are replaced."""
    worker = CONNECTIONS_OF_WORKER + POOLS_OF_WORKER * settings.database_pool_size
    jobs = CONNECTIONS_OF_JOBS + POOLS_OF_JOBS * settings.database_pool_size
    return (settings.workers + 1) * worker + CONNECTIONS_OF_RECORDER + jobs


def judge_room(need: int, most: int, in_use: int, notes: Notes) -> None:
    """`most`: what PostgreSQL gives to all who are no superusers."""
    facts = {"needed": need, "most": most, "open": in_use}
    says = f"this host may open {need} connections; PostgreSQL gives {most}, {in_use} are open"
    if need > most:
        notes.warn("room", says, "raise max_connections, or lower HUB_DATABASE_POOL_SIZE or HUB_WORKERS", **facts)
    else:
        notes.right("room", says, **facts)
