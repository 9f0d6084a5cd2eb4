"""The page's sections of scans: rates, the peer, revocations, the drain, the index, a decision."""

from __future__ import annotations

from statistics import median
from typing import Any

from loadtests.bench.section import Section, at_least, at_most, item, rate_row, ratio, row

_HTTP = """
**HTTP verify**: 64 kept-alive connections, one scan at a time each, a random pass of {passes:,}; an answer leaves
only when its scan is on disk. The limit decodes the same body, hashes the code, looks it up in a dictionary of a
million keys, and answers a body of the same size, with aiohttp on uvloop and nothing else.
"""
_SOCKETS = """
**WebSocket scans**: 50 readers with 8 scans in flight each; the limit sends each frame back. CPU is user and system
time of all the server's processes by the kernel's count.
"""
_PEER = """
**The peer of HTTP verify** (`loadtests/peers/verify.py`): FastAPI {fastapi} on uvicorn {uvicorn} with uvloop and
httptools {httptools}, one process on the hub's core, asyncpg {asyncpg} with a pool of 16. A scan is two selects, the
access point by its key and the pass joined with its student, and an INSERT, committed before the answer, into a plain
table with the columns and indexes of `access_logs`. Same clients, same PostgreSQL, which is on the clients' core. In
its favour: prepared statements, the owner's role without row-level security, no partitions, fewer rules. asyncpg's
pool is taken as it comes, with the reset (a round trip) that keeps one request's settings from the next; the figures
of a *bare pool* leave that out.
"""
_REVOCATION = """
**Revocation**: from the confirmed commit of `UPDATE passes SET status = 'revoked'` to the first denial on the last of
{workers} workers, {trials} times, while the HTTP load runs on the same core; beside it a `NOTIFY` to a bare listener
there.
"""
_DRAIN = """
**Drain**: {scans:,} scans from the journal into `access_logs`, against a binary COPY of the same rows, encoded
beforehand, into the same table.
"""
_INDEX = """
**Index**: growth of the process per pass after the load, name and pass number included; the load against a COPY of
the same rows out, thrown away.
"""
_DECISION = "**Decision**: `desk.ask` without the recorder, random passes."


def rates(found: dict[str, Any]) -> Section:
    titles = {"bare": "bare handler", "http": "HTTP verify", "echo": "bare echo", "socket": "WebSocket scans"}
    return Section(
        must=[
            at_least("HTTP verify, durable, against a bare handler", ratio(found["http"], found["bare"], "rate"), 0.6),
            at_least("WebSocket scans against a bare echo", ratio(found["socket"], found["echo"], "rate"), 0.5),
            at_most("CPU a WebSocket scan against the echo's", ratio(found["socket"], found["echo"], "cpu_us"), 3),
        ],
        rates=[rate_row(title, found[name]) for name, title in titles.items()],
        figures=[],
        how=[item(_HTTP.format(passes=found["passes"])), item(_SOCKETS)],
    )


def verify(found: dict[str, Any]) -> Section:
    bare_pool = ratio(found["http"], found["bare_pool"], "rate")
    apart = ratio(found["apart"], found["fastapi"], "rate")
    titles = {
        "fastapi": "FastAPI and asyncpg",
        "bare_pool": "FastAPI and asyncpg, bare pool",
        "http": "HTTP verify, in turn with these",
        "apart": "HTTP verify, its recorder beside PostgreSQL",
    }
    return Section(
        must=[at_least("HTTP verify against FastAPI and asyncpg", ratio(found["http"], found["fastapi"], "rate"), 8)],
        rates=[rate_row(title, found[name]) for name, title in titles.items()],
        figures=[
            f"- HTTP verify against FastAPI and asyncpg with a bare pool {bare_pool:.2f} ×",
            f"- HTTP verify, its recorder on the core of the peer's store, against FastAPI and asyncpg {apart:.2f} ×",
        ],
        how=[item(_PEER.format(**found["versions"]))],
    )


def revocation(found: dict[str, Any]) -> Section:
    denied, notify = ({q: found[f"{what}_{q}"] * 1e3 for q in ("p50", "p99")} for what in ("denied", "notify"))
    bound = max(10.0, 5 * notify["p99"])
    what = "commit of a revocation → denied on every worker, p99, under load"
    return Section(
        must=[row(what, f"{denied['p99']:.1f} ms", f"≤ {bound:.1f} ms", denied["p99"] <= bound)],
        figures=[
            f"- commit → denied p50 {denied['p50']:.1f} ms, p99 {denied['p99']:.1f} ms",
            f"- bare NOTIFY p50 {notify['p50']:.2f} ms, p99 {notify['p99']:.2f} ms",
        ],
        how=[item(_REVOCATION.format(workers=found["workers"], trials=found["trials"]))],
    )


def drain(found: dict[str, Any]) -> Section:
    return Section(
        must=[at_least("drain against raw COPY", found["ratio"], 0.4)],
        figures=[f"- drain {median(found['drain']):,.0f} rows/s, COPY {median(found['copy']):,.0f} rows/s"],
        how=[item(_DRAIN.format(scans=found["scans"]))],
    )


def index(found: dict[str, Any]) -> Section:
    size = found["bytes_a_pass"]
    return Section(
        must=[
            row("index, bytes a pass", f"{size:.0f} B", "≤ 256 B", size <= 256),
            at_most(f"index, {found['passes']:,} passes loaded, against COPY out", found["ratio"], 2.5),
        ],
        figures=[f"- index load {median(found['load_s']):.2f} s, COPY out {median(found['copy_s']):.2f} s"],
        how=[item(_INDEX)],
    )


def decision(found: dict[str, Any]) -> Section:
    seconds = [seconds * 1e6 for seconds in found["seconds"].values()]
    small, large = seconds[0], seconds[-1]  # the same, where there are only 10,000 passes
    passes = f"{found['passes']:,} passes"
    return Section(
        must=[at_most(f"a decision at {passes} against one at 10,000", found["ratio"], 1.3)],
        figures=[f"- a decision {small:.2f} µs at 10,000 passes, {large:.2f} µs at {found['passes']:,}"],
        how=[item(_DECISION)],
    )
