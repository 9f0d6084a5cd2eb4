"""What is made for a new pass: its number and its code. The same day, zone and key give the same code."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.domain.qr import SigningKey, sign_code

DAY = timedelta(days=1)
#: What a packed row of the index can say, less a day at each end for the zones.
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2149, 6, 4)
# Crockford's base 32: nothing that is read for something else, or spells a word.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 10


def pass_code(key: SigningKey, school: UUID, pass_id: UUID, first: date, last: date, zone: str) -> str:
    """The code of a pass: good from the first second of its first day to the last second of its last, there."""
    return sign_code(key, school, pass_id, midnight(first, zone), midnight(last + DAY, zone) - 1)


def new_number(prefix: str = "") -> str:
    """A number for a pass: 50 random bits, so that numbers tell nothing of how many there are."""
    bits = int.from_bytes(secrets.token_bytes(7), "big")  # one read for all letters: an import makes a million
    return prefix + "".join(_LETTERS[bits >> 5 * place & 31] for place in range(_NUMBER_LENGTH))


@lru_cache(maxsize=4096)
def midnight(day: date, zone: str) -> int:
    """Seconds since 1970 of the first instant of a day there."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())
