"""Plain numbers as a process counts them."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.telemetry import Family, Histogram, Sample, counter, counters, gauge

values = st.floats(0, 100, allow_nan=False)


def test_a_value_on_a_bound_belongs_to_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.5, 99.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.total == 106.0


@given(st.lists(values), st.lists(values, min_size=1, max_size=8, unique=True).map(sorted))
def test_each_value_is_counted_once_in_its_bucket(observed: list[float], bounds: list[float]) -> None:
    histogram = Histogram(tuple(bounds))
    for value in observed:
        histogram.observe(value)
    edges = [-1.0, *bounds, float("inf")]
    for low, high, count in zip(edges, edges[1:], histogram.counts, strict=False):
        assert count == sum(low < value <= high for value in observed)
    assert sum(histogram.counts) == len(observed)


def test_a_sample_does_not_change_with_what_comes_later() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(0.5)
    sample = histogram.sample({"a": "b"})
    histogram.observe(0.5)
    assert sample == Sample({"a": "b"}, 0.5, [1, 0])


def test_families_survive_the_way_to_the_supervisor() -> None:
    histogram = Histogram((0.1, 1.0))
    histogram.observe(0.2)
    families = [
        counter("a_total", "help", 3),
        gauge("b", "help", -1.5),
        counters("c_total", "help", "kind", {"x": 1, "y": 2}),
        histogram.family("d_seconds", "help"),
    ]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(families), type=list[Family]) == families
    assert families[2].samples == [Sample({"kind": "x"}, 1), Sample({"kind": "y"}, 2)]
    assert (families[3].bounds, families[3].samples[0].buckets) == ((0.1, 1.0), [0, 1, 0])
