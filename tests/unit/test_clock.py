"""Instants and local days: a pass ends on the second at local midnight, on days of 23 and 25 hours too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.card import pack, unpack
from hub.domain.clock import FIRST_MOMENT, LAST_MOMENT, LocalDay, day_number, day_text, micros, moment, moment_text
from hub.domain.policy import Door, decide
from hub.domain.verdict import Reason

SECOND = 1_000_000
YEAR = 365 * 86_400 * SECOND
#: Half-hours, midnights that do not exist (Cairo, Beirut, Sao_Paulo) or come twice (Havana, Azores), a lost day (Apia).
ZONES = [
    ZoneInfo(name)
    for name in (
        *("UTC", "Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"),
        *("Asia/Beirut", "America/Sao_Paulo", "America/Havana", "Atlantic/Azores", "Pacific/Apia", "Asia/Kathmandu"),
        *("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Santiago", "Africa/Casablanca", "Asia/Tehran"),
    )
]
instants = st.datetimes(datetime(1990, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC)).map(micros)  # noqa: DTZ001


def local_day(now: int, zone: ZoneInfo) -> int:
    return day_number(datetime.fromtimestamp(now // SECOND, zone).date())


@given(st.sampled_from(ZONES), st.lists(instants, min_size=1, max_size=5), st.data())
def test_the_day_of_an_instant_does_not_depend_on_what_was_asked_before(
    zone: ZoneInfo, asked: list[int], data: st.DataObject
) -> None:
    day = LocalDay(zone)
    for instant in asked:
        assert day.at(instant) == local_day(instant, zone)
        near = instant + data.draw(st.integers(-90_000, 90_000)) * SECOND
        assert day.at(near) == local_day(near, zone)


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.key)
def test_every_quarter_of_an_hour_of_some_years(zone: ZoneInfo) -> None:
    """Every change of the clocks in 2011, 2012 (Samoa's lost day among them) and 2026, seen from one LocalDay."""
    for first, last in ((2011, 2012), (2026, 2026)):
        day = LocalDay(zone)
        start, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
        for now in range(micros(start), micros(end), 900 * SECOND):
            assert day.at(now) == local_day(now, zone)
            assert day.at(now - 1) == local_day(now - 1, zone)


@pytest.mark.parametrize(
    ("zone", "last", "ends"),
    [
        ("UTC", date(2026, 8, 31), "2026-09-01T00:00:00Z"),
        ("Europe/Zurich", date(2026, 8, 31), "2026-08-31T22:00:00Z"),
        ("Europe/Zurich", date(2026, 3, 29), "2026-03-29T22:00:00Z"),  # 23 hours long
        ("Europe/Zurich", date(2026, 10, 25), "2026-10-25T23:00:00Z"),  # 25 hours long
        ("America/New_York", date(2026, 11, 1), "2026-11-02T05:00:00Z"),  # 25 hours long
        ("Asia/Kathmandu", date(2026, 8, 31), "2026-08-31T18:15:00Z"),
        ("Africa/Cairo", date(2026, 4, 23), "2026-04-23T22:00:00Z"),  # the next midnight does not exist
        ("Africa/Cairo", date(2026, 10, 29), "2026-10-29T22:00:00Z"),  # its last hour comes twice
        ("Pacific/Kiritimati", date(2026, 8, 31), "2026-08-31T10:00:00Z"),
    ],
)
def test_a_pass_expires_on_the_second_at_local_midnight(zone: str, last: date, ends: str) -> None:
    day = LocalDay(ZoneInfo(zone))
    days = (day_number(last) - 30, day_number(last))
    card = unpack(pack(bytes(16), bytes(16), 1, days, 0, 0, 0, 0, "Ada", "P-1"))
    door = Door(1, True, True, 3, 300.0, False)
    end = micros(datetime.fromisoformat(ends))
    assert decide(card, door, 0, day.at(end - 1), 0.0) is Reason.granted
    assert decide(card, door, 0, day.at(end), 0.0) is Reason.expired_pass
    assert decide(card, door, 0, day.at(end - 1), 0.0) is Reason.granted


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(ZONES))
def test_a_readers_clock_may_say_anything(now: int, zone: ZoneInfo) -> None:
    assert isinstance(LocalDay(zone).at(now), int)


@given(st.integers(FIRST_MOMENT, LAST_MOMENT))
def test_a_moment_is_exact_to_the_microsecond(at: int) -> None:
    assert micros(moment(at)) == at


@given(st.integers(0, 130 * YEAR))
def test_the_text_of_a_moment_reads_back(at: int) -> None:
    text = moment_text(at)
    assert text.endswith("Z")
    assert len(text) == len("2026-11-24T08:00:00.000000Z")
    assert micros(datetime.fromisoformat(text)) == at
    assert moment_text(at) == text


@given(st.dates())
def test_the_text_of_a_day_reads_back(day: date) -> None:
    assert day_text(day_number(day)) == day.isoformat()
    assert date(1970, 1, 1) + timedelta(days=day_number(day)) == day
