"""/admin/permissions: the list that roles are made from."""

from __future__ import annotations

from hub.accounts.permissions import Permission
from hub.resources.permissions.model import PermissionRow, PermissionsQuery, permission
from hub.rest.call import Call
from hub.rest.pages import Page, read_page
from hub.rest.route import Route
from hub.store.keyset import Column, Filter, Listing
from hub.store.queries import load_queries

Q = load_queries(__package__)
LISTING = Listing(
    Q.list_permissions, sorts={"name": Column("name", str)}, filters={"resource": Filter("resource")}, search=("name",)
)


async def list_permissions(call: Call[PermissionsQuery, None]) -> Page[PermissionRow]:
    return await read_page(call, LISTING, permission)


ROUTES = [
    Route(
        "GET",
        "/admin/permissions",
        list_permissions,
        summary="List permissions",
        permission=Permission.permissions_read,
        of_school=False,
        query=PermissionsQuery,
        answer=Page[PermissionRow],
    )
]
