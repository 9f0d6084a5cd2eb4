"""/students/{id}/photo: what a person looks like, for whoever stands at a door."""

from __future__ import annotations

from uuid import UUID

from hub.accounts.permissions import Permission
from hub.config import key_ring
from hub.domain.ids import new_id
from hub.errors import Conflict, NotFound, Unprocessable, UnsupportedMedia
from hub.resources.photos.jobs import IMPORT
from hub.resources.photos.model import Asked, Photo, PhotoQuery
from hub.rest.answer import File
from hub.rest.call import Call
from hub.rest.files.asking import known_student, scanned
from hub.rest.files.holding import drop_photo, lock_student, photo_url, put_photo, set_photo, undone_on_failure
from hub.rest.files.intake import INTAKE
from hub.rest.files.kinds import PHOTOS
from hub.rest.files.naming import photo_keys
from hub.rest.files.parts import FILES
from hub.rest.files.photos import MEDIA, WAITING, Q, photo_bytes, shown_photo
from hub.rest.files.receiving import Form, receive_form
from hub.rest.jobs.carrying import UPLOAD
from hub.rest.jobs.files import keep_file
from hub.rest.jobs.model import Job
from hub.rest.jobs.spool import Spool
from hub.rest.jobs.starting import start_job
from hub.rest.route import Route
from hub.rest.uploads import receive_file

KIND = "student"
FIELD = "photo"
#: How long a photo may be on its way, in seconds.
PATIENCE, PATIENCE_FOR_ALL = 120.0, 900.0


async def upload_photo(call: Call[None, None]) -> Photo:
    intake, files = call.part(INTAKE), call.part(FILES)
    intake.require()
    school = (await known_student(call))["school_id"]
    with Form() as form:
        await receive_form(call, form)
        _, spool = form.files[0]
        scan = await scanned(call, spool, FIELD, school, subject=call.id)
        kind = await intake.kind(spool, FIELD, PHOTOS)
        pictures = await intake.photo(spool, FIELD, kind)
    version = new_id()
    async with undone_on_failure(files, photo_keys(school, call.id, version)):
        await put_photo(files, school, call.id, version, pictures)
        tx = await call.tx()
        await lock_student(tx, call.id)
        old = await set_photo(tx, school, call.id, version, scan, call.identity.user_id)
        await _audit(call, school, old, version)
    return Photo(id=call.id, photoUrl=None if scan == WAITING else photo_url(call.id), scan=scan)


async def get_photo(call: Call[PhotoQuery, None]) -> File:
    row = await shown_photo(await call.tx(), call.id)
    content = await photo_bytes(call.part(FILES), row, call.query.size)
    tag = f'"{row["version"].hex}-{call.query.size}"'
    return File(MEDIA, f"{call.id}.jpg", content, tag, shown=True)


async def delete_photo(call: Call[None, None]) -> None:
    tx = await call.tx()
    student = await lock_student(tx, call.id)
    old = await drop_photo(tx, call.id)
    if old is None:
        raise NotFound("there is no photo of this student")
    await tx.execute(Q.show_photo, call.id, None)
    await _audit(call, student["school_id"], old, None)


async def import_photos(call: Call[None, None]) -> Job:
    call.part(INTAKE).require()
    school, id_ = call.school_for(), new_id()
    with Spool() as spool:
        await receive_file(call, spool, lambda _: None)
        if not spool.part(0).startswith(b"PK"):
            raise UnsupportedMedia("send a ZIP of pictures, each named by its student's number: 2026-0001.jpg")
        job = await start_job(call, IMPORT, Asked(), school=school, id_=id_, told={"bytes": spool.size})
        await keep_file(await call.tx(), key_ring(call.settings), id_, school, UPLOAD, spool)
    return job


async def _audit(call: Call[None, None], school: UUID, old: UUID | None, new: UUID | None) -> None:
    await call.audit(
        "update",
        KIND,
        call.id,
        old={"photo": None if old is None else str(old)},
        new={"photo": None if new is None else str(new)},
        school=school,
        subject=call.id,
    )


ROUTES = [
    Route(
        "POST",
        "/students/photos/import",
        import_photos,
        summary="Set photos of many students by a ZIP, as a job",
        permission=Permission.students_import,
        upload="ZIP of JPEG, PNG or WebP, each named by its student's number: 2026-0001.jpg",
        answer=Job,
        status=202,
        location="/jobs/{id}",
        errors=(NotFound, Conflict),
        timeout=PATIENCE_FOR_ALL,
    ),
    Route(
        "POST",
        "/students/{id}/photo",
        upload_photo,
        summary="Set the photo of a student",
        permission=Permission.students_update,
        upload="JPEG, PNG or WebP; a square is cut out of its middle",
        upload_field=FIELD,
        answer=Photo,
        location="/students/{id}/photo",
        errors=(NotFound, Unprocessable),
        timeout=PATIENCE,
    ),
    Route(
        "GET",
        "/students/{id}/photo",
        get_photo,
        summary="The photo of a student, as JPEG",
        permission=Permission.faces_read,
        walls=True,
        faces=True,
        query=PhotoQuery,
        files=(MEDIA,),
        errors=(NotFound, Conflict),
        reads=KIND,
    ),
    Route(
        "DELETE",
        "/students/{id}/photo",
        delete_photo,
        summary="Delete the photo of a student",
        permission=Permission.students_update,
        errors=(NotFound,),
    ),
]
