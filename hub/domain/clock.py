"""Time as the doors see it: microseconds since 1970 for instants, days since 1970 for a school's local days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = date(1970, 1, 1)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: What a datetime can say in UTC, in microseconds since 1970: the years 1 to 9999.
FIRST_MOMENT = (datetime.min.replace(tzinfo=UTC) - _START) // _MICROSECOND
LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _START) // _MICROSECOND
# A day inside of that, so that a zone's offset and the next midnight stay in it too.
_FIRST_LOCAL, _LAST_LOCAL = FIRST_MOMENT + 2 * 86_400_000_000, LAST_MOMENT - 2 * 86_400_000_000


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


@lru_cache(maxsize=4096)
def day_text(number: int) -> str:
    """YYYY-MM-DD of a day number; a school's passes share few dates, hence the cache."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def moment(micros: int) -> datetime:
    """An aware UTC datetime of microseconds since 1970."""
    return _START + timedelta(microseconds=micros)


class MomentText:
    """RFC 3339 texts of instants, six decimals, UTC. The text of a second is kept: answers come many a second."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self, micros: int) -> str:
        second, rest = divmod(micros, 1_000_000)
        if second != self._second:
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            self._second = second
        return f"{self._prefix}{rest:06d}Z"


moment_text = MomentText()


def micros(when: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (when - _START) // _MICROSECOND


class LocalDay:
    """Answers "which day is it there?" without a time-zone conversion for each scan.

    A conversion costs more than the whole decision, so the last answer is kept with the two midnights between which
    it holds. The same instant gives the same day, whatever was asked before.
    """

    __slots__ = ("_day", "_from", "_until", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._day = 0
        self._from = 1
        self._until = 0

    def at(self, now: int) -> int:
        """The day number in this zone at `now` (microseconds since 1970), whatever a reader's clock says."""
        if self._from <= now < self._until:
            return self._day
        now = min(max(now, _FIRST_LOCAL), _LAST_LOCAL)
        local = datetime.fromtimestamp(now // 1_000_000, self.zone).date()
        self._day = day_number(local)
        self._from = _midnight(local, self.zone)
        self._until = _midnight(local + timedelta(days=1), self.zone)
        return self._day

    def begins(self, now: int) -> int:
        """When that day began, in microseconds since 1970."""
        self.at(now)
        return self._from


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000
