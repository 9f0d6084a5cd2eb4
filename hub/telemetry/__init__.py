"""Plain numbers that every process counts and the supervisor adds up.

A hot path increments an int or calls `Histogram.observe`; once a second each process sends its families to the
supervisor (hub.control), which sums counters and histograms over processes, the dead included, and serves /metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

import msgspec


class Sample(msgspec.Struct, array_like=True):
    """One series. A histogram has `buckets`: counts by bound, the last for everything above, not cumulative."""

    labels: dict[str, str]
    value: float
    buckets: list[int] | None = None


class Family(msgspec.Struct, array_like=True):
    """A metric as Prometheus means it. `kind`: counter, gauge (per process, labelled so) or histogram."""

    name: str
    help: str
    kind: str
    samples: list[Sample]
    bounds: tuple[float, ...] = ()


Collector = Callable[[], Iterable[Family]]


def counter(name: str, help_: str, value: float) -> Family:
    return Family(name, help_, "counter", [Sample({}, value)])


def gauge(name: str, help_: str, value: float) -> Family:
    return Family(name, help_, "gauge", [Sample({}, value)])


def counters(name: str, help_: str, label: str, values: Mapping[str, float]) -> Family:
    """One counter with one label."""
    return Family(name, help_, "counter", [Sample({label: key}, value) for key, value in values.items()])


class Histogram:
    """Counts by upper bound, in the unit of the bounds. Not thread-safe."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def sample(self, labels: dict[str, str]) -> Sample:
        return Sample(labels, self.total, list(self.counts))

    def family(self, name: str, help_: str) -> Family:
        return Family(name, help_, "histogram", [self.sample({})], self.bounds)
