"""Who may do what, in memory as the tables have it: users, roles, schools' settings, sessions, keys of access tokens.

The feed of the index keeps it (hub/index/feed.py calls `load` and `reread`), so every worker hears of an ended session,
a changed role or a deactivated user within milliseconds of the commit. Source of truth: the tables, read as hub_system.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.accounts.identity import Identity
from hub.accounts.permissions import GUARD_DESK, WALL, Permission
from hub.store.pg import Connection, Record
from hub.store.queries import load_queries

log = structlog.get_logger(__name__)
queries = load_queries("hub.accounts")

SWEEP_SECONDS = 1.0
_KNOWN = {permission.value: permission for permission in Permission}


class Person(msgspec.Struct, frozen=True):
    """`active`: not deactivated, not deleted. `second_factor`: one is confirmed."""

    role_id: UUID | None
    school_id: UUID | None
    active: bool
    second_factor: bool


class RoleRow(msgspec.Struct, frozen=True):
    name: str
    built_in: bool
    permissions: frozenset[Permission]


class SchoolRow(msgspec.Struct, frozen=True):
    """`second_factor`: names of the roles that have to have one."""

    active: bool
    guard_desk: bool
    second_factor: frozenset[str]


class Session(msgspec.Struct, frozen=True):
    """`expires`: seconds since 1970. `wall`: the school of a wall screen, which is a user of its own."""

    user_id: UUID
    expires: float
    wall: UUID | None = None


class Key(msgspec.Struct, frozen=True):
    """`active_from`: seconds since 1970."""

    public: Ed25519PublicKey
    active_from: float
    retired: bool


class Rights(msgspec.Struct, frozen=True):
    """`required`: a second factor is asked for of this role; `enrolled`: there is one."""

    permissions: frozenset[Permission]
    required: bool
    enrolled: bool


class Roster:
    """`super_admin_factor`: whether super admins need a second factor.

    `on_ended(session)` when a session is over, whatever ended it; `on_changed(session)` when its holder may now do
    something else than before. Both are called in the loop, once a session, and must not raise or wait.
    """

    #: What the feed tells it of.
    kinds = ("school", "role", "user", "session", "token_key", "wall_screen")

    def __init__(self, *, super_admin_factor: bool = False) -> None:
        self._super_admin_factor = super_admin_factor
        self.people: dict[UUID, Person] = {}
        self.roles: dict[UUID, RoleRow] = {}
        self.schools: dict[UUID, SchoolRow] = {}
        #: Of people and, under their own ids, of wall screens.
        self.sessions: dict[UUID, Session] = {}
        #: By the SHA-256 of their tokens.
        self.walls: dict[bytes, UUID] = {}
        self.keys: dict[str, Key] = {}
        self.public_keys: dict[str, Ed25519PublicKey] = {}
        self._of_user: dict[UUID, set[UUID]] = {}
        self._expiries: list[tuple[float, UUID]] = []
        self.on_ended: Callable[[UUID], None] = lambda session: None
        self.on_changed: Callable[[UUID], None] = lambda session: None

    async def run(self) -> None:
        """Until cancelled: ends what has lived as long as it may."""
        while True:
            self.expire(time.time())
            await asyncio.sleep(SWEEP_SECONDS)

    # What is asked

    def identity(self, session_id: UUID) -> Identity | None:
        """Who holds a session, with what they may do now; None when it is over or its holder may not be here."""
        session = self.sessions.get(session_id)
        if session is not None and session.wall is not None:
            school = self.schools.get(session.wall)
            if school is None or not school.active:
                return None
            return Identity(session_id, session.wall, "wall_screen", WALL, session_id, wall=True)
        person = None if session is None else self.people.get(session.user_id)
        if session is None or person is None or not person.active or person.role_id is None:
            return None
        role = self.roles.get(person.role_id)
        school = None if person.school_id is None else self.schools.get(person.school_id)
        if role is None or (person.school_id is not None and (school is None or not school.active)):
            return None
        permissions = _permissions(person, role, school, self._requires_factor(role, school))
        return Identity(session.user_id, person.school_id, role.name, permissions, session_id)

    def rights(self, user_id: UUID) -> Rights:
        """What a user may do, signed in or not; nothing for who is not known."""
        person = self.people.get(user_id)
        role = None if person is None or person.role_id is None else self.roles.get(person.role_id)
        if person is None or role is None:
            return Rights(frozenset(), required=False, enrolled=False)
        school = None if person.school_id is None else self.schools.get(person.school_id)
        required = self._requires_factor(role, school)
        return Rights(_permissions(person, role, school, required), required, person.second_factor)

    def _requires_factor(self, role: RoleRow, school: SchoolRow | None) -> bool:
        """Whoever belongs to no school is a super admin."""
        return self._super_admin_factor if school is None else role.name in school.second_factor

    def sessions_of(self, user_id: UUID) -> frozenset[UUID]:
        return frozenset(self._of_user.get(user_id, ()))

    # What the feed does

    async def load(self, connection: Connection) -> None:
        """Everything, in the snapshot that the caller has opened."""
        for kind in self.kinds:
            await self._read(connection, kind, None)

    async def reread(self, connection: Connection, kind: str, ids: Iterable[bytes]) -> None:
        """These rows as they are now; what has no row any more is gone."""
        await self._read(connection, kind, [UUID(bytes=id_) for id_ in ids])

    async def reread_all(self, connection: Connection, kind: str) -> None:
        """All rows of a kind."""
        await self._read(connection, kind, None)

    async def _read(self, connection: Connection, kind: str, ids: list[UUID] | None) -> None:
        before = self._identities(kind, ids)
        rows = {row["id"]: row for row in await connection.fetch(queries[f"roster_{kind}s"], ids)}
        for id_ in self._held(kind) if ids is None else ids:
            if id_ not in rows:
                self._remove(kind, id_)
        for id_, row in rows.items():
            self._put(kind, id_, row)
        for session_id, identity in before.items():
            if session_id in self.sessions and self.identity(session_id) != identity:
                self.on_changed(session_id)

    def expire(self, now: float) -> None:
        """Ends what has lived as long as it may."""
        while self._expiries and self._expiries[0][0] <= now:
            _, session_id = heapq.heappop(self._expiries)
            session = self.sessions.get(session_id)
            if session is not None and session.expires <= now:
                self._end(session_id)

    def _identities(self, kind: str, ids: list[UUID] | None) -> dict[UUID, Identity | None]:
        """Of the sessions that a change of these rows may concern."""
        if kind in {"session", "token_key", "wall_screen"}:
            return {}
        if kind == "user" and ids is not None:
            return {session: self.identity(session) for id_ in ids for session in self._of_user.get(id_, ())}
        return {session: self.identity(session) for session in self.sessions}

    def _held(self, kind: str) -> list[UUID]:
        if kind == "token_key":
            return [UUID(kid) for kid in self.keys]
        tables: dict[str, Iterable[UUID]] = {
            "school": self.schools,
            "role": self.roles,
            "user": self.people,
            "session": [id_ for id_, session in self.sessions.items() if session.wall is None],
            "wall_screen": [id_ for id_, session in self.sessions.items() if session.wall is not None],
        }
        return list(tables[kind])

    def _put(self, kind: str, id_: UUID, row: Record) -> None:
        if kind == "session":
            self._put_session(id_, Session(row["user_id"], row["expires_at"].timestamp()))
        elif kind == "wall_screen":
            self.walls[row["token_hash"]] = id_
            self._put_session(id_, Session(id_, row["expires_at"].timestamp(), row["school_id"]))
        elif kind == "user":
            self.people[id_] = Person(row["role_id"], row["school_id"], row["active"], row["second_factor"])
        elif kind == "role":
            held = frozenset(_KNOWN[name] for name in row["permissions"] if name in _KNOWN)
            self.roles[id_] = RoleRow(row["name"], row["built_in"], held)
        elif kind == "school":
            self.schools[id_] = SchoolRow(row["is_active"], row["guard_desk"], frozenset(row["second_factor"]))
        else:
            public = Ed25519PublicKey.from_public_bytes(row["public_key"])
            self.keys[str(id_)] = Key(public, row["active_from"].timestamp(), row["retired"])
            self.public_keys[str(id_)] = public

    def _put_session(self, id_: UUID, session: Session) -> None:
        if self.sessions.get(id_) != session:
            heapq.heappush(self._expiries, (session.expires, id_))
        self.sessions[id_] = session
        self._of_user.setdefault(session.user_id, set()).add(id_)

    def _remove(self, kind: str, id_: UUID) -> None:
        if kind in {"session", "wall_screen"}:
            self._end(id_)
        elif kind == "user":
            self.people.pop(id_, None)
        elif kind == "role":
            self.roles.pop(id_, None)
        elif kind == "school":
            self.schools.pop(id_, None)
        else:
            self.keys.pop(str(id_), None)
            self.public_keys.pop(str(id_), None)

    def _end(self, session_id: UUID) -> None:
        session = self.sessions.pop(session_id, None)
        if session is None:
            return
        of_user = self._of_user.get(session.user_id, set())
        of_user.discard(session_id)
        if not of_user:
            self._of_user.pop(session.user_id, None)
        if session.wall is not None:
            self.walls = {hash_: id_ for hash_, id_ in self.walls.items() if id_ != session_id}
        try:
            self.on_ended(session_id)
        except Exception:
            log.exception("what had to end with a session failed to", session_id=str(session_id))


def _permissions(person: Person, role: RoleRow, school: SchoolRow | None, required: bool) -> frozenset[Permission]:
    """None for who has yet to set up the second factor that is asked for: such a session can do just that."""
    if required and not person.second_factor:
        return frozenset()
    if school is not None and role.built_in and role.name == "security" and school.guard_desk:
        return role.permissions | GUARD_DESK
    return role.permissions
