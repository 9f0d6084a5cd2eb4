"""The page's sections of the console: frames, how soon a scan is shown, memory, first sight, size, a guard's tasks."""

from __future__ import annotations

from statistics import median
from typing import Any

from loadtests.bench.section import Section, item, mid, row

LONGEST_FRAME_MS, SOONEST_MS, FIRST_SIGHT_MS, DRIFT, LARGEST_BYTES = 20, 500, 1_000, 0.10, 250_000
_FRAMES = """
**The console's frames**: the live page in Debian's chromium without a window (1280 × 800, drawn by the processor), in
front of a whole hub, {rate} scans/s over HTTP, one in twenty denied, {faces} students each with a photo; {events:,}
events in each of {rounds} rounds, the medians of the rounds. A frame's length is the time between two calls of
requestAnimationFrame. How soon a scan is on the page: from the moment it was due at its door to the frame after the one
that drew its line, both by the machine's clock. The large one stands still for 250 ms so that a face can be seen, and
shows only every so many. Chromium may use both cores; the hub has one of them, scans and PostgreSQL the other.
"""
_HEAP = """
**The console's memory**: the same page while {events:,} events come at {rate:,}/s, as fast as the page can be told in a
time that anybody waits for (at 50/s it would be 33 minutes), over HTTP and the page's own socket; after each 10,000 the
JavaScript heap in use, two collections later.
"""
_PAINT = """
**First useful sight**: from the navigation to the frame after the one that drew the first line of the list, {rate}
scans/s, signed in; {opened} times by a browser that has nothing of the page, and each time once more with what it had
kept. What opening it takes counts scripts, styles and fonts as they came, compressed.
"""
_GUARD = """
**A guard's tasks**: on a demo of {students} students, {rate} scans/s, the slowest of {runs} runs, from the live page to
the last sign that it is done. A choice in a list and a place to type are a click, unless the page has put the cursor
there; keys are pressed sixteen a second, and nobody reads (`loadtests/bench/guard_tasks.py`).
"""


def frames(found: dict[str, Any]) -> Section:
    rounds = found["rounds"]
    p95, soon = mid(rounds, "frame_p95"), mid(rounds, "row_p99")
    events = int(mid(rounds, "events"))
    what = f"console, {events:,} events at {found['rate']}/s"
    return Section(
        must=[
            row(f"{what}: p95 of a frame", f"{p95:.1f} ms", f"≤ {LONGEST_FRAME_MS} ms", p95 <= LONGEST_FRAME_MS),
            row(f"{what}: scan → its line, p99", f"{soon:.0f} ms", f"≤ {SOONEST_MS} ms", soon <= SOONEST_MS),
        ],
        figures=[
            item(
                f"{what}: a frame p50 {mid(rounds, 'frame_p50'):.1f} ms, p99 {mid(rounds, 'frame_p99'):.1f} ms, longest"
                f" {mid(rounds, 'frame_most'):.0f} ms; {mid(rounds, 'slow') * 100:.1f} % over 20 ms;"
                f" {mid(rounds, 'tasks'):.0f} tasks of 50 ms or more in {mid(rounds, 'seconds'):.0f} s"
            ),
            item(
                f"scan → its line p50 {mid(rounds, 'row_p50'):.0f} ms, slowest {mid(rounds, 'row_most'):.0f} ms,"
                f" {mid(rounds, 'unseen'):.0f} pushed out of sight before a frame drew them;"
                f" scan → shown large p50 {mid(rounds, 'large_p50'):.0f} ms, p99 {mid(rounds, 'large_p99'):.0f} ms"
            ),
        ],
        how=[item(_FRAMES.format(**{**found, "rounds": len(rounds)}, events=events))],
    )


def heap(found: dict[str, Any]) -> Section:
    samples = found["samples"]
    first, last = samples[0], samples[-1]
    drift = max((one["heap"] / first["heap"] - 1 for one in samples), key=abs)
    what = f"console, heap from {first['events']:,} to {last['events']:,} events: farthest from the first"
    return Section(
        must=[row(what, f"{drift * 100:+.1f} %", "± 10 %", abs(drift) <= DRIFT)],
        figures=[
            item(
                f"console, heap at {first['events']:,} events {first['heap'] / 1e6:.1f} MB, at {last['events']:,}"
                f" {last['heap'] / 1e6:.1f} MB; nodes {first['nodes']:,} and {last['nodes']:,}, listeners"
                f" {first['listeners']:,} and {last['listeners']:,}; {last['kept']:,} scans kept, {last['rows']} drawn"
            )
        ],
        how=[item(_HEAP.format(events=last["events"], rate=found["rate"]))],
    )


def paint(found: dict[str, Any]) -> Section:
    useful = {name: mid(found[name], "useful") for name in ("fresh", "warm")}
    size = found["built"]
    return Section(
        must=[
            row(
                f"console, first useful sight, {name} cache",
                f"{ms:.0f} ms",
                f"≤ {FIRST_SIGHT_MS:,} ms",
                ms <= FIRST_SIGHT_MS,
            )
            for name, ms in useful.items()
        ]
        + [
            row(
                "console, all that is built but the camera's part, compressed",
                f"{size['all'] / 1e3:.0f} kB",
                f"≤ {LARGEST_BYTES / 1e3:.0f} kB",
                size["all"] <= LARGEST_BYTES,
            )
        ],
        figures=[
            item(
                f"console: first contentful paint {mid(found['fresh'], 'first'):.0f} ms, with a warm cache"
                f" {mid(found['warm'], 'first'):.0f} ms; slowest useful sight"
                f" {max(one['useful'] for one in found['fresh']):.0f} ms; opening the live page takes"
                f" {mid(found['fresh'], 'bytes') / 1e3:.0f} kB in {mid(found['fresh'], 'files'):.0f} files; of all that"
                f" is built {size['code'] / 1e3:.0f} kB are code and styles, {size['fonts'] / 1e3:.0f} kB fonts"
            )
        ],
        how=[item(_PAINT.format(rate=found["rate"], opened=len(found["fresh"])))],
    )


def guard(found: dict[str, Any]) -> Section:
    runs = found["tasks"]
    return Section(
        must=[],
        figures=[
            item(
                f"a guard: {name}: {median(int(one['clicks']) for one in each)} clicks,"
                f" {max(one['seconds'] for one in each):.1f} s"
            )
            for name, each in runs.items()
        ],
        how=[item(_GUARD.format(students=found["students"], rate=found["rate"], runs=len(next(iter(runs.values())))))],
    )
