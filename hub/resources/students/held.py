"""Everything held about a student, and who read it, as files of JSON in a ZIP: what a person may ask for (GDPR, 15)."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.masking import Values
from hub.accounts.personal import student_keys
from hub.accounts.trail import opened
from hub.config import key_ring
from hub.resources.students.leaving import Q, found
from hub.resources.students.model import student
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.files.naming import document_key
from hub.rest.files.parts import FILES
from hub.rest.files.photos import WAITING, read_photo
from hub.store.pg import Connection, Record

#: What all documents together may take of memory here.
MOST_FILE_BYTES = 100 * 2**20
ENDINGS = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
ABOUT = """Everything that is held about one student.

student.json    what the school has recorded
passes.json     passes, with their codes
documents.json  files that are kept
photo.jpg       the photo
documents/      the files themselves, by their ids; of very many some are left out, to be fetched one by one
scans.json      when a pass was shown at a door, and what became of it
changes.json    who changed what, and when
readers.json    who read or exported any of this, and when
"""


#: How somebody was read who was one of many.
MANY = {"read": "read in a list", "export": "exported in a file of many"}


async def data_export(call: Call[None, None]) -> File:
    tx, ring = await call.tx(), key_ring(call.settings)
    person = student(found(await tx.fetchrow(Q.get_student, call.id)), ring)
    await tx.execute(Q.in_school, str(person.schoolId))
    entries = await tx.fetch(Q.export_entries, call.id)
    lists = await tx.fetch(Q.export_list_reads, call.id)
    people = await _people(tx, [*entries, *lists])
    key = await student_keys.key_of(tx, ring, call.id)
    parts = {
        "student.json": msgspec.to_builtins(person),
        "passes.json": _rows(await tx.fetch(Q.export_passes, call.id)),
        "documents.json": _rows(await tx.fetch(Q.export_documents, call.id)),
        "scans.json": _rows(await tx.fetch(Q.export_scans, call.id)),
        "changes.json": [
            _change(row, people, key) for row in entries if row["action"] in {"create", "update", "delete"}
        ],
        "readers.json": _readers(entries, lists, people),
    }
    await call.note("export", "student", call.id, new={"format": "zip"}, school=person.schoolId, subject=call.id)
    kept = await _kept_files(call, tx, person.schoolId)
    body = await asyncio.to_thread(_zip, parts, kept)
    return File("application/zip", f"student-{person.studentId}.zip", body)


async def _kept_files(call: Call[None, None], tx: Connection, school: UUID) -> dict[str, bytes]:
    """By their names in the ZIP. What waits for the virus scanner goes to nobody."""
    files, found, left = call.part(FILES), dict[str, bytes](), MOST_FILE_BYTES
    picture = await read_photo(tx, files, call.id, 400)
    if picture is not None:
        found["photo.jpg"] = picture
    for row in await tx.fetch(Q.export_documents, call.id):
        left -= row["file_size"] or 0
        if left < 0 or row["scan"] == WAITING:
            continue
        stored = await files.get(document_key(school, call.id, row["id"]))
        if stored is not None:
            found[f"documents/{row['id']}{ENDINGS.get(row['mime_type'], '')}"] = await stored.read()
    return found


async def _people(tx: Connection, rows: list[Record]) -> dict[UUID, dict[str, Any]]:
    """Those who did it, by id; whoever the school may not see (a super admin) is told by id alone."""
    ids = list({row["user_id"] for row in rows if row["user_id"] is not None})
    known = await tx.fetch(Q.readers, ids)
    people: dict[UUID, dict[str, Any]] = {id_: {"id": id_} for id_ in ids}
    for row in known:
        people[row["id"]] |= {"name": f"{row['first_name']} {row['last_name']}".strip(), "email": row["email"]}
    return people


def _change(row: Record, people: dict[UUID, dict[str, Any]], key: bytes | None) -> dict[str, Any]:
    values = opened(_values(row["old_values"]), _values(row["new_values"]), row["personal"], key, row["id"])
    return {
        "at": row["created_at"],
        "by": people.get(row["user_id"]),
        "action": row["action"],
        "what": row["resource_type"],
        "id": row["resource_id"],
        "old": values.old,
        "new": values.new,
    }


def _readers(entries: list[Record], lists: list[Record], people: dict[UUID, dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of their reading."""
    reads = [
        (row["created_at"], row["user_id"], row["action"]) for row in entries if row["action"] in {"read", "export"}
    ]
    reads += [(row["created_at"], row["user_id"], MANY[row["action"]]) for row in lists]
    return [{"at": at, "by": people.get(who), "how": how} for at, who, how in sorted(reads, key=lambda one: one[0])]


def _values(text: str | None) -> Values | None:
    values = None if text is None else msgspec.json.decode(text)
    return values if values is None or isinstance(values, dict) else {"value": values}


def _rows(rows: list[Record]) -> list[dict[str, Any]]:
    """Columns under the names that they have everywhere in JSON."""
    return [{_camel(name): value for name, value in row.items()} for row in rows]


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def _zip(parts: dict[str, Any], files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT)
        for name, value in parts.items():
            archive.writestr(name, msgspec.json.format(msgspec.json.encode(value), indent=2))
        for name, content in files.items():
            archive.writestr(name, content, zipfile.ZIP_STORED)
    return buffer.getvalue()
