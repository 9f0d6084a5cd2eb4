"""The page of the benchmarks: what was measured is there with its bound, and says whether it was kept."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.bench import report

ROUND = {"rate": 100.0, "p50": 0.001, "p99": 0.010, "cpu_us": 10.0, "bytes": 4_500.0, "lost": 0.0}
VERSIONS = dict.fromkeys(("fastapi", "uvicorn", "httptools", "asyncpg", "node", "socket.io", "licence"), "1.2.3")


def rounds(**changed: float) -> list[dict[str, float]]:
    return [ROUND | changed] * 3


def fan_out(p99: float) -> dict[str, Any]:
    both = {"ours": rounds(p99=p99), "node": rounds(p99=0.010)}
    return {**both, "screens": 1_000, "batch": 10, "rate": 20, "versions": VERSIONS}


def soon(p99: float) -> dict[str, Any]:
    return {"rounds": rounds(p99=p99, after_answer_p50=0.02, after_answer_p99=0.05), "screens": 50, "rate": 200}


def cost(p99: float) -> dict[str, Any]:
    found = {"none": rounds(p99=0.010), "many": rounds(p99=p99), "flooded": rounds()}
    return {**found, "screens": 200, "rate": 2_000, "side_rate": 200}


def resume(seconds: float) -> dict[str, Any]:
    return {"memory": [0.1, 0.2], "killed": [0.1, seconds], "missed": 10_000}


def verify(times: float) -> dict[str, Any]:
    found = {"fastapi": rounds(), "bare_pool": rounds(), "http": rounds(rate=times * 100), "apart": rounds()}
    return {**found, "versions": VERSIONS}


def shell(times: float) -> dict[str, Any]:
    return {"bare": rounds(), "shell": rounds(rate=times * 100), "clients": 16}


def flood(p99: float) -> dict[str, Any]:
    flooded = rounds(p99=p99, signed_in=40.0, refused=0.0)
    return {"alone": rounds(p99=0.010), "flooded": flooded, "addresses": 50, "rate": 1_000}


def analytics(p99: float) -> dict[str, Any]:
    quick = {"p50": 0.005, "p99": 0.010}
    found = {"month": quick | {"p99": p99}, "year": quick, "all": quick, "not_seen": quick}
    return {**found, "rows": 10_000_000, "hours": 90_000, "students": 50_000, "days": 365, "count_rate": 5e4}


def badges(seconds: float) -> dict[str, Any]:
    return {"badges": 1_000, "seconds": seconds, "bytes": 2**25, "photo": 3e4, "cores": 2, "leftOut": 0}


def frames(p95: float = 17.0, soon: float = 90.0) -> dict[str, Any]:
    names = (
        "frame_p50",
        "frame_p99",
        "frame_most",
        "row_p50",
        "row_most",
        "large_p50",
        "large_p99",
        "tasks",
        "slow",
        "unseen",
    )
    one = dict.fromkeys(names, 20.0) | {"frame_p95": p95, "row_p99": soon, "events": 5_000.0, "seconds": 100.0}
    return {"rounds": [one] * 3, "rate": 50, "faces": 500}


def heap(change: float) -> dict[str, Any]:
    sizes = {10_000: 8_000_000, 50_000: int(8_000_000 * (1 + change)), 100_000: 8_000_000}
    other = {"nodes": 900, "listeners": 90, "rows": 20, "kept": 5_000}
    return {"samples": [{"events": at, "heap": size, **other} for at, size in sizes.items()], "rate": 1_000}


def paint(fresh: float = 600.0, size: int = 200_000) -> dict[str, Any]:
    def opened(useful: float) -> list[dict[str, float]]:
        return [{"useful": useful, "first": 200.0, "bytes": 150_000.0, "files": 20.0}] * 3

    built = {"all": size, "code": size - 50_000, "fonts": 50_000}
    return {"fresh": opened(fresh), "warm": opened(300.0), "built": built, "rate": 50}


#: What is not in the cases below: the rest of a whole page.
OTHERS: dict[str, Any] = {
    "rates": {name: rounds() for name in ("bare", "http", "echo", "socket")},
    "revocation": {
        "denied_p50": 0.003,
        "denied_p99": 0.009,
        "notify_p50": 0.001,
        "notify_p99": 0.002,
        "trials": 200,
        "workers": 2,
    },
    "drain": {"scans": 100_000, "drain": [1e5], "copy": [2e5], "ratio": 0.5},
    "index": {"bytes_a_pass": 220.0, "load_s": [2.0], "copy_s": [1.0], "ratio": 2.0},
    "decision": {"seconds": {"10000": 2e-6, "1000000": 3e-6}, "ratio": 1.3},
    "guard": {"tasks": {"Undo a scan": [{"clicks": 3, "seconds": 1.0}] * 3}, "students": 400, "rate": 5},
}

#: measure, its results, what its row says, whether that is enough
CASES = [
    ("fan_out", fan_out(0.012), "against Node | 1.20 × | ≤ 1.2 × |", True),
    ("fan_out", fan_out(0.013), "against Node | 1.30 × | ≤ 1.2 × |", False),
    ("soon", soon(0.060), "50 screens, 200 scans/s | 60.0 ms | ≤ 60 ms |", True),
    ("soon", soon(0.061), "50 screens, 200 scans/s | 61.0 ms | ≤ 60 ms |", False),
    ("cost", cost(0.011), "against none | 1.10 × | ≤ 1.2 × |", True),
    ("cost", cost(0.013), "against none | 1.30 × | ≤ 1.2 × |", False),
    ("resume", resume(1.0), "worker and recorder killed | 1.00 s | ≤ 1 s |", True),
    ("resume", resume(1.1), "worker and recorder killed | 1.10 s | ≤ 1 s |", False),
    ("verify", verify(8), "against FastAPI and asyncpg | 8.00 × | ≥ 8 × |", True),
    ("shell", shell(0.5), "a bare handler | 0.50 × | ≥ 0.5 × |", True),
    ("shell", shell(0.4), "a bare handler | 0.40 × | ≥ 0.5 × |", False),
    ("flood", flood(0.015), "against none | 1.50 × | ≤ 1.5 × |", True),
    ("flood", flood(0.016), "against none | 1.60 × | ≤ 1.5 × |", False),
    ("analytics", analytics(0.050), "30 days of them: p99 | 50.0 ms | ≤ 50 ms |", True),
    ("analytics", analytics(0.051), "30 days of them: p99 | 51.0 ms | ≤ 50 ms |", False),
    ("badges", badges(15.0), "1,000 badges with photos on 2 cores | 15.0 s | ≤ 15 s |", True),
    ("badges", badges(15.1), "1,000 badges with photos on 2 cores | 15.1 s | ≤ 15 s |", False),
    ("frames", frames(p95=20.0), "50/s: p95 of a frame | 20.0 ms | ≤ 20 ms |", True),
    ("frames", frames(p95=20.1), "50/s: p95 of a frame | 20.1 ms | ≤ 20 ms |", False),
    ("frames", frames(soon=501.0), "scan → its line, p99 | 501 ms | ≤ 500 ms |", False),
    ("heap", heap(0.099), "farthest from the first | +9.9 % | ± 10 % |", True),
    ("heap", heap(-0.11), "farthest from the first | -11.0 % | ± 10 % |", False),
    ("paint", paint(), "useful sight, fresh cache | 600 ms | ≤ 1,000 ms |", True),
    ("paint", paint(fresh=1_001.0), "useful sight, fresh cache | 1001 ms | ≤ 1,000 ms |", False),
    ("paint", paint(size=251_000), "compressed | 251 kB | ≤ 250 kB |", False),
    ("verify", verify(7.9), "against FastAPI and asyncpg | 7.90 × | ≥ 8 × |", False),
]


@pytest.mark.parametrize(("measure", "results", "row", "kept"), CASES)
def test_a_row_says_whether_its_bound_was_kept(measure: str, results: dict[str, Any], row: str, kept: bool) -> None:
    page = report.write({"passes": 1_000_000, measure: results})
    (line,) = [line for line in page.splitlines() if row in line]
    assert line.endswith("| yes |" if kept else "| **no** |")


def test_a_whole_page_has_a_row_for_every_bound_and_is_wrapped_as_other_documents_are() -> None:
    page = report.write({"passes": 1_000_000, **OTHERS, **{name: found for name, found, _, kept in CASES if kept}})
    assert page.count("| yes |") == 25
    assert "**no**" not in page
    assert "{" not in page
    prose = [line for line in page.splitlines() if not line.startswith("|") and " p99 " not in line]
    assert max(map(len, prose)) <= 125


def test_the_smallest_bench_has_one_figure_of_a_decision() -> None:
    page = report.write({"passes": 10_000, "decision": {"seconds": {"10000": 2e-6}, "ratio": 1.0}})
    assert "2.00 µs at 10,000 passes, 2.00 µs at 10,000" in page
