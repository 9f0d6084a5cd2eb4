"""Where photos and documents are kept, and what looks for viruses in them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hub.config import Settings, variable
from hub.errors import StoreUnavailable
from hub.store.clamd import Clamd, ClamdAway
from hub.store.files import open_files
from hub.supervisor.doctor.findings import Notes

ANSWER_SECONDS = 3.0
SCANNER = variable("clamd_url")


async def examine(settings: Settings, bad: dict[str, str], notes: Notes) -> None:
    """Nothing is written, neither to a bucket nor to a directory that is there."""
    names = [variable(name) for name in ("s3_bucket", "s3_endpoint", "files_dir", "clamd_url")]
    if unusable := [name for name in names if name in bad]:
        notes.skip("store", f"{', '.join(unusable)} cannot be used")
        return
    if settings.s3_bucket is None and settings.files_dir is None:
        notes.right(
            "store", "neither HUB_S3_BUCKET nor HUB_FILES_DIR is set: photos and documents are refused, all else works"
        )
        return
    if settings.s3_bucket is not None:
        await _bucket(settings, settings.s3_bucket, notes)
    elif settings.files_dir is not None:
        await asyncio.to_thread(_folder, settings.files_dir, notes)
    await _scanner(settings, notes)


async def _bucket(settings: Settings, name: str, notes: Notes) -> None:
    bounded = settings.model_copy(update={"s3_timeout": min(ANSWER_SECONDS, settings.s3_timeout)})
    files = await open_files(bounded)
    try:
        await files.get("schools/doctor")
    except StoreUnavailable as error:
        notes.fault("store", f"bucket {name}: {error}", "correct HUB_S3_*, or let this hub's key read and write there")
    else:
        notes.right("store", f"bucket {name} answers")
    finally:
        await files.close()


def _folder(folder: Path, notes: Notes) -> None:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        notes.fault("store", f"{folder} cannot be written to", "let the user that the hub runs as write there")
    else:
        notes.right("store", f"{folder}{'' if there == folder else ' is made when the first file comes'}")


async def _scanner(settings: Settings, notes: Notes) -> None:
    if settings.clamd_url is None:
        if settings.files_unscanned == "refuse":
            notes.warn(
                "viruses",
                f"{SCANNER} is not set, so no photo or document is taken",
                "set it, or HUB_FILES_UNSCANNED=serve to trust whoever uploads",
            )
        else:
            notes.warn(
                "viruses", "nothing looks for viruses: HUB_FILES_UNSCANNED=serve", f"set {SCANNER} to have that done"
            )
        return
    clamd = Clamd(settings.clamd_url, min(ANSWER_SECONDS, settings.clamd_timeout))
    try:
        notes.right("viruses", await clamd.version())
    except ClamdAway as error:
        notes.fault("viruses", str(error), f"start it, or correct {SCANNER}; meanwhile what is uploaded waits unseen")
