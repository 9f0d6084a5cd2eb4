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
    access_logs_read = "access_logs:read"
    access_logs_create = "access_logs:create"
    access_logs_annul = "access_logs:annul"
    access_logs_export = "access_logs:export"
    live_read = "live:read"
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
