"""What is asked of an import, by whoever sends the file and of the job."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.resources.imports.encodings import Encoding
from hub.resources.imports.recognise import Form


class ImportQuery(msgspec.Struct, kw_only=True, frozen=True):
    """`expiryDate` is needed when passes are asked for."""

    dryRun: Annotated[bool, Meta(description="only say what would be done")] = False
    onFault: Annotated[
        Literal["refuse_all", "keep_good"],
        Meta(description="a row is at fault: nothing is written, or the others"),
    ] = "refuse_all"
    mapping: (
        Annotated[str, Meta(max_length=4000, description='JSON: {"column": "field", "another": null}; null: left out')]
        | UnsetType
    ) = UNSET
    encoding: (
        Annotated[Encoding, Meta(description="of a CSV file in another one than UTF-8, when the hub asks")] | UnsetType
    ) = UNSET
    issuePasses: Annotated[
        bool, Meta(description="a pass for each active student who has none that is good; needs passes:create")
    ] = False
    passType: Literal["standard", "temporary"] = "standard"
    issueDate: Annotated[date, Meta(description="the school's day; today if left out")] | UnsetType = UNSET
    expiryDate: date | UnsetType = UNSET


class Passes(msgspec.Struct, frozen=True):
    """Passes to be issued."""

    kind: str
    issue: date
    expiry: date


class Asked(msgspec.Struct, frozen=True):
    """The job's params. `columns`: the field of each column of the file, whose own names are `header`."""

    form: Form
    header: list[str]
    columns: list[str | None]
    dry_run: bool
    keep_good: bool
    required: list[str]
    zone: str
    passes: Passes | None = None


class Counts(msgspec.Struct):
    """What a run came to: rows read, and what became of each."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    refused: int = 0
    passes: int = 0
