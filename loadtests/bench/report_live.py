"""The page's sections of screens: the fan-out beside Node's, scan to screen, what screens cost, resuming."""

from __future__ import annotations

from typing import Any

from loadtests.bench.section import Section, at_most, item, mid, ms, ratio, row

_FAN_OUT = """
**Fan-out**: each server is one process on one core; the screens are one process on the other and speak the protocol
on raw sockets; the servers take turns. A batch is stamped with the time at which it was due on the monotonic clock,
and the screens read the same clock when its bytes arrive: both sides pay for a late timer, for encoding, framing, a
thousand writes, and the same reading. Ours is the worker's live stream as it is, with names looked up in the index of
{passes:,} passes, and with batches put in where the recorder's come in (`loadtests/bench/fan_out_server.py`); the 50
ms that events wait to be a batch are left out on both sides. Node's (`loadtests/peers/screens.mjs`) is Node {node}
with socket.io {socketio} ({licence} licence) from npm, set up as its documents advise: websocket only,
`perMessageDeflate` and `httpCompression` off, one room, `NODE_ENV=production`, events of the same shape. It encodes
and frames a broadcast once, as ours does. Both also send the `stats` of 16 doors once a second.
"""
_SOON = """
**Scan → screen**: {rate} scans/s over HTTP at a fixed rate, {screens} screens of the school, one worker: from the
moment a scan was due at its door to its arrival on each screen, so that the answer's own time is in it, and the up to
50 ms that events wait for each other. Every scan has to be on every screen, once, or there is no figure.
"""
_COST = """
**What screens cost the scans**: {rate:,} scans/s over HTTP, each due at its time whatever the answers take,
{side_rate} of them in a school of its own, the rest in the large one; latency counts from when a scan was due, of all
scans alike. The {screens} screens are of the small school. In the *flood* they are of the large one, so that each of
{screens} screens shows every second what {large_rate:,} people did. The screens are a process of their own at the
lowest priority, as both sides of the measure share the clients' core.
"""
_RESUME = """
**Resume**: a screen leaves, {missed:,} scans are answered, it connects again with its cursor: from the connect to the
last event, the slowest of {rounds} rounds. Each of the missed scans came once and nothing else did, or there is no
figure. The second row is the same after SIGKILL to worker and recorder, once both are back: nothing is in memory.
"""


def fan_out(found: dict[str, Any]) -> Section:
    ours, node, versions = found["ours"], found["node"], found["versions"]
    screens, load = f"{found['screens']:,} screens", f"{found['rate']} batches/s of {found['batch']} events"
    how = _FAN_OUT.format(
        passes=found["passes"], node=versions["node"], socketio=versions["socket.io"], licence=versions["licence"]
    )
    return Section(
        must=[
            at_most(f"{screens} of one school, {load}: p99 of arrival, against Node", ratio(ours, node, "p99"), 1.2),
        ],
        figures=[
            f"- batch → {screens}, {name}: p50 {ms(rounds, 'p50')}, p99 {ms(rounds, 'p99')}, "
            f"{mid(rounds, 'bytes'):,.0f} bytes a batch, {mid(rounds, 'rate'):,.0f} deliveries/s, "
            f"{mid(rounds, 'cpu_us'):.1f} µs of CPU each"
            for name, rounds in (("ours", ours), ("Node", node))
        ],
        how=[item(how)],
    )


def soon(found: dict[str, Any]) -> Section:
    rounds = found["rounds"]
    shown = f"p50 {ms(rounds, 'p50')}, p99 {ms(rounds, 'p99')}"
    after = f"p50 {ms(rounds, 'after_answer_p50')}, p99 {ms(rounds, 'after_answer_p99')}"
    what = f"scan → screen, p99, {found['screens']} screens, {found['rate']} scans/s"
    return Section(
        must=[row(what, ms(rounds, "p99"), "≤ 60 ms", mid(rounds, "p99") <= 0.060)],
        figures=[f"- scan → screen {shown}; from the scan's answer on {after}"],
        how=[item(_SOON.format(rate=found["rate"], screens=found["screens"]))],
    )


def cost(found: dict[str, Any]) -> Section:
    none, many, flooded = found["none"], found["many"], found["flooded"]
    screens, rate = f"{found['screens']} screens", f"HTTP verify at {found['rate']:,}/s"
    how = _COST.format(
        rate=found["rate"],
        side_rate=found["side_rate"],
        large_rate=found["rate"] - found["side_rate"],
        screens=found["screens"],
    )
    lost = f"{mid(flooded, 'lost'):.0f} of its screens did not keep up and were disconnected"
    names = {"no screens": none, screens: many, f"{screens}, flood": flooded}
    return Section(
        must=[at_most(f"what {screens} cost the scans: p99 of {rate}, against none", ratio(many, none, "p99"), 1.2)],
        figures=[
            *(f"- {rate}, {name}: p50 {ms(rounds, 'p50')}, p99 {ms(rounds, 'p99')}" for name, rounds in names.items()),
            f"- p99 with the flood against none {ratio(flooded, none, 'p99'):.2f} ×; {lost}",
        ],
        how=[item(how)],
    )


def resume(found: dict[str, Any]) -> Section:
    what = f"resume after {found['missed']:,} missed events, exact"
    slowest = {what: max(found["memory"]), f"{what}, worker and recorder killed": max(found["killed"])}
    return Section(
        must=[row(title, f"{seconds:.2f} s", "≤ 1 s", seconds <= 1) for title, seconds in slowest.items()],
        figures=[],
        how=[item(_RESUME.format(missed=found["missed"], rounds=len(found["memory"])))],
    )
