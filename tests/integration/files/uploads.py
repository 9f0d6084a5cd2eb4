"""A school with a student, and files sent to it as browsers send them."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import aiohttp
from PIL import Image

from hub.domain.ids import new_id
from tests.integration.rest.site import Answer, Site

STUDENTS = "/api/v1/students"


async def add_student(site: Site, school: str = "near", number: str | None = None) -> UUID:
    id_ = new_id()
    await site.fetch(
        "INSERT INTO students (id, school_id, student_id, first_name, last_name) VALUES ($1, $2, $3, 'Ada', 'L')",
        *(id_, site.schools[school], number or str(id_)),
    )
    return id_


async def send_photo(
    site: Site, student: UUID, content: bytes, *, name: str = "me.jpg", field: str = "photo", token: str | None = None
) -> Answer:
    form = aiohttp.FormData()
    form.add_field(field, io.BytesIO(content), filename=name, content_type="image/jpeg")
    return await site.ask("POST", f"{STUDENTS}/{student}/photo", token or site.token(), form)


async def send_documents(
    site: Site, student: UUID, files: list[tuple[str, bytes]], type_: str | None = "id_card", token: str | None = None
) -> Answer:
    form = aiohttp.FormData(quote_fields=False)
    for name, content in files:
        form.add_field("document", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    if type_ is not None:
        form.add_field("documentType", type_)
    return await site.ask("POST", f"{STUDENTS}/{student}/documents", token or site.token(), form)


async def send_raw(site: Site, student: UUID, disposition: bytes, content: bytes) -> Answer:
    """A document whose part says what no client of ours would write."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="documentType"\r\n\r\nid_card\r\n'
        b'--x\r\nContent-Disposition: form-data; name="document"; '
        + disposition
        + b"\r\n\r\n"
        + content
        + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return await site.ask("POST", f"{STUDENTS}/{student}/documents", site.token(), body, headers=headers)


async def fetch(site: Site, path: str, token: str | None = None, **headers: str) -> tuple[int, Any, bytes]:
    headers["Authorization"] = f"Bearer {token or site.token()}"
    async with site.http.get(f"{site.url}{path}", headers=headers) as answer:
        return answer.status, answer.headers.copy(), await answer.read()


async def photo(site: Site, student: UUID, size: int = 400, token: str | None = None) -> Image.Image:
    status, _, content = await fetch(site, f"{STUDENTS}/{student}/photo?size={size}", token)
    assert status == 200, content
    return Image.open(io.BytesIO(content))
