"""The job after a key was stolen: every pass in force that it signed gets a code by another key.

Batch by batch, each in a transaction; killed half way it carries on behind the last one. A pass that was signed anew is
no longer the stolen key's, so none is done twice.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from hub.config import key_ring
from hub.issuing.signing import Signer, signer
from hub.rest.jobs.kinds import JobKind
from hub.rest.jobs.run import Run
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

Q = load_queries(__package__)
BATCH = 500
_FIRST = UUID(int=0)


class Stolen(msgspec.Struct):
    kid: str


async def reissue(run: Run[Stolen]) -> dict[str, Any]:
    """The result: how many passes have another code."""
    kid, signers = run.params.kid, dict[UUID, Signer]()
    if run.total is None:
        async with run.look() as tx:
            run.total = await tx.fetchval(Q.count_passes_of_key, kid)
    while True:
        async with run.tx() as tx:
            found = await tx.fetch(Q.passes_of_key, kid, _FIRST if run.state is None else UUID(run.state), BATCH)
            if found:
                rows = await _lock(tx, kid, found)
                if rows:
                    await _sign(run, tx, rows, signers)
                run.state, run.done = str(found[-1]["id"]), run.done + len(rows)
        if len(found) < BATCH:
            return {"reissued": run.done}


async def _lock(tx: Connection, kid: str, found: list[Record]) -> list[Record]:
    """Those that are still to be signed. Their students first, as by all who change students and then their passes:
    the doors hear of a changed student by the codes that the passes have at that moment."""
    students = {row["student_id"] for row in found if row["student_id"] is not None}
    await tx.execute(Q.hold_holders, list(students))
    return list(await tx.fetch(Q.lock_passes, kid, [row["id"] for row in found]))


async def _sign(run: Run[Stolen], tx: Connection, rows: list[Record], signers: dict[UUID, Signer]) -> None:
    for school in {row["school_id"] for row in rows} - signers.keys():
        signers[school] = await signer(tx, key_ring(run.settings), school)
    codes = await asyncio.to_thread(_codes, rows, signers)
    kids = [signers[row["school_id"]].key.kid for row in rows]
    await tx.execute(Q.act_as, "" if run.user is None else str(run.user), f"signing key {run.params.kid} compromised")
    await tx.execute(Q.reissue_passes, [row["id"] for row in rows], codes, kids)
    await run.audit(tx, "update", "pass", new={"reissued": len(rows), "compromised": run.params.kid})


def _codes(rows: list[Record], signers: dict[UUID, Signer]) -> list[str]:
    return [signers[row["school_id"]].code(row["id"], row["issue_date"], row["expiry_date"]) for row in rows]


REISSUE = JobKind("passes_reissue", Stolen, reissue)
