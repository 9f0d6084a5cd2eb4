"""/students/import: what can be told at once is told at once, by 4xx; what takes reading all of it is the job's."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.domain.ids import new_id
from hub.domain.students import field_rules
from hub.errors import BadRequest, Conflict, Forbidden, NotFound, PayloadTooLarge
from hub.resources.imports.encodings import Encoding
from hub.resources.imports.header import columns_of, read_mapping
from hub.resources.imports.jobs import IMPORT
from hub.resources.imports.model import Asked, ImportQuery, Passes
from hub.resources.imports.recognise import Form, Look
from hub.resources.imports.tables import Unreadable, choose_delimiter, rows_of
from hub.resources.imports.work import REFUSED
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.faults import Fault, fault, refusal
from hub.rest.jobs.carrying import UPLOAD
from hub.rest.jobs.files import file_parts, keep_file
from hub.rest.jobs.model import Job
from hub.rest.jobs.spool import Spool
from hub.rest.jobs.starting import start_job
from hub.rest.route import Route
from hub.rest.uploads import receive_file
from hub.store.queries import load_queries

Q = load_queries(__package__)
#: How long a file may be on its way, in seconds.
PATIENCE = 900.0
LAST_PASS = date(2149, 6, 4)  # what a packed row of the index can say


async def import_file(call: Call[ImportQuery, None]) -> Job:
    school, look, id_ = call.school_for(), Look(), new_id()
    if call.query.issuePasses and not call.identity.may(Permission.passes_create):
        raise Forbidden(f"issuePasses needs the permission {Permission.passes_create.value}")
    encoding = None if call.query.encoding is UNSET else call.query.encoding
    mapping = {} if call.query.mapping is UNSET else read_mapping(call.query.mapping)
    with Spool() as spool:
        name = await receive_file(call, spool, look)
        form, header = await asyncio.to_thread(_head, spool, look, name, encoding)
        _check_rows(look, form, call.settings.import_max_rows)
        tx = await call.tx()
        row = await tx.fetchrow(Q.school, school)
        if row is None:
            raise NotFound("no such school")
        kept = field_rules(msgspec.json.decode(row["settings"]))
        off = frozenset(field for field, rule in kept.items() if rule == "off")
        zone = _zone(row["timezone"])
        asked = Asked(
            form=form,
            header=header,
            columns=columns_of(header, mapping, off),
            dry_run=call.query.dryRun,
            keep_good=call.query.onFault == "keep_good",
            required=[field for field, rule in kept.items() if rule == "required"],
            zone=zone,
            passes=_passes(call.query, zone),
        )
        told = {"dryRun": asked.dry_run, "passes": asked.passes is not None, "bytes": spool.size}
        job = await start_job(call, IMPORT, asked, school=school, id_=id_, told=told)
        await keep_file(tx, key_ring(call.settings), id_, school, UPLOAD, spool)
    return job


def _head(spool: Spool, look: Look, name: str, encoding: Encoding | None) -> tuple[Form, list[str]]:
    """The form with its delimiter, and the first row. In a thread: recognising an encoding takes a while.

    Raises BadRequest, UnsupportedMedia.
    """
    form = look.form(name, encoding)
    try:
        if form.kind == "csv":
            form = choose_delimiter(spool.open(), form)
        _, header = next(rows_of(spool.open(), form), (1, []))
    except Unreadable as error:
        raise refusal([fault("file", f"line {error.line} {error}")]) from None
    except UnicodeError:
        raise refusal([fault("file", f"is not all {form.encoding}")]) from None
    if not header:
        raise refusal([fault("file", "is empty; its first line must name the columns")])
    return form, header


def _check_rows(look: Look, form: Form, most: int) -> None:
    """Raises PayloadTooLarge when there are too many lines for sure: a line break within quotes begins no row."""
    if form.kind == "csv" and not look.quotes and look.newlines > most + 1:
        raise PayloadTooLarge(f"the file has more than {most} rows; send it in parts")


def _zone(name: str) -> str:
    """UTC where the name says nothing, as at the doors."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
    return name


def _passes(query: ImportQuery, zone: str) -> Passes | None:
    """Raises BadRequest with all faults."""
    given = [name for name in ("issueDate", "expiryDate") if getattr(query, name) is not UNSET]
    if not query.issuePasses:
        if given:
            raise refusal([fault(name, "is only taken with issuePasses=true") for name in given])
        return None
    issue = datetime.now(UTC).astimezone(ZoneInfo(zone)).date() if query.issueDate is UNSET else query.issueDate
    if query.expiryDate is UNSET:
        raise BadRequest("expiryDate: is required", [fault("expiryDate", "is required with issuePasses=true")])
    faults: list[Fault] = []
    if query.expiryDate < issue:
        faults.append(fault("expiryDate", "is before issueDate"))
    if not date(1970, 1, 2) <= issue <= LAST_PASS:
        faults.append(fault("issueDate", f"must be a day of 1970-01-02 to {LAST_PASS}"))
    if query.expiryDate > LAST_PASS:
        faults.append(fault("expiryDate", f"must not be after {LAST_PASS}"))
    if faults:
        raise refusal(faults)
    return Passes(query.passType, issue, query.expiryDate)


async def refused_rows(call: Call[None, None]) -> File:
    parts = [part async for part in file_parts(await call.tx(), key_ring(call.settings), call.id, REFUSED)]
    if not parts:
        raise NotFound("no rows of such an import were refused, or it was too long ago")
    await call.note("export", "student", None, new={"job": str(call.id), "what": "refused rows"})
    return File("text/csv; charset=utf-8", "refused.csv", b"".join(parts))


ROUTES = [
    Route(
        "POST",
        "/students/import",
        import_file,
        summary="Create and change students by a file, CSV or XLSX, as a job",
        permission=Permission.students_import,
        query=ImportQuery,
        upload="CSV or XLSX; the first line names the columns",
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(Forbidden, NotFound, Conflict),
        timeout=PATIENCE,
    ),
    Route(
        "GET",
        "/students/import/{id}/refused",
        refused_rows,
        summary="The rows that an import refused, with why, to mend and send again",
        permission=Permission.students_import,
        files=("text/csv",),
        errors=(NotFound,),
    ),
]
