"""What is said of a permission over the wire."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hub.rest.pages import ListQuery
from hub.store.pg import Record


class PermissionRow(msgspec.Struct, kw_only=True):
    """`name` is `resource:action`, which is what roles are made of."""

    id: UUID
    name: str
    resource: str | None
    action: str | None
    description: str | None


class PermissionsQuery(ListQuery, kw_only=True, frozen=True):
    sort: Literal["name", "-name"] = "name"
    resource: str | UnsetType = UNSET


def permission(row: Record) -> PermissionRow:
    return PermissionRow(
        id=row["id"],
        name=row["name"],
        resource=row["resource"],
        action=row["action"],
        description=row["description"],
    )
