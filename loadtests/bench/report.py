"""The results as docs/benchmarks.md: a table of what was reached against what must be, and the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadtests.bench import (
    card,
    qr,
    report_bulk,
    report_console,
    report_live,
    report_numbers,
    report_people,
    report_scans,
    report_students,
)
from loadtests.bench.section import Section

_HEAD = """# Benchmarks

Written by `make bench`; not by hand. Ratios are what counts: machines differ, and shared ones differ from minute to
minute. A ratio is the median over rounds, each round the hub in turn with its limit or its peer. A limit is the least
that the same parts can do with the same input (`loadtests/bench/limits.py`); a peer is the usual way to build the same
thing (`loadtests/peers`).

Every hub process, recorder included, runs on one core together, and so does a peer; clients, PostgreSQL and Valkey on
the other.
"""

#: By measure, in the order of the page.
_SECTIONS: dict[str, Callable[[dict[str, Any]], Section]] = {
    "rates": report_scans.rates,
    "verify": report_scans.verify,
    "revocation": report_scans.revocation,
    "drain": report_scans.drain,
    "index": report_scans.index,
    "decision": report_scans.decision,
    "fan_out": report_live.fan_out,
    "soon": report_live.soon,
    "cost": report_live.cost,
    "resume": report_live.resume,
    "shell": report_people.shell,
    "flood": report_people.flood,
    "qr": qr.section,
    "imports": report_bulk.imports,
    "exports": report_bulk.exports,
    "card": card.section,
    "uploads": report_bulk.uploads,
    "students": report_students.students,
    "analytics": report_numbers.analytics,
    "badges": report_numbers.badges,
    "frames": report_console.frames,
    "heap": report_console.heap,
    "paint": report_console.paint,
    "guard": report_console.guard,
}


def write(results: dict[str, Any]) -> str:
    """The page, of the measures that there are."""
    sections = [
        make(results[name] | {"passes": results["passes"]}) for name, make in _SECTIONS.items() if name in results
    ]
    must = ["| what | reached | must | ok |", "|---|---|---|---|", *(line for s in sections for line in s.must)]
    figures = [line for section in sections for line in section.figures]
    rates = [line for section in sections for line in section.rates]
    if rates:
        figures = ["| | rate, median | p50 | p99 | CPU a scan |", "|---|---|---|---|---|", *rates, "", *figures]
    how = [line for section in sections for line in section.how]
    tried = (Path(__file__).parent / "tried.md").read_text().strip()
    parts = [
        _HEAD,
        *(*must, ""),
        *("## Figures", "", *figures, ""),
        *("## What is measured", "", *how, ""),
        *("## What was tried and kept, or not", "", tried, ""),
        _machine(),
    ]
    return "\n".join(parts)


def _machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    return (
        f"## The machine\n\n{model}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}; {time.strftime('%Y-%m-%d')}; a shared virtual machine.\n"
    )
