"""Who is asking, as every room above sees it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from hub.accounts.permissions import Permission


class Identity(msgspec.Struct, frozen=True):
    """A signed-in person, or a wall screen (`wall`), which is nobody's account: both ids are then the screen's.
    `school_id` is None for a super admin, who acts in all schools."""

    user_id: UUID
    school_id: UUID | None
    role: str
    permissions: frozenset[Permission]
    session_id: UUID
    wall: bool = False

    @property
    def account(self) -> UUID | None:
        """Whose account it is."""
        return None if self.wall else self.user_id

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
