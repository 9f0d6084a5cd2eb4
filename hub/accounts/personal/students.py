"""The sealed columns of a student, one row at a time: how they are written, and read."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from hub.accounts.personal.columns import Row
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken, column_place
from hub.errors import StoreUnavailable

TABLE = "students"
#: In the order of `sealed`; `indexed` gives those of INDEXED, in this order too.
COLUMNS = ("date_of_birth", "phone", "address", "emergency_contact_name", "emergency_contact_phone")
INDEXED = ("date_of_birth", "phone")


def sealed(ring: KeyRing, student: UUID, plain: Mapping[str, str | None]) -> list[bytes | None]:
    """The values of COLUMNS; an empty one is not sealed but none."""
    return [
        ring.seal(value.encode(), column_place(TABLE, column, student)) if (value := plain[column]) else None
        for column in COLUMNS
    ]


def indexed(ring: KeyRing, school: UUID, plain: Mapping[str, str | None]) -> list[bytes | None]:
    """The blind indexes of INDEXED."""
    return [ring.blind_index(column, school, value) if (value := plain[column]) else None for column in INDEXED]


def opened(ring: KeyRing, row: Row) -> dict[str, str | None]:
    """COLUMNS in clear. Raises StoreUnavailable when a key is missing, or a value is not where it was sealed."""
    student: UUID = row["id"]
    try:
        return {
            column: None if (value := row[column]) is None else _open(ring, value, student, column)
            for column in COLUMNS
        }
    except SealBroken as error:
        raise StoreUnavailable(
            f"a student's data does not open with HUB_SECRET_KEY or HUB_DATA_KEYS: {error}"
        ) from error


def _open(ring: KeyRing, value: bytes, student: UUID, column: str) -> str:
    return ring.unseal(value, column_place(TABLE, column, student)).decode()
