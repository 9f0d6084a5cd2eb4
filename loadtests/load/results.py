"""Rows out of what locust has counted."""

from __future__ import annotations

from locust import log
from locust.env import Environment

from loadtests.load.rows import DECISIONS, EVENT_DELAY, Row

_ORDER = (*DECISIONS, EVENT_DELAY)


def rows_of(environment: Environment) -> list[Row]:
    """What the load is about first, then the rest by name."""
    entries = [entry for entry in environment.stats.entries.values() if entry.num_requests]
    rows = [
        Row(
            name=entry.name,
            requests=entry.num_requests,
            failures=entry.num_failures,
            rate=entry.total_rps,
            p50=entry.get_response_time_percentile(0.50),
            p95=entry.get_response_time_percentile(0.95),
            p99=entry.get_response_time_percentile(0.99),
        )
        for entry in entries
    ]
    return sorted(rows, key=lambda row: (_ORDER.index(row.name) if row.name in _ORDER else len(_ORDER), row.name))


def faults_of(environment: Environment, most: int = 10) -> list[str]:
    """The failures in words, the frequent ones first."""
    errors = sorted(environment.stats.errors.values(), key=lambda error: -error.occurrences)
    return [f"{error.occurrences:,} × {error.name}: {error.error}" for error in errors[:most]]


def crashes_of(environment: Environment) -> int:
    """Exceptions that the users' own code has let through."""
    runner = environment.runner
    counted = 0 if runner is None else sum(int(found["count"]) for found in runner.exceptions.values())
    return counted + int(log.unhandled_greenlet_exception)
