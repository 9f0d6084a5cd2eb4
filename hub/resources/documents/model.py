"""What is said of a document over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.rest.files.intake import Scan
from hub.rest.pages import ListQuery
from hub.store.pg import Record

TYPE_PATTERN = "^[a-z][a-z0-9_]{0,99}$"


class Document(msgspec.Struct, kw_only=True):
    """One file about a student. Nobody gets one that is `waiting` for the virus scanner."""

    id: UUID
    schoolId: UUID
    studentId: UUID
    documentType: str
    fileName: str
    fileSize: int
    mimeType: str
    scan: Scan
    uploadedBy: UUID | None
    createdAt: Annotated[datetime, Meta(tz=True)]


class Documents(msgspec.Struct, kw_only=True):
    """Those of one request."""

    data: list[Document]


class DocumentsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["createdAt", "-createdAt"] = "-createdAt"
    documentType: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET


def document(row: Record) -> Document:
    return Document(
        id=row["id"],
        schoolId=row["school_id"],
        studentId=row["student_id"],
        documentType=row["document_type"] or "other",
        fileName=row["file_name"] or "document",
        fileSize=row["file_size"] or 0,
        mimeType=row["mime_type"] or "application/octet-stream",
        scan=row["scan"],
        uploadedBy=row["uploaded_by"],
        createdAt=row["created_at"],
    )
