"""Photos, documents and logos for the matrix of rights: made by sending them, for a row alone is nothing to fetch."""

from __future__ import annotations

from uuid import UUID

import aiohttp

from tests.integration.files.samples import PDF, picture, zipped
from tests.integration.rest.site import Site


def _uploaded(field: str, content: bytes, **texts: str) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field(field, content, filename=f"a {field}")
    for name, text in texts.items():
        form.add_field(name, text)
    return form


def _photo_form() -> aiohttp.FormData:
    return _uploaded("photo", picture())


def _document_form() -> aiohttp.FormData:
    return _uploaded("document", PDF, documentType="id_card")


async def _photo(site: Site, school: str, student: UUID) -> None:
    sent = await site.ask("POST", f"/api/v1/students/{student}/photo", site.token(school=school), _photo_form())
    assert sent.status == 201, sent.text


async def _document(site: Site, school: str, student: UUID) -> UUID:
    path = f"/api/v1/students/{student}/documents"
    sent = await site.ask("POST", path, site.token(school=school), _document_form())
    return UUID(sent.json["data"][0]["id"])


async def _logo(site: Site, school: str, id_: UUID) -> None:
    sent = await site.ask(
        "POST", f"/api/v1/schools/{id_}/logo", site.token(school=school), _uploaded("logo", picture())
    )
    assert sent.status == 201, sent.text


async def _photo_body(*_: object) -> aiohttp.FormData:
    return _photo_form()


async def _document_body(*_: object) -> aiohttp.FormData:
    return _document_form()


async def _photos_body(*_: object) -> aiohttp.FormData:
    return _uploaded("file", zipped({"S-1.jpg": picture()}))


async def _logo_body(*_: object) -> aiohttp.FormData:
    return _uploaded("logo", picture())


READY = {
    "GET /students/{id}/photo": _photo,
    "DELETE /students/{id}/photo": _photo,
    "GET /schools/{id}/logo": _logo,
    "DELETE /schools/{id}/logo": _logo,
}
BELOW = {"/students/{id}/documents": _document}
BODIES = {
    "POST /students/{id}/photo": _photo_body,
    "POST /students/{id}/documents": _document_body,
    "POST /schools/{id}/logo": _logo_body,
    "POST /students/photos/import": _photos_body,
}
