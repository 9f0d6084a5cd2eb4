"""What the shell needs of rooms that it does not know; hub/app.py hands it over."""

from __future__ import annotations

from typing import Protocol

from hub.accounts.audit import AuditEntry
from hub.accounts.identity import Identity
from hub.store.pg import Connection


class Authenticator(Protocol):
    async def identify(self, token: str) -> Identity:
        """Who holds an access token. Raises Unauthorized, also for a session that was ended elsewhere. It is asked
        with every request, so it answers from memory."""

    def remembers(self, token: str) -> bool:
        """False for one that memory knows nothing of, and that has to be looked for in a table."""


class AuditTrail(Protocol):
    async def write(self, tx: Connection, entry: AuditEntry) -> None:
        """Into the transaction of what it tells of: both are kept, or neither."""

    async def read(self, entry: AuditEntry) -> None:
        """Kept on disk when this returns, apart from any transaction: a read, a refusal, an attempt that failed."""
