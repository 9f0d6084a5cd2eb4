"""Every audited act becomes a row: of a change in its own transaction, of a read through the host's journal.

    write   create, update, delete: the row stands or falls with what it tells of
    read    reads of a student's data, sign-ins, refusals, exports: on disk before the answer, whatever PostgreSQL does

Credentials are masked; what describes a student is sealed under the student's own key (masking.py, personal/).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.audit import AuditEntry
from hub.accounts.masking import HIDDEN, SEALED, Split, Values, split
from hub.accounts.personal import student_keys
from hub.domain.audit_row import AuditRow
from hub.domain.clock import moment
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken, seal, unseal
from hub.errors import StoreUnavailable
from hub.store.pg import Connection, Pg, PostgresError
from hub.store.queries import load_queries

Q = load_queries("hub.accounts.ledger")

SALT_BYTES = 16
#: How long a read waits for a student's key; then the values that it would have sealed are hidden.
KEY_SECONDS = 0.5
_LONGEST_AGENT, _LONGEST_WORD, _LONGEST_REQUEST = 500, 100, 128
_KNOWN_KEYS = 10_000


class AuditTrail:
    """One a worker. `keep` hands a row to the host's recorder and returns once it is on disk."""

    def __init__(self, ring: KeyRing, pg: Pg, keep: Callable[[AuditRow], Awaitable[None]]) -> None:
        self._ring = ring
        self._pg = pg
        self._keep = keep
        #: Keys that `read` seals with. One that was erased meanwhile seals what nobody can open, as it should be.
        self._known: dict[UUID, bytes] = {}

    async def write(self, tx: Connection, entry: AuditEntry) -> None:
        """Add the entry in the caller's transaction."""
        parts = _parts(entry)
        key = None
        if parts.personal and entry.subject_id is not None and entry.school_id is not None:
            key = await student_keys.made_key(tx, self._ring, entry.subject_id, entry.school_id)
        await _add(tx, entry, parts, key)

    async def read(self, entry: AuditEntry) -> None:
        """Keep the entry; when this returns it is on disk. Raises JournalError: then nothing may be answered.

        Needs PostgreSQL only for values that a student's key has to seal, and that key when it was not used before:
        without it the entry is kept, and such values are hidden.
        """
        parts = _parts(entry)
        key = await self._key_for_read(entry) if parts.personal else None
        await self._keep(_row(entry, parts, key))

    async def _key_for_read(self, entry: AuditEntry) -> bytes | None:
        student, school = entry.subject_id, entry.school_id
        if student is None or school is None:
            return None
        known = self._known.get(student)
        if known is None:
            with suppress(StoreUnavailable, SealBroken, PostgresError, TimeoutError):
                async with asyncio.timeout(KEY_SECONDS), self._pg.tenant(school) as tx:
                    known = await student_keys.made_key(tx, self._ring, student, school)
            if known is not None:
                if len(self._known) >= _KNOWN_KEYS:
                    self._known.clear()
                self._known[student] = known
        return known


async def record(tx: Connection, entry: AuditEntry) -> None:
    """Add an entry about no student, for which no key is needed, in the caller's transaction."""
    await _add(tx, entry, _parts(entry), None)


async def _add(tx: Connection, entry: AuditEntry, parts: Split, key: bytes | None) -> None:
    await tx.execute(Q.add_audit_row, *_columns(_row(entry, parts, key)))


def opened(old: Values | None, new: Values | None, personal: bytes | None, key: bytes | None, row: UUID) -> Split:
    """A row's values as somebody may read them who may read the student: with the sealed ones in their places.

    Without the key (it was erased) they stay as they are in the table.
    """
    if personal is None or key is None:
        return Split(old, new, {})
    try:
        own = msgspec.json.decode(unseal(key, personal, _place(row.bytes)), type=dict[str, Values])
    except SealBroken:
        return Split(old, new, {})
    return Split(_merged(old, own.get("old")), _merged(new, own.get("new")), own)


def _merged(values: Values | None, own: Values | None) -> Values | None:
    if values is None or not own:
        return values
    return {field: own.get(field, value) if value == SEALED else value for field, value in values.items()}


def _parts(entry: AuditEntry) -> Split:
    return split(
        _plain(entry.old),
        _plain(entry.new),
        about_student=entry.subject_id is not None,
        resource_type=entry.resource_type,
    )


def _plain(values: Values | None) -> Values | None:
    """As JSON would have them; PostgreSQL takes neither NUL nor half a surrogate."""
    if values is None:
        return None
    built: Values = msgspec.to_builtins(values, str_keys=True)
    return {_text(field): _clean(value) for field, value in built.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(str(key)): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def _text(value: str) -> str:
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _row(entry: AuditEntry, parts: Split, key: bytes | None) -> AuditRow:
    personal = None
    if parts.personal and key is not None:
        personal = seal(key, msgspec.json.encode(parts.personal), _place(entry.id.bytes))
    elif parts.personal:
        parts = Split(_hidden(parts.old), _hidden(parts.new), {})
    return AuditRow(
        id=entry.id.bytes,
        at=entry.at,
        school=_bytes(entry.school_id),
        user=_bytes(entry.user_id),
        action=entry.action[:_LONGEST_WORD],
        resource_type=_text(entry.resource_type)[:_LONGEST_WORD],
        resource=_bytes(entry.resource_id),
        old=_json(parts.old),
        new=_json(parts.new),
        address=_address(entry.address),
        user_agent=None if entry.user_agent is None else _text(entry.user_agent)[:_LONGEST_AGENT],
        request_id=None if entry.request_id is None else _text(entry.request_id)[:_LONGEST_REQUEST],
        subject=_bytes(entry.subject_id),
        personal=personal,
        salt=os.urandom(SALT_BYTES),
    )


def _place(row: bytes) -> bytes:
    return b"audit_logs.personal:" + row


def _hidden(values: Values | None) -> Values | None:
    """No key to seal with: these values are not kept at all."""
    return values and {field: HIDDEN if value == SEALED else value for field, value in values.items()}


def _bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


def _json(values: Values | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()


def _address(text: str | None) -> str | None:
    """As PostgreSQL's inet takes it; what is no address (a unix socket's peer) is none."""
    try:
        return None if text is None else str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _columns(row: AuditRow) -> list[Any]:
    def id_(raw: bytes | None) -> UUID | None:
        return None if raw is None else UUID(bytes=raw)

    return [
        *(UUID(bytes=row.id), moment(row.at), id_(row.school), id_(row.user), row.action, row.resource_type),
        *(id_(row.resource), row.old, row.new, row.address, row.user_agent, row.request_id, id_(row.subject)),
        *(row.personal, row.salt),
    ]
