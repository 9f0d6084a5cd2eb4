"""What a file calls a department: its code, in capitals or not where that is clear, or its id."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


class Departments:
    """Of one school: each its code and id."""

    def __init__(self, known: Iterable[tuple[str, UUID]]) -> None:
        self._exact: dict[str, UUID] = {}
        self._folded: dict[str, list[str]] = {}
        for code, id_ in known:
            self._exact[code] = self._exact[str(id_)] = id_
            self._folded.setdefault(code.casefold(), []).append(code)

    def find(self, said: str) -> UUID:
        """Raises ValueError, with what to tell whoever sent the file."""
        found = self._exact.get(said)
        if found is not None:
            return found
        codes = sorted(self._folded.get(said.casefold(), []))
        if len(codes) > 1:
            raise ValueError(f"is not clear: {' or '.join(codes)}")
        if not codes:
            raise ValueError("is no department of this school")
        return self._exact[codes[0]]
