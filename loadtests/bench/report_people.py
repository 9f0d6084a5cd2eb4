"""The page's sections of people: what the shell costs, and what a flood of sign-ins costs the scans."""

from __future__ import annotations

from typing import Any

from loadtests.bench.section import Section, at_least, at_most, item, mid, ms, ratio

_SHELL = """
**The shell**: `GET /api/v1/access-points/:id` of somebody who is signed in, {clients} kept-alive connections, one
worker, with rate limits counted in Valkey, headers, ETag, line of log and all. The bare handler is aiohttp on uvloop
with the same pool: it runs the same statement in the same transaction of the school, and encodes the same body
(`loadtests/bench/limits.py`).
"""
_ITEM = "GET of one item, signed in, against the same query in a bare handler"
_FLOOD = """
**A flood of sign-ins**: {rate:,} scans/s over HTTP, each due at its time whatever the answers take, alone and while
people sign in from {addresses} addresses, each again as soon as they are in, with limits out of the way. Their
passwords are right, so that every one costs a hash, a session and an entry in the audit. The process that hashes
shares the hub's core.
"""


def shell(found: dict[str, Any]) -> Section:
    bare, ours = found["bare"], found["shell"]
    names = {"bare handler": bare, "through the shell": ours}
    return Section(
        must=[at_least(_ITEM, ratio(ours, bare, "rate"), 0.5)],
        figures=[
            f"- GET of one item, {name}: {mid(rounds, 'rate'):,.0f}/s, p50 {ms(rounds, 'p50')}, "
            f"p99 {ms(rounds, 'p99')}, {mid(rounds, 'cpu_us'):.0f} µs of CPU each without PostgreSQL's"
            for name, rounds in names.items()
        ],
        how=[item(_SHELL.format(clients=found["clients"]))],
    )


def flood(found: dict[str, Any]) -> Section:
    alone, flooded = found["alone"], found["flooded"]
    rate, people = f"HTTP verify at {found['rate']:,}/s", f"{found['addresses']} addresses signing in"
    count = f"{mid(flooded, 'signed_in'):.0f} sign-ins/s, {mid(flooded, 'refused'):.0f}/s refused"
    return Section(
        must=[at_most(f"what {people} cost the scans: p99 of {rate}, against none", ratio(flooded, alone, "p99"), 1.5)],
        figures=[
            f"- {rate}, alone: p50 {ms(alone, 'p50')}, p99 {ms(alone, 'p99')}",
            f"- {rate}, {people}: p50 {ms(flooded, 'p50')}, p99 {ms(flooded, 'p99')}; {count}",
        ],
        how=[item(_FLOOD.format(rate=found["rate"], addresses=found["addresses"]))],
    )
