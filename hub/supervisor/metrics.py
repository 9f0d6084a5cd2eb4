"""Everybody's numbers added up. Counters and histograms are sums over processes, the dead included; gauges are each
living process's own, labelled with its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hub.telemetry import Family, Sample

Labels = tuple[tuple[str, str], ...]


class _Sum:
    """A series over several processes."""

    __slots__ = ("buckets", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.buckets: list[int] | None = None

    def add(self, sample: Sample) -> None:
        self.value += sample.value
        if sample.buckets is not None:
            before = self.buckets or [0] * len(sample.buckets)
            self.buckets = [a + b for a, b in zip(before, sample.buckets, strict=True)]


class Totals:
    """Families by name, added up."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self.sums: dict[str, dict[Labels, _Sum]] = {}

    def add(self, families: Iterable[Family], process: str | None) -> None:
        """Add one process's families; `process` names it in gauges, None leaves gauges out (it is dead)."""
        for family in families:
            if family.kind == "gauge" and process is None:
                continue
            self.families.setdefault(family.name, family)
            series = self.sums.setdefault(family.name, {})
            for sample in family.samples:
                labels = sample.labels if family.kind != "gauge" else {**sample.labels, "process": process or ""}
                series.setdefault(tuple(sorted(labels.items())), _Sum()).add(sample)


class _Registry(Collector):
    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        for name, family in self._totals.families.items():
            base = name.removesuffix("_total") if family.kind == "counter" else name
            metric = Metric(base, family.help, family.kind)
            for labels, total in self._totals.sums[name].items():
                _add(metric, name, dict(labels), total, family.bounds)
            yield metric


def _add(metric: Metric, name: str, labels: dict[str, str], total: _Sum, bounds: tuple[float, ...]) -> None:
    if total.buckets is None:
        metric.add_sample(name, labels, total.value)
        return
    counts = list(accumulate(total.buckets))
    for bound, count in zip((*(repr(b) for b in bounds), "+Inf"), counts, strict=True):
        metric.add_sample(f"{name}_bucket", {**labels, "le": bound}, count)
    metric.add_sample(f"{name}_count", labels, counts[-1])
    metric.add_sample(f"{name}_sum", labels, total.value)


def render(dead: Totals, living: Iterable[tuple[str | None, list[Family]]], own: list[Family]) -> str:
    """The page for Prometheus. A living process without a name makes way for another, or is about to take its place:
    what it has counted counts, and how it is now is not the slot's."""
    totals = Totals()
    for name, family in dead.families.items():
        totals.families[name] = family
        for labels, total in dead.sums[name].items():
            totals.sums.setdefault(name, {}).setdefault(labels, _Sum()).add(
                Sample(dict(labels), total.value, total.buckets)
            )
    totals.add(own, "supervisor")
    for process, families in living:
        totals.add(families, process)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Registry(totals))
    return generate_latest(registry).decode()
