"""Everybody's numbers added up, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from hub.config import load_settings
from hub.supervisor.children import Child
from hub.supervisor.metrics import Totals, render
from hub.supervisor.run import Supervisor
from hub.telemetry import Family, Histogram, counter, counters, gauge


def histogram(*observed: float) -> Family:
    found = Histogram((0.1, 1.0))
    for value in observed:
        found.observe(value)
    return found.family("took_seconds", "How long it took")


def numbers(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_and_histograms_are_sums_and_gauges_are_each_processs_own() -> None:
    living = [
        ("worker-0", [counter("seen_total", "h", 3), gauge("open", "h", 2), histogram(0.05, 0.5)]),
        ("worker-1", [counter("seen_total", "h", 4), gauge("open", "h", 5), histogram(0.5, 9.0)]),
    ]
    found = numbers(render(Totals(), living, [counter("restarts_total", "h", 1), gauge("open", "h", 1)]))
    assert found["seen_total", ()] == 7
    assert [found["open", (("process", name),)] for name in ("worker-0", "worker-1", "supervisor")] == [2, 5, 1]
    buckets = [found["took_seconds_bucket", (("le", bound),)] for bound in ("0.1", "1.0", "+Inf")]
    assert buckets == [1, 3, 4]
    assert (found["took_seconds_count", ()], found["took_seconds_sum", ()]) == (4, 10.05)
    assert found["restarts_total", ()] == 1


def test_the_dead_stay_in_the_sums_and_leave_the_gauges() -> None:
    dead = Totals()
    for _ in range(2):
        dead.add([counter("seen_total", "h", 10), gauge("open", "h", 9), histogram(0.05)], None)
    living = [("worker-0", [counter("seen_total", "h", 1), gauge("open", "h", 1), histogram(5.0)])]
    for _ in range(3):  # rendering changes nothing
        found = numbers(render(dead, living, []))
        assert found["seen_total", ()] == 21
        assert found["took_seconds_count", ()] == 3
        assert {key: value for key, value in found.items() if key[0] == "open"} == {
            ("open", (("process", "worker-0"),)): 1
        }


def test_a_worker_that_is_being_replaced_and_its_successor_are_one_slot() -> None:
    supervisor = Supervisor(load_settings(secret_key="A" * 43))
    retiring, successor = (Child("worker-0", "worker", str) for _ in range(2))
    retiring.families = [counter("seen_total", "h", 3), gauge("open", "h", 2)]
    successor.families = [counter("seen_total", "h", 4), gauge("open", "h", 5)]
    supervisor._children = {retiring, successor}
    for current, is_open in ((retiring, 2), (successor, 5)):
        supervisor._workers = {0: current}
        found = numbers(supervisor._render())
        assert found["open", (("process", "worker-0"),)] == is_open
        assert found["seen_total", ()] == 7


def test_series_are_told_apart_by_their_labels_in_any_order() -> None:
    family = counters("seen_total", "h", "kind", {"a": 1, "b": 2})
    found = numbers(render(Totals(), [("x", [family]), ("y", [family])], []))
    assert found["seen_total", (("kind", "a"),)] == 2
    assert found["seen_total", (("kind", "b"),)] == 4


def test_labels_are_escaped_and_an_empty_page_is_a_page() -> None:
    odd = 'a"b\\c\nd'
    found = numbers(render(Totals(), [("x", [counters("seen_total", "h", "kind", {odd: 1})])], []))
    assert found["seen_total", (("kind", odd),)] == 1
    assert render(Totals(), [], []) == ""
