"""A pass as the index holds it: one packed `bytes` that the garbage collector does not see.

Layout, big-endian: pass id 16 · student id 16 (zeros: none) · school number u32 · first day u16 · last day u16 ·
pass status u8 · pass type u8 · student status u8 · flags u8 · name length u8 · name UTF-8 · pass number UTF-8.
Flags: 1, there is a photo; the seven bits above it, how often the pass may be used, 0 being no limit.
hub/index/queries.sql packs it in the query itself; a test holds both against each other.
"""

from __future__ import annotations

import struct

import msgspec

from hub.domain.ids import NIL

_HEAD = struct.Struct(">16s16sIHHBBBBB")
HAS_PHOTO = 1


class Card(msgspec.Struct, frozen=True, gc=False):
    """One pass, unpacked for one decision. Days are day numbers (hub.domain.clock), both inclusive."""

    packed: bytes
    pass_id: bytes
    student_id: bytes
    school: int
    first_day: int
    last_day: int
    status: int
    type: int
    student_status: int
    flags: int
    name_length: int

    def texts(self) -> tuple[str, str]:
        """Name and pass number."""
        packed, end = self.packed, _HEAD.size + self.name_length
        return packed[_HEAD.size : end].decode(), packed[end:].decode()

    @property
    def name(self) -> str:
        return self.packed[_HEAD.size : _HEAD.size + self.name_length].decode()

    @property
    def number(self) -> str:
        return self.packed[_HEAD.size + self.name_length :].decode()

    @property
    def max_uses(self) -> int:
        """How often it opens a way in; 0: no limit."""
        return self.flags >> 1

    @property
    def has_student(self) -> bool:
        return self.student_id != NIL


def unpack(packed: bytes) -> Card:
    """The card of packed bytes."""
    return Card(packed, *_HEAD.unpack_from(packed))


def student_of(packed: bytes) -> bytes:
    """The student's id alone; NIL for a visitor's pass."""
    return packed[16:32]


def school_of(packed: bytes) -> int:
    """The school number alone."""
    return int.from_bytes(packed[32:36], "big")


def pack(
    pass_id: bytes,
    student_id: bytes,
    school: int,
    days: tuple[int, int],
    status: int,
    type_: int,
    student_status: int,
    flags: int,
    name: str,
    number: str,
) -> bytes:
    """What the query makes, made in Python: for tests and for tools that have no database."""
    text = name[:60].encode()
    head = _HEAD.pack(pass_id, student_id, school, *days, status, type_, student_status, flags, len(text))
    return head + text + number.encode()
