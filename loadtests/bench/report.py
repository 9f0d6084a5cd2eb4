"""The results as docs/benchmarks.md: a table of what was reached against what must be, and the machine."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

_HEAD = """# Benchmarks

Written by `make bench`; not by hand. Ratios are what counts: machines differ, and shared ones differ from minute to
minute. A ratio is the median over rounds, each round the hub in turn with its limit; the limits are the least that the
same parts can do with the same input (`loadtests/bench/limits.py`).

Every hub process, recorder included, runs on one core together; clients, PostgreSQL and Valkey on the other.
"""

_HOW = """
## What is measured

- **HTTP verify**: {http} kept-alive connections, one scan at a time each, a random pass of {passes:,}; an answer leaves
  only when its scan is on disk. The limit decodes the same body, hashes the code, looks it up in a dictionary of a
  million keys, and answers a body of the same size, with aiohttp on uvloop and nothing else.
- **WebSocket scans**: {readers} readers with {flight} scans in flight each; the limit sends each frame back. CPU is
  user and system time of all the server's processes by the kernel's count.
- **Revocation**: from the confirmed commit of `UPDATE passes SET status = 'revoked'` to the first denial on the last of
  {workers} workers, {trials} times, while the HTTP load runs on the same core; beside it a `NOTIFY` to a bare listener
  there.
- **Drain**: {scans_hint} scans from the journal into `access_logs`, against a binary COPY of the same rows, encoded
  beforehand, into the same table.
- **Index**: growth of the process per pass after the load, name and pass number included; the load against a COPY of
  the same rows out, thrown away.
- **Decision**: `desk.ask` without the recorder, random passes.

## What was tried and kept, or not

{tried}
"""


def _row(what: str, reached: str, must: str, ok: bool) -> str:
    return f"| {what} | {reached} | {must} | {'yes' if ok else '**no**'} |"


def _ratio(ours: list[dict[str, float]], limit: list[dict[str, float]], field: str) -> float:
    return median(a[field] / b[field] for a, b in zip(ours, limit, strict=True))


def _mid(rounds: list[dict[str, float]], field: str) -> float:
    return median(r[field] for r in rounds)


def write(results: dict[str, Any]) -> str:
    """The page."""
    rates, index, revocation = results["rates"], results["index"], results["revocation"]
    http = _ratio(rates["http"], rates["bare"], "rate")
    socket = _ratio(rates["socket"], rates["echo"], "rate")
    cpu = _ratio(rates["socket"], rates["echo"], "cpu_us")
    bound = max(0.010, 5 * revocation["notify_p99"])
    rows = [
        _row("HTTP verify, durable, against a bare handler", f"{http:.2f} ×", "≥ 0.6 ×", http >= 0.6),
        _row("WebSocket scans against a bare echo", f"{socket:.2f} ×", "≥ 0.5 ×", socket >= 0.5),
        _row("CPU a WebSocket scan against the echo's", f"{cpu:.2f} ×", "≤ 3 ×", cpu <= 3),
        _row(
            "commit of a revocation → denied on every worker, p99, under load",
            f"{revocation['denied_p99'] * 1e3:.1f} ms",
            f"≤ {bound * 1e3:.1f} ms",
            revocation["denied_p99"] <= bound,
        ),
        _row(
            "drain against raw COPY",
            f"{results['drain']['ratio']:.2f} ×",
            "≥ 0.4 ×",
            results["drain"]["ratio"] >= 0.4,
        ),
        _row("index, bytes a pass", f"{index['bytes_a_pass']:.0f} B", "≤ 256 B", index["bytes_a_pass"] <= 256),
        _row(
            f"index, {index['passes']:,} passes loaded, against COPY out",
            f"{index['ratio']:.2f} ×",
            "≤ 2.5 ×",
            index["ratio"] <= 2.5,
        ),
        _row(
            f"a decision at {index['passes']:,} passes against one at 10,000",
            f"{results['decision']['ratio']:.2f} ×",
            "≤ 1.3 ×",
            results["decision"]["ratio"] <= 1.3,
        ),
    ]
    table = "\n".join(["| what | reached | must | ok |", "|---|---|---|---|", *rows])
    tried = (Path(__file__).parent / "tried.md").read_text().strip()
    how = _HOW.format(
        http=64,
        readers=50,
        flight=8,
        passes=results["passes"],
        workers=revocation["workers"],
        trials=revocation["trials"],
        scans_hint="100,000",
        tried=tried,
    )
    return f"{_HEAD}\n{table}\n\n## Figures\n\n{_figures(results)}\n{how}\n{_machine()}"


def _figures(results: dict[str, Any]) -> str:
    lines = ["| | rate, median | p50 | p99 | CPU a scan |", "|---|---|---|---|---|"]
    for name, title in (
        ("bare", "bare handler"),
        ("http", "HTTP verify"),
        ("echo", "bare echo"),
        ("socket", "WebSocket scans"),
    ):
        r = results["rates"][name]
        lines.append(
            f"| {title} | {_mid(r, 'rate'):,.0f}/s | {_mid(r, 'p50') * 1e3:.1f} ms | {_mid(r, 'p99') * 1e3:.1f} ms "
            f"| {_mid(r, 'cpu_us'):.1f} µs |"
        )
    revocation, decision = results["revocation"], results["decision"]
    drain, index = results["drain"], results["index"]
    small, large = decision["seconds"].values()
    lines += [
        "",
        f"- commit → denied p50 {revocation['denied_p50'] * 1e3:.1f} ms, p99 {revocation['denied_p99'] * 1e3:.1f} ms",
        f"- bare NOTIFY p50 {revocation['notify_p50'] * 1e3:.2f} ms, p99 {revocation['notify_p99'] * 1e3:.2f} ms",
        f"- drain {median(drain['drain']):,.0f} rows/s, COPY {median(drain['copy']):,.0f} rows/s",
        f"- index load {median(index['load_s']):.2f} s, COPY out {median(index['copy_s']):.2f} s",
        f"- a decision {small * 1e6:.2f} µs at 10,000 passes, {large * 1e6:.2f} µs at {results['passes']:,}",
    ]
    return "\n".join(lines)


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
