"""The keys of files: whose they are, and ids of ours. Nothing that a person has typed is in one."""

from __future__ import annotations

import re
from typing import Literal, get_args
from uuid import UUID

Size = Literal[96, 400]
#: Edges of the squares that each photo is kept in, in pixels.
SIZES: tuple[Size, ...] = get_args(Size)
#: Of the square that a logo stands in.
LOGO_SIDE = 320

#: What all keys are below.
ALL_SCHOOLS = "schools"
_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS = re.compile(f"{ALL_SCHOOLS}/({_ID})/students/{_ID}/(?:document|photo)-[a-z0-9-]+")


def school_keys(school: UUID) -> str:
    """What all keys of a school are below."""
    return f"{ALL_SCHOOLS}/{school}"


def photo_key(school: UUID, student: UUID, version: UUID, size: Size) -> str:
    return f"{_of(school, student)}/photo-{version}-{size}"


def photo_keys(school: UUID, student: UUID, version: UUID) -> list[str]:
    """Of one photo in all its sizes."""
    return [photo_key(school, student, version, size) for size in SIZES]


def document_key(school: UUID, student: UUID, document: UUID) -> str:
    return f"{_of(school, student)}/document-{document}"


def school_of(key: str) -> UUID | None:
    """Whose file it is; None for a name that is not one of ours: a bucket's console makes some, and so do people."""
    ours = _OURS.fullmatch(key)
    return None if ours is None else UUID(ours[1])


def _of(school: UUID, student: UUID) -> str:
    return f"{school_keys(school)}/students/{student}"
