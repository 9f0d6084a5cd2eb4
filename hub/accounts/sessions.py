"""Sessions: made at a sign-in, carried on by refresh tokens, ended for every worker at once.

A session is a family of refresh tokens. Each is good for one use, which gives the next; a used one presented again was
stolen from one of two who hold it, so the whole family ends. The session's own end does not move, however often it is
used. What a session's holder may do is looked up in memory with every request (hub/accounts/roster.py): access tokens
only say whose it is, and their expiry ends nothing.

`on_ended` and `on_changed` take callbacks of whoever keeps something open for a session.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from hub.accounts.identity import Identity
from hub.accounts.keys import Signer
from hub.accounts.roster import Rights, Roster, queries
from hub.accounts.tokens import ACCESS_SECONDS, AccessTokens, Claims, issue, new_opaque, opaque_hash
from hub.domain.ids import new_id
from hub.errors import Unauthorized
from hub.store.pg import Connection, Pg

log = structlog.get_logger(__name__)

DAY = 86_400.0
LIFETIME_SECONDS = 7 * DAY
REMEMBERED_SECONDS = 30 * DAY
#: Ended sessions whose tokens still come: the database is not asked about them again.
_ENDED_KEPT = 10_000
#: A token with an unknown kid makes a worker look for new keys, so often at most.
_KEY_LOOK_SECONDS = 1.0
Delivery = Literal["body", "cookie"]
EndReason = Literal["logout", "token_reuse", "password_change", "role_change", "deactivation", "ended"]


class Granted(msgspec.Struct, frozen=True):
    """What a client gets. `expires_in`: seconds of the access token. `refresh_seconds`: what is left of the session."""

    session_id: UUID
    user_id: UUID
    access_token: str
    refresh_token: str
    expires_in: int
    refresh_seconds: int
    delivery: Delivery


class Owned(msgspec.Struct, frozen=True):
    """A session and whose it is."""

    session_id: UUID
    user_id: UUID
    school_id: UUID | None


class TokenReused(Unauthorized):
    """A refresh token that was used before: its session has ended."""

    def __init__(self, session_id: UUID, user_id: UUID, school_id: UUID | None, first: bool) -> None:
        super().__init__("this refresh token was used before; its session has ended, sign in again")
        self.session_id = session_id
        self.user_id = user_id
        self.school_id = school_id
        #: Whether this is what ended the session.
        self.first = first


class Sessions:
    """`fresh()` says whether memory is known to be as the tables are; while it is not, the tables are asked."""

    def __init__(self, pg: Pg, roster: Roster, signer: Signer, fresh: Callable[[], bool]) -> None:
        self._pg = pg
        self._roster = roster
        self._signer = signer
        self._fresh = fresh
        self._tokens = AccessTokens(roster.public_keys)
        self._ended: dict[UUID, None] = {}
        self._looked_for_keys = float("-inf")
        self._when_ended: list[Callable[[UUID], None]] = []
        self._when_changed: list[Callable[[UUID], None]] = []
        roster.on_ended = self._note_end
        roster.on_changed = lambda session: _tell(self._when_changed, session)

    def on_ended(self, callback: Callable[[UUID], None]) -> None:
        """`callback(session_id)` when a session is over, whatever ended it and on whichever worker."""
        self._when_ended.append(callback)

    def on_changed(self, callback: Callable[[UUID], None]) -> None:
        """`callback(session_id)` when its holder may do something else than before: see `identity_of`."""
        self._when_changed.append(callback)

    # Who is asking

    async def identify(self, token: str) -> Identity:
        """Who holds an access token, or a wall screen's, with what they may do now. Raises Unauthorized;
        StoreUnavailable while neither memory nor the database can say."""
        if (hash_ := opaque_hash(token)) is not None:
            return await self._identify_wall(hash_)
        claims = await self._verify(token)
        if claims.session_id in self._ended:
            raise _over()
        session = self._roster.sessions.get(claims.session_id)
        if session is None or not self._fresh():
            await self._look_up(claims.session_id)
            session = self._roster.sessions.get(claims.session_id)
        if session is None or session.user_id != claims.user_id or session.expires <= time.time():
            raise _over()
        identity = self._roster.identity(claims.session_id)
        if identity is None:
            raise _over()
        return identity

    def remembers(self, token: str) -> bool:
        """False for what may be a new wall screen's token, or what somebody made up: a table would have to say. Other
        tokens are signed, or are refused without one."""
        hash_ = opaque_hash(token)
        return hash_ is None or hash_ in self._roster.walls

    async def _identify_wall(self, hash_: bytes) -> Identity:
        if hash_ not in self._roster.walls or not self._fresh():
            async with self._pg.system() as tx:
                found = await tx.fetchval(queries["wall_screen_of"], hash_)
                if found is not None and not self._fresh():
                    await self._roster.reread_all(tx, "school")
                if found is not None:
                    await self._roster.reread(tx, "wall_screen", [found.bytes])
        id_ = self._roster.walls.get(hash_)
        if id_ is None or self._roster.sessions[id_].expires <= time.time():
            raise _over()
        identity = self._roster.identity(id_)
        if identity is None:
            raise _over()
        return identity

    def identity_of(self, session_id: UUID) -> Identity | None:
        """The same from memory alone, for what stays open longer than a token lives; None when the session is over."""
        return self._roster.identity(session_id)

    async def living(self, session_id: UUID) -> Identity | None:
        """The same, from the tables when memory may not know yet; for what begins by a session's word."""
        if session_id not in self._roster.sessions or not self._fresh():
            await self._look_up(session_id)
        return self._roster.identity(session_id)

    async def rights_of(self, user_id: UUID) -> Rights:
        """What a user may do now; from memory, or from the tables when it may not know yet."""
        if user_id not in self._roster.people or not self._fresh():
            async with self._pg.system() as tx:
                await self._roster.reread(tx, "user", [user_id.bytes])
        return self._roster.rights(user_id)

    async def _verify(self, token: str) -> Claims:
        """A key that was made a moment ago may not have been heard of: then, and not often, keys are read again."""
        try:
            return self._tokens.verify(token)
        except Unauthorized:
            kid = self._tokens.kid_of(token)
            now = time.monotonic()
            if kid is None or kid in self._roster.keys or now - self._looked_for_keys < _KEY_LOOK_SECONDS:
                raise
            self._looked_for_keys = now
        async with self._pg.system() as tx:
            await self._roster.reread_all(tx, "token_key")
        return self._tokens.verify(token)

    async def _look_up(self, session_id: UUID) -> None:
        """Memory as the tables are now, for one session: one that began a moment ago on another worker, or any one
        while the feed is cut."""
        async with self._pg.system() as tx:
            user_id = await tx.fetchval(queries["session_user"], session_id)
            if user_id is not None:
                for kind in ("school", "role"):
                    if not self._fresh():
                        await self._roster.reread_all(tx, kind)
                await self._roster.reread(tx, "user", [user_id.bytes])
            await self._roster.reread(tx, "session", [session_id.bytes])
        if session_id not in self._roster.sessions:
            self._remember_end(session_id)

    def _note_end(self, session_id: UUID) -> None:
        self._remember_end(session_id)
        _tell(self._when_ended, session_id)

    def _remember_end(self, session_id: UUID) -> None:
        self._ended[session_id] = None
        while len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    async def prepare(self) -> None:
        """Have the signing key at hand, before a transaction is opened that would keep others from it."""
        await self._signer.current()

    # Beginning, going on, ending: in the caller's transaction, of hub_admin where nobody is signed in yet

    async def begin(
        self,
        tx: Connection,
        user_id: UUID,
        password_hash: str,
        *,
        remember: bool,
        delivery: Delivery,
        address: str | None,
        user_agent: str | None,
    ) -> Granted:
        """A session for the user whose password was verified against this hash. Raises Unauthorized when that is not
        the password any more, or the user was deactivated meanwhile."""
        lifetime = REMEMBERED_SECONDS if remember else LIFETIME_SECONDS
        kid, key = await self._signer.current()
        agent = None if user_agent is None else user_agent[:400]
        id_ = await tx.fetchval(
            queries["begin_session"], new_id(), user_id, password_hash, lifetime, delivery, address, agent
        )
        if id_ is None:
            raise Unauthorized("the account has just been changed; try again")
        await tx.execute(queries["note_sign_in"], user_id)
        refresh = await self._next_refresh(tx, id_)
        access = issue(kid, key, user_id, id_, time.time())
        return Granted(id_, user_id, access, refresh, ACCESS_SECONDS, int(lifetime), delivery)

    async def rotate(self, tx: Connection, refresh_token: str) -> Granted:
        """The next tokens for a refresh token, which is used up.

        Raises Unauthorized for one that is unknown or whose session is over, and TokenReused, having ended the session
        in this transaction, for one that was used before: the caller commits that.
        """
        hash_ = opaque_hash(refresh_token)
        if hash_ is None:
            raise _no_refresh()
        session_id = await tx.fetchval(queries["use_refresh_token"], hash_)
        if session_id is None:
            await self._refuse_used(tx, hash_)
        row = await tx.fetchrow(queries["carry_on_session"], session_id)
        if row is None:
            raise _over()
        kid, key = await self._signer.current()
        refresh = await self._next_refresh(tx, row["id"])
        now = time.time()
        left = int(row["expires_at"].timestamp() - now)
        access = issue(kid, key, row["user_id"], row["id"], now)
        return Granted(row["id"], row["user_id"], access, refresh, ACCESS_SECONDS, left, row["delivery"])

    async def owner_of(self, tx: Connection, refresh_token: str) -> Owned:
        """Whose session a refresh token belongs to, used or not. Raises Unauthorized."""
        hash_ = opaque_hash(refresh_token)
        row = None if hash_ is None else await tx.fetchrow(queries["session_of_refresh_token"], hash_)
        if row is None:
            raise _no_refresh()
        return Owned(row["id"], row["user_id"], row["school_id"])

    async def _refuse_used(self, tx: Connection, hash_: bytes) -> None:
        family = await tx.fetchrow(queries["family_of_refresh_token"], hash_)
        if family is None:
            raise _no_refresh()
        await self.end(tx, family["id"], "token_reuse")
        log.warning("a used refresh token was presented again", session_id=str(family["id"]))
        raise TokenReused(family["id"], family["user_id"], family["school_id"], not family["ended"])

    async def end(self, tx: Connection, session_id: UUID, reason: EndReason) -> bool:
        """Ends a session on every worker, once this is committed. False when it was over."""
        return await tx.fetchval(queries["end_session"], session_id, reason) is not None

    async def end_others(self, tx: Connection, user_id: UUID, kept: UUID | None) -> None:
        """Ends a user's sessions, all but one: they began under another second factor, or none."""
        await tx.execute(queries["end_other_sessions"], user_id, kept)

    async def _next_refresh(self, tx: Connection, session_id: UUID) -> str:
        token, hash_ = new_opaque()
        await tx.execute(queries["keep_refresh_token"], hash_, session_id)
        return token


def _tell(callbacks: list[Callable[[UUID], None]], session_id: UUID) -> None:
    for callback in callbacks:
        try:
            callback(session_id)
        except Exception:
            log.exception("what depends on a session failed to follow it", session_id=str(session_id))


def _over() -> Unauthorized:
    return Unauthorized("this session is over; sign in again")


def _no_refresh() -> Unauthorized:
    return Unauthorized("this refresh token is not one that is valid here; sign in again")
