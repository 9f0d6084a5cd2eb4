"""What belongs to no school: each table with its setting."""

from __future__ import annotations

from functools import partial

from hub.config import Settings
from hub.integrations.mail.kept import old_letters
from hub.jobs.retention.steps import Place, Step
from hub.store.queries import load_queries

Q = load_queries(__package__)
#: Name of the statements → table, and the setting that says how long.
TABLES = {
    "scan_ids": ("scan_ids", "scan_ids"),
    "pass_uses": ("pass_uses", "scan_ids"),
    "job_files": ("job_files", "job_files"),
    "jobs": ("job_runs", "jobs"),
    "mails": ("pass_mails", "mails"),
    "pass_history": ("pass_history", "pass_history"),
    "rejected": ("access_logs_rejected", "rejected"),
    "audit_rejected": ("audit_logs_rejected", "audit"),
    "stream_heads": ("stream_heads", "stream_heads"),
    "queue_log": ("pgqueuer_log", "queue"),
    "queue_figures": ("pgqueuer_statistics", "queue"),
}


def table_steps(place: Place) -> list[Step]:
    found = []
    for name, (table, setting) in TABLES.items():
        days = days_of(place.settings, setting)
        count, prune = partial(_count, place, name, days), partial(_prune, place, name, days)
        found.append(Step(table=table, keep=f"{days} days", count=count, prune=prune))
    if place.settings.mail_dir is not None:
        days = days_of(place.settings, "mail_files")
        found.append(
            Step(
                table="letters in HUB_MAIL_DIR",
                keep=f"{days} days",
                count=partial(_count_letters, place, days),
                prune=partial(_prune_letters, place, days),
            )
        )
    return found


def days_of(settings: Settings, name: str) -> int:
    days: int = getattr(settings, f"retention_{name}_days")
    return days


async def _count(place: Place, name: str, days: int) -> int:
    async with place.pg.system() as tx:
        found: int = await tx.fetchval(Q[f"count_{name}"], days)
    return found


async def _prune(place: Place, name: str, days: int) -> int:
    async with place.pg.system() as tx:
        told: str = await tx.execute(Q[f"prune_{name}"], days, place.settings.retention_batch)
    return int(told.rpartition(" ")[2])


async def _count_letters(place: Place, days: int) -> int:
    assert place.settings.mail_dir is not None
    return len(await old_letters(place.settings.mail_dir, days))


async def _prune_letters(place: Place, days: int) -> int:
    assert place.settings.mail_dir is not None
    found = await old_letters(place.settings.mail_dir, days)
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
