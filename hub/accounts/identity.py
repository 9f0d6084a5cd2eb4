"""Who is asking, as every room above sees it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from hub.accounts.permissions import Permission


class Identity(msgspec.Struct, frozen=True):
    """A signed-in person. `school_id` is None for a super admin, who acts in all schools."""

    user_id: UUID
    school_id: UUID | None
    role: str
    permissions: frozenset[Permission]
    session_id: UUID

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
