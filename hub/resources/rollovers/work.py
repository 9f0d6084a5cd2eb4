"""The job: counted first, for somebody to look at; then, confirmed, all steps in one transaction.

What was shown is what is done: a confirmed run locks those whom it means, then counts again, and where the counts or
the people differ it does nothing, and says by how much.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec

from hub.accounts.audit import Action
from hub.config import key_ring
from hub.resources.rollovers.model import Asked, Done
from hub.rest.jobs.kinds import JobFailed, NeedsConfirmation
from hub.rest.jobs.model import JobError
from hub.rest.jobs.run import Run
from hub.rest.students.query import StudentFilters
from hub.rest.students.whole import whole
from hub.store.pg import Connection
from hub.store.queries import load_queries

Q = load_queries(__package__)
BATCH = 2_000
LAST_YEAR = 20
CHANGED = "students or passes have changed since they were counted: these are the counts now; ask again"
#: Whose year does not go up by a promotion.
_STAYING = ("graduated", "inactive", "suspended")


async def roll_over(run: Run[Asked]) -> dict[str, Any]:
    """What was done. Raises NeedsConfirmation before, and JobFailed when nobody is meant or somebody came or went."""
    if run.state is not None and run.state.get("over"):
        return _result(msgspec.convert(run.state["steps"], list[Done]))
    if not run.confirmed:
        return await _preview(run)
    async with run.tx() as tx:
        await _lock(tx, (await _choose(run, tx))[1])
        steps, chosen = await _choose(run, tx)
        if run.state is None or _shown(steps, chosen) != run.state:
            raise JobFailed([JobError(message=CHANGED)], _result(steps))
        await tx.execute(Q.note_why, "" if run.user is None else str(run.user), run.params.reason)
        run.done, run.total = 0, sum(step.students for step in steps)
        for number, ids in enumerate(chosen):
            for start in range(0, len(ids), BATCH):
                await _change(run, tx, number, ids[start : start + BATCH])
        run.state = {"over": True, "steps": msgspec.to_builtins(steps)}
    return _result(steps)


def _shown(steps: list[Done], chosen: list[list[UUID]]) -> dict[str, Any]:
    """What a preview has said, and of whom: as many others are not the same."""
    whom = [hashlib.sha256(b"".join(sorted(id_.bytes for id_ in ids))).hexdigest() for ids in chosen]
    return {**_result(steps), "whom": whom}


async def _lock(tx: Connection, chosen: list[list[UUID]]) -> None:
    """Who comes to be meant after this is no part of what is locked, and is noticed by the second choice."""
    ids = [id_ for some in chosen for id_ in some]
    await tx.execute(Q.lock_students, ids)
    await tx.execute(Q.lock_passes, ids)


def _result(steps: list[Done]) -> dict[str, Any]:
    return {"steps": msgspec.to_builtins(steps)}


async def _preview(run: Run[Asked]) -> dict[str, Any]:
    async with run.tx() as tx:
        steps, chosen = await _choose(run, tx)
        run.state = _shown(steps, chosen)
    if not any(step.students for step in steps):
        raise JobFailed([JobError(message="no step means anybody")], _result(steps))
    raise NeedsConfirmation(_result(steps))


async def _choose(run: Run[Asked], tx: Connection) -> tuple[list[Done], list[list[UUID]]]:
    """Of each step its counts and its students."""
    taken: set[UUID] = set()
    steps, chosen = list[Done](), list[list[UUID]]()
    for number, action in enumerate(run.params.actions):
        step, ids = Done(action), list[UUID]()
        async for row in _meant(run, tx, number):
            if row["id"] in taken:
                continue
            taken.add(row["id"])
            if _stays(action, row):
                step.unchanged += 1
            else:
                ids.append(row["id"])
        step.students = len(ids)
        if run.params.passes[number] and action != "promote":
            step.passes = await tx.fetchval(Q.passes_of, ids)
        steps.append(step)
        chosen.append(ids)
    return steps, chosen


def _stays(action: str, row: Any) -> bool:
    if action == "promote":
        year = row["year_of_study"]
        return row["status"] in _STAYING or year is None or year >= LAST_YEAR
    return bool(row["status"] == {"graduate": "graduated", "deactivate": "inactive"}[action])


async def _meant(run: Run[Asked], tx: Connection, number: int) -> AsyncIterator[Any]:
    filters = msgspec.convert(run.params.filters[number], StudentFilters)
    found = await whole(tx, filters, key_ring(run.settings), run.school)
    if found is None:
        return
    sql, values = found
    async for row in tx.cursor(sql, *values, prefetch=500):
        yield row


async def _change(run: Run[Asked], tx: Connection, number: int, ids: list[UUID]) -> None:
    """A batch of one step, and the audit of it."""
    action, acts = run.params.actions[number], list[tuple[Action, str, list[UUID]]]()
    if action == "promote":
        await tx.execute(Q.promote, ids)
    elif action == "graduate":
        await tx.execute(Q.graduate, ids, run.params.day)
    else:
        await tx.execute(Q.deactivate, ids)
    acts.append(("update", "student", ids))
    if run.params.passes[number] and action != "promote":
        acts.append(("update", "pass", [row["id"] for row in await tx.fetch(Q.deactivate_passes, ids)]))
    for act, kind, changed in acts:
        if changed:
            new = {"job": str(run.id), "action": action, "ids": [str(id_) for id_ in changed]}
            await run.audit(tx, act, kind, new=new)
    await run.progress(run.done + len(ids))
