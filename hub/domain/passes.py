"""The states and kinds of passes and students, as small integers.

The integers are written into packed index rows and the journal: a number, once given, keeps its meaning.
The names are the texts of the database and of JSON: `PassStatus["active"]` reads one, `.name` writes it.
"""

from __future__ import annotations

from enum import IntEnum


class PassStatus(IntEnum):
    """`used_up` is active, and without a use left; it is a code of the index, not a value of a column."""

    active = 0
    inactive = 1
    expired = 2
    revoked = 3
    used_up = 4


class PassType(IntEnum):
    standard = 0
    temporary = 1
    visitor = 2


class StudentStatus(IntEnum):
    """`none` is a pass without a student, a visitor's; it is a code of the index, not a value of a column."""

    active = 0
    inactive = 1
    graduated = 2
    suspended = 3
    none = 4
