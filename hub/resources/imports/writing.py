"""A batch of students in the tables: found by their numbers, sealed, inserted or updated, given passes."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from hub.accounts.audit import Action
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.vault import column_place
from hub.resources.imports.batches import Converter, Line
from hub.resources.imports.cells import FIELDS
from hub.resources.imports.model import Asked, Counts
from hub.resources.imports.passes import Issuer
from hub.rest.jobs.run import Run
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
DELETED = "belongs to a student who was deleted; restore that one first"


class Writer:
    """Writes one school's students. `issuer`: None when no passes were asked for."""

    def __init__(self, run: Run[Asked], ring: KeyRing, converter: Converter, issuer: Issuer | None) -> None:
        self._run = run
        self._ring = ring
        self._converter = converter
        self._issuer = issuer
        self._sent = [name for name in run.params.columns if name is not None]

    async def check(self, tx: Connection, lines: list[Line], counts: Counts) -> None:
        """What only the tables can tell of lines, and what would be done with those that are good."""
        good = [line for line in lines if not line.faults]
        found = await self._found(tx, Q.find_students, good)
        self._held_against(good, found)
        good = [line for line in good if not line.faults]
        counts.updated += sum(1 for line in good if line.student in found)
        counts.created += sum(1 for line in good if line.student not in found)

    async def write(self, tx: Connection, lines: list[Line], counts: Counts) -> None:
        """The lines that are good. Some may turn out not to be: they have faults afterwards and are not written."""
        good = [line for line in lines if not line.faults]
        made, changed, active = list[UUID](), list[UUID](), list[UUID]()
        while good:
            found = await self._found(tx, Q.lock_students, good)
            self._held_against(good, found)
            good = [line for line in good if not line.faults]
            old = [line for line in good if line.student in found]
            new = [line for line in good if line.student not in found]
            known = [found[line.student]["id"] for line in old]
            updated = await self._send(tx, known, old, Q.update_students, self._sent)
            ids = [new_id() for _ in new]
            inserted = await self._send(tx, ids, new, Q.insert_students, self._run.school)
            changed += updated
            made += inserted
            active += [id_ for part in (updated, inserted) for id_, status in part.items() if status == "active"]
            good = [line for id_, line in zip(ids, new, strict=True) if id_ not in inserted]  # somebody was faster
        passes = await self._issuer.issue(tx, active, set(made)) if self._issuer is not None and active else []
        counts.created += len(made)
        counts.updated += len(changed)
        counts.passes += len(passes)
        await self._audit(tx, made, changed, passes)

    async def _found(self, tx: Connection, sql: str, lines: list[Line]) -> dict[str, Record]:
        rows = await tx.fetch(sql, [line.student for line in lines])
        return {row["student_id"]: row for row in rows}

    def _held_against(self, lines: list[Line], found: dict[str, Record]) -> None:
        for line in lines:
            row = found.get(line.student)
            if row is None:
                self._converter.missing(line)
            elif row["is_deleted"]:
                line.refuse("studentId", DELETED)

    async def _send(self, tx: Connection, ids: list[UUID], lines: list[Line], sql: str, first: Any) -> dict[UUID, str]:
        """Id → status of those that were written."""
        if not lines:
            return {}
        columns = await asyncio.to_thread(self._columns, ids, lines)
        return {row["id"]: row["status"] for row in await tx.fetch(sql, first, ids, *columns)}

    def _columns(self, ids: list[UUID], lines: list[Line]) -> list[list[Any]]:
        """The fields as arrays, sealed where they are, then the blind indexes."""
        plain = [list(column) for column in zip(*(line.values for line in lines), strict=True)]
        columns = [
            self._sealed(field.column, ids, values) if field.sealed else values
            for field, values in zip(FIELDS, plain, strict=True)
        ]
        return columns + [
            self._indexed(field.column, values) for field, values in zip(FIELDS, plain, strict=True) if field.indexed
        ]

    def _sealed(self, column: str, ids: list[UUID], values: list[Any]) -> list[bytes | None]:
        return [
            None if value is None else self._ring.seal(str(value).encode(), column_place("students", column, id_))
            for id_, value in zip(ids, values, strict=True)
        ]

    def _indexed(self, column: str, values: list[Any]) -> list[bytes | None]:
        school = self._run.school
        return [None if value is None else self._ring.blind_index(column, school, str(value)) for value in values]

    async def _audit(self, tx: Connection, made: list[UUID], changed: list[UUID], passes: list[UUID]) -> None:
        """One entry for each batch and kind of change."""
        acts: list[tuple[Action, str, list[UUID]]] = [("create", "student", made), ("update", "student", changed)]
        for action, kind, ids in [*acts, ("create", "pass", passes)]:
            if ids:
                new = {"job": str(self._run.id), "ids": [str(id_) for id_ in ids]}
                await self._run.audit(tx, action, kind, new=new)
