"""The chain that shows whether the audit log was changed: is it made, is its end ours, does it reach the present.

The whole of it is held against the log by `passhub audit verify`; this is a look at the end.
"""

from __future__ import annotations

from pathlib import Path

from hub.accounts.ledger import heads
from hub.accounts.ledger.digests import Signatures, Signer, head_of
from hub.config import Settings, audit_seeds
from hub.errors import StartError
from hub.store.pg import OwnConnection, Record
from hub.store.queries import load_queries
from hub.supervisor.doctor.asking import one_row
from hub.supervisor.doctor.findings import Notes, lasting, many

Q = load_queries("hub.supervisor.doctor")

CHECK = "audit chain"
#: The jobs seal each minute.
LATE_SECONDS = 600.0
VERIFY = "run: passhub audit verify"


async def examine(settings: Settings, connection: OwnConnection, notes: Notes) -> None:
    seal = await connection.fetchrow(Q.newest_seal)
    waiting = await one_row(connection, Q.unsealed, "0" if seal is None else seal["top"])
    seeds = audit_seeds(settings)
    if not seeds:
        notes.warn(
            CHECK,
            f"HUB_AUDIT_KEY is not set: nothing shows whether the audit log was changed; {_last(seal)}",
            "make one with: passhub settings --new-secret-key, and set HUB_AUDIT_KEY where the jobs run",
        )
        return
    if seal is not None and not _is_ours(seal, Signatures(Signer(seed).public for seed in seeds)):
        notes.fault(
            CHECK,
            f"the newest head, of batch {seal['batch']}, is not what HUB_AUDIT_KEY signed",
            f"set every key that was ever used, by commas; if they are, somebody changed the chain: {VERIFY}",
        )
        return
    if settings.audit_heads is not None and not _examine_file(settings.audit_heads, seal, notes):
        return
    if waiting["seconds"] > LATE_SECONDS:
        notes.warn(
            CHECK,
            f"{many(waiting['entries'], 'row')} not sealed, one for {lasting(waiting['seconds'])}; {_last(seal)}",
            "see whether the jobs run (passhub jobs, with HUB_AUDIT_KEY), and what their log says",
        )
        return
    kept = "" if settings.audit_heads is not None else "; without HUB_AUDIT_HEADS a cut end would not show"
    notes.right(CHECK, f"{_last(seal)}, and its head is ours{kept}" if seal is not None else f"nothing to seal{kept}")


def _last(seal: Record | None) -> str:
    if seal is None:
        return "nothing was ever sealed"
    return f"batch {seal['batch']} was sealed {lasting(max(seal['seconds'], 0.0))} ago"


def _is_ours(seal: Record, signatures: Signatures) -> bool:
    head = head_of(seal["previous"], seal["batch"], seal["row_count"], seal["top"], seal["root"])
    return head == seal["head"] and signatures.hold(seal["signer"], seal["head"], seal["signature"])


def _examine_file(path: Path, seal: Record | None, notes: Notes) -> bool:
    """Whether the file of heads ends where the chain does; what is wrong with it is noted."""
    try:
        written = {line.head.batch: line.head.head for line in heads.read(path) if line.head is not None}
    except StartError as error:
        notes.fault(CHECK, str(error), "the jobs need it, too")
        return False
    last, batch = max(written, default=0), 0 if seal is None else seal["batch"]
    if last > batch or (seal is not None and written.get(batch, seal["head"]) != seal["head"]):
        notes.fault(CHECK, f"{path} has batch {last}, the table {batch}, and they are not one chain", VERIFY)
        return False
    if last < batch:
        notes.warn(
            CHECK,
            f"{path} ends with batch {last}, the chain with {batch}",
            "see whether the jobs of some host can write to it; the next run adds what is missing",
        )
        return False
    return True
