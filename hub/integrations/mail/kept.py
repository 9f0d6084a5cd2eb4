"""Letters that are kept as files (HUB_MAIL_DIR): a person's go with the person, the rest when they are old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path
from uuid import UUID

_SECONDS_A_DAY = 86_400


async def forget_letters(directory: Path, email: str | None, ids: Iterable[UUID]) -> int:
    """Delete what went to this address, or carries one of these ids; how many there were. Raises OSError."""
    return await asyncio.to_thread(_forget, directory, email, {str(id_) for id_ in ids})


async def old_letters(directory: Path, days: int) -> list[Path]:
    """Files that are older than that."""
    before = time.time() - days * _SECONDS_A_DAY
    return await asyncio.to_thread(lambda: [path for path in _files(directory) if path.stat().st_mtime < before])


def _forget(directory: Path, email: str | None, ids: set[str]) -> int:
    found = [path for path in _files(directory) if _is_to(path, email, ids)]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.glob("*.eml*") if path.is_file())


def _is_to(path: Path, email: str | None, ids: set[str]) -> bool:
    with path.open("rb") as file:
        head = BytesHeaderParser(policy=policy.default).parse(file)
    assert isinstance(head, EmailMessage)
    if str(head["Message-ID"]).strip().strip("<>").partition("@")[0] in ids:
        return True
    boxes = {box.addr_spec.lower() for box in head["To"].addresses} if head["To"] is not None else set()
    return email is not None and email.lower() in boxes
