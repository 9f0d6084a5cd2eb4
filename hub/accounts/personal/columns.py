"""The registry of sealed columns: all that the key ring protects, table by table.

A table with a column that is sealed under the key ring is listed here, with two statements in queries.sql: one that
finds what another key has sealed, one that writes it anew. A test compares this list with the schema: a `bytea` column
that is neither listed here nor declared to be no ciphertext fails it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from hub.accounts.personal import student_keys
from hub.domain.vault import column_place


class Row(Protocol):
    """A row of what a table's `find` statement reads; its id is called `id`."""

    def __getitem__(self, column: str, /) -> Any: ...


class SealedTable(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` in the order of the write statement's arrays, after the ids; those of `indexed` have a `_bidx` each,
    whose arrays follow. `place` gives a value's associated data. `find` and `write` name the statements."""

    name: str
    columns: tuple[str, ...]
    place: Callable[[Row, str], bytes]
    find: str
    write: str
    indexed: tuple[str, ...] = ()


def _row_place(table: str) -> Callable[[Row, str], bytes]:
    return lambda row, column: column_place(table, column, row["id"])


def _of_one(table: str, column: str) -> SealedTable:
    """One sealed column, bound to its row's id."""
    return SealedTable(
        name=table,
        columns=(column,),
        place=_row_place(table),
        find=f"{table}_to_reseal",
        write=f"reseal_{table}",
    )


SEALED_TABLES: tuple[SealedTable, ...] = (
    SealedTable(
        name="students",
        columns=("date_of_birth", "phone", "address", "emergency_contact_name", "emergency_contact_phone"),
        indexed=("date_of_birth", "phone"),
        place=_row_place("students"),
        find="students_to_reseal",
        write="reseal_students",
    ),
    SealedTable(
        name="signing_keys",
        columns=("private_key",),
        place=lambda row, column: str(row["kid"]).encode(),
        find="signing_keys_to_reseal",
        write="reseal_signing_keys",
    ),
    SealedTable(
        name="student_keys",
        columns=("key",),
        place=lambda row, column: student_keys.place(row["id"]),
        find="student_keys_to_reseal",
        write="reseal_student_keys",
    ),
    _of_one("job_runs", "params"),
    _of_one("job_files", "key"),
    _of_one("second_factors", "secret"),
    _of_one("token_keys", "private_key"),
)

#: Columns of bytes that are no ciphertext of the key ring, each with what it is.
NOT_SEALED: Mapping[str, str] = {
    "access_logs.lookup_key": "SHA-256 of a code",
    "access_logs_rejected.entry": "a scan as it was journaled; ids only",
    "audit_logs.payload_digest": "SHA-256 of values that were erased",
    "audit_logs.personal": "sealed under the student's own key, which student_keys holds",
    "audit_logs.salt": "random",
    "audit_logs_rejected.entry": "an entry as it was journaled; what is personal in it is under the student's own key",
    "audit_floors.head": "SHA-256",
    "audit_floors.signature": "Ed25519",
    "audit_floors.signer": "id of a public key",
    "audit_prunes.signature": "Ed25519",
    "audit_prunes.signer": "id of a public key",
    "audit_sealed.digest": "SHA-256",
    "audit_seals.head": "SHA-256",
    "audit_seals.previous": "SHA-256",
    "audit_seals.root": "SHA-256",
    "audit_seals.signature": "Ed25519",
    "audit_seals.signer": "id of a public key",
    "device_keys.key_hash": "SHA-256 of a random key",
    "idempotency_keys.answer": "sealed under a key that its caller holds; gone in a day",
    "idempotency_keys.digest": "SHA-256",
    "idempotency_keys.request": "SHA-256",
    "job_file_parts.content": "sealed under the file's own key, which job_files holds",
    "index_changes.key": "a lookup key or an id",
    "mailed_tokens.hash": "SHA-256 of a random token",
    "pairings.secret_hash": "SHA-256 of a random secret",
    "pass_mails.lookup_key": "SHA-256 of a code",
    "passes.lookup_key": "SHA-256 of a code",
    "reader_tickets.hash": "SHA-256 of a random ticket",
    "recovery_codes.hash": "SHA-256 of a random code",
    "refresh_tokens.hash": "SHA-256 of a random token",
    "school_logos.picture": "a picture of nobody, which stands on printed cards",
    "signing_keys.public_key": "Ed25519",
    "stream_amendments.lookup_key": "SHA-256 of a code",
    "students.date_of_birth_bidx": "blind index",
    "students.phone_bidx": "blind index",
    "token_keys.public_key": "Ed25519",
    "wall_screens.token_hash": "SHA-256 of a random token",
}
