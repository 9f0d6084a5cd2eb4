"""Files as people send them, and the sending of them."""

from __future__ import annotations

import csv
import io
from typing import Any

import aiohttp
import openpyxl

from tests.integration.rest.site import Answer, Site

IMPORT = "/api/v1/students/import"
HEADER = ["studentId", "firstName", "lastName", "email", "dateOfBirth", "phone", "department", "status"]


def row(number: int, **changes: str) -> list[str]:
    """A student as HEADER has it."""
    own = {
        "studentId": f"S-{number:05}",
        "firstName": "José",
        "lastName": "Weiß",
        "email": f"s{number}@example.org",
        "dateOfBirth": "2008-02-29",
        "phone": f"+4917{number:08}",
        "department": "",
        "status": "active",
    }
    return list((own | changes).values())


def csv_bytes(
    rows: list[list[str]], header: list[str] | None = None, *, encoding: str = "utf-8", by: str = ","
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=by)
    writer.writerow(HEADER if header is None else header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_bytes(rows: list[list[Any]], header: list[str] | None = None) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER if header is None else header)
    for one in rows:
        sheet.append(one)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


async def send(
    site: Site, content: bytes, query: str = "", *, name: str = "students.csv", token: str | None = None
) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    return await site.ask("POST", IMPORT + query, token or site.token(), form)
