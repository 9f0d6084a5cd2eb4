"""What may be done: one list, `resource:action`, from which the `permissions` table is filled; and the built-in roles.

A permission counts within the school of whoever holds it; a super admin belongs to no school and acts in all.
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`. A value is in the database, in custom roles too: it is never given another meaning."""

    students_create = "students:create"
    students_read = "students:read"
    students_update = "students:update"
    students_delete = "students:delete"
    students_import = "students:import"
    students_export = "students:export"
    students_erase = "students:erase"
    #: Who stands at a door, and whether they may pass: what a guard looks up.
    documents_create = "documents:create"
    documents_read = "documents:read"
    documents_delete = "documents:delete"
    #: A face and a name, the only personal data that a guard needs.
    faces_read = "faces:read"
    passes_create = "passes:create"
    passes_read = "passes:read"
    passes_update = "passes:update"
    passes_delete = "passes:delete"
    passes_send = "passes:send"
    passes_verify = "passes:verify"
    templates_create = "templates:create"
    templates_read = "templates:read"
    templates_update = "templates:update"
    visitors_create = "visitors:create"
    access_points_create = "access_points:create"
    access_points_read = "access_points:read"
    access_points_update = "access_points:update"
    access_points_delete = "access_points:delete"
    #: To read passes there with one's own device, as its reader does.
    access_points_scan = "access_points:scan"
    access_logs_read = "access_logs:read"
    access_logs_create = "access_logs:create"
    access_logs_annul = "access_logs:annul"
    access_logs_export = "access_logs:export"
    live_read = "live:read"
    acknowledgements_create = "acknowledgements:create"
    wall_screens_create = "wall_screens:create"
    wall_screens_read = "wall_screens:read"
    wall_screens_update = "wall_screens:update"
    wall_screens_delete = "wall_screens:delete"
    lockdown_set = "lockdown:set"
    schools_create = "schools:create"
    schools_read = "schools:read"
    schools_update = "schools:update"
    departments_create = "departments:create"
    departments_read = "departments:read"
    departments_update = "departments:update"
    departments_delete = "departments:delete"
    users_create = "users:create"
    users_read = "users:read"
    users_update = "users:update"
    users_delete = "users:delete"
    roles_create = "roles:create"
    roles_read = "roles:read"
    roles_update = "roles:update"
    permissions_read = "permissions:read"
    analytics_read = "analytics:read"
    audit_logs_read = "audit_logs:read"
    audit_logs_export = "audit_logs:export"
    signing_keys_rotate = "signing_keys:rotate"
    jobs_read = "jobs:read"

    @property
    def resource(self) -> str:
        return self.value.partition(":")[0]

    @property
    def action(self) -> str:
        return self.value.partition(":")[2]


_SECURITY = frozenset(
    {
        Permission.faces_read,
        Permission.passes_read,
        Permission.access_logs_read,
        Permission.live_read,
        Permission.acknowledgements_create,
    }
)
_STAFF = _SECURITY | {
    Permission.students_create,
    Permission.students_read,
    Permission.students_update,
    Permission.documents_create,
    Permission.documents_read,
    Permission.passes_create,
    Permission.passes_update,
    Permission.passes_delete,
    Permission.passes_send,
    Permission.templates_read,
    Permission.visitors_create,
    Permission.access_points_read,
    Permission.schools_read,
    Permission.departments_read,
    Permission.analytics_read,
    Permission.jobs_read,
}
_INSTALLATION = frozenset({Permission.schools_create, Permission.signing_keys_rotate})
#: What every installation's five roles may do. Rows of `role_permissions`; a test holds that they are these.
BUILT_IN: dict[str, frozenset[Permission]] = {
    "super_admin": frozenset(Permission),
    "school_admin": frozenset(Permission) - _INSTALLATION,
    "staff": _STAFF,
    "security": _SECURITY,
    "card_reader": frozenset({Permission.passes_verify, Permission.access_logs_create}),
}

#: What a wall screen may do: see what happens. Routes that say `walls` are for it too (hub/rest/route.py).
WALL = frozenset({Permission.live_read})

#: What a school may add to `security`, which itself lets nobody in: schools.settings {"guardDesk": true}.
GUARD_DESK = frozenset(
    {
        Permission.access_points_read,
        Permission.access_points_scan,
        Permission.access_logs_create,
        Permission.access_logs_annul,
        Permission.visitors_create,
    }
)
