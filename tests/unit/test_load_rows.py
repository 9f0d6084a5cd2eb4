"""The load's table and its thresholds."""

from __future__ import annotations

from loadtests.load.rows import EVENT_DELAY, HTTP_DECISION, SOCKET_DECISION, Limits, Row, complaints, table

LIMITS = Limits(decision_p99=250, event_p99=500, failures=0)


def row(name: str, requests: int = 1_000, failures: int = 0, p99: float = 20) -> Row:
    return Row(name, requests, failures, 33.35, 2, 9, p99)


GOOD = [row(HTTP_DECISION), row(SOCKET_DECISION), row(EVENT_DELAY)]
EXPECTED = [found.name for found in GOOD]


def test_the_table_has_a_line_a_row_and_straight_columns() -> None:
    lines = table([row(HTTP_DECISION, 12_345), row("screen cut", 1, 1)]).splitlines()
    assert [len(line) for line in lines] == [len(lines[0])] * 3
    assert lines[0].split() == ["count", "a", "second", "p50", "ms", "p95", "ms", "p99", "ms", "failures"]
    assert lines[1].split() == ["HTTP", "decision", "12,345", "33.4", "2", "9", "20", "0"]
    assert lines[2].startswith("screen cut  ")


def test_what_is_within_its_limits_passes() -> None:
    assert complaints(GOOD, LIMITS, EXPECTED) == []
    at_the_limit = [row(HTTP_DECISION, p99=250), row(EVENT_DELAY, p99=500), row("screen connect", p99=9_999)]
    assert complaints(at_the_limit, LIMITS, [HTTP_DECISION, EVENT_DELAY]) == []


def test_each_threshold_is_named() -> None:
    slow = [row(HTTP_DECISION, p99=260), row(SOCKET_DECISION, p99=300), row(EVENT_DELAY, p99=510)]
    assert complaints(slow, LIMITS, EXPECTED) == [
        "HTTP decision: p99 is 260 ms, more than 250 ms",
        "WebSocket decision: p99 is 300 ms, more than 250 ms",
        "screen event: p99 is 510 ms, more than 500 ms",
    ]


def test_failures_of_all_rows_are_added_up() -> None:
    some = [*GOOD, row("WebSocket cut", 2, 2), row("screen reset", 1, 1)]
    assert complaints(some, LIMITS, EXPECTED) == ["3 failures, more than 0"]
    assert complaints(some, Limits(250, 500, 3), EXPECTED) == []


def test_a_load_that_measured_nothing_does_not_pass() -> None:
    assert complaints([row(HTTP_DECISION)], LIMITS, EXPECTED) == [
        "WebSocket decision: none arrived, so nothing was measured",
        "screen event: none arrived, so nothing was measured",
    ]
    only_failed = complaints([row(HTTP_DECISION, 5, 5)], Limits(250, 500, 9), [HTTP_DECISION])
    assert only_failed == ["HTTP decision: none arrived, so nothing was measured"]


def test_a_fault_of_our_own_is_one() -> None:
    (said,) = complaints(GOOD, LIMITS, EXPECTED, crashes=2)
    assert said.startswith("2 faults in the load's own code")
