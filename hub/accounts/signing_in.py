"""Signing in: one verb, from an address and a password to a session.

Whether there is such an account changes neither the answer nor what is done on the way to it: the same counts, one
query, one hash, one entry in the audit. What differs comes after the password was right.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from hub.accounts.passwords import Passwords
from hub.accounts.roster import queries
from hub.accounts.second_factor import SecondFactors
from hub.accounts.sessions import Delivery, Granted, Sessions
from hub.accounts.throttle import Throttle
from hub.errors import Unauthorized
from hub.store.pg import Connection, Pg, Record


class Attempt(msgspec.Struct, frozen=True):
    """What somebody presents. `address` and `user_agent`: of the client."""

    email: str
    password: str
    totp: str | None
    remember: bool
    delivery: Delivery
    address: str | None
    user_agent: str | None


class Verified(msgspec.Struct, frozen=True):
    """Whose password it was. `new_hash`: of the same password, when the kept one has old parameters."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    role: str
    school_id: UUID | None
    password_hash: str
    new_hash: str | None


class Refused(Unauthorized):
    """`user_id`, `school_id`: of the account that was meant, for the audit alone; None when there is none."""

    def __init__(self, user_id: UUID | None = None, school_id: UUID | None = None) -> None:
        super().__init__("e-mail address or password is wrong")
        self.user_id = user_id
        self.school_id = school_id


class SecondFactorNeeded(Unauthorized):
    """The password was right; a code is missing, or is not good (any more)."""

    def __init__(self, missing: bool) -> None:
        super().__init__(
            "send `totp` too: a code of the second factor, or a recovery code"
            if missing
            else "the code of the second factor is wrong, or was used before"
        )
        self.missing = missing


class SigningIn:
    """Everything that a sign-in needs."""

    def __init__(
        self, pg: Pg, passwords: Passwords, sessions: Sessions, throttle: Throttle, factors: SecondFactors
    ) -> None:
        self._pg = pg
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle
        self._factors = factors

    async def verify(self, attempt: Attempt) -> Verified:
        """Whose password it is, holding no connection while that is found out.

        Raises Refused, TooManyRequests.
        """
        await self._throttle.before(attempt.email, attempt.address)
        row = await self._account(attempt.email)
        known = None if row is None else row["password_hash"]
        right, new_hash = await self._passwords.verify(attempt.password, known)
        if row is None or not right or not row["is_active"] or not row["school_active"]:
            await self._throttle.failed(attempt.email, attempt.address)
            raise Refused() if row is None else Refused(row["id"], row["school_id"])
        await self._sessions.prepare()
        return Verified(
            row["id"],
            row["email"],
            row["first_name"],
            row["last_name"],
            row["role"],
            row["school_id"],
            row["password_hash"],
            new_hash,
        )

    async def enter(self, tx: Connection, attempt: Attempt, verified: Verified) -> Granted:
        """The session, in a transaction of hub_admin. Raises SecondFactorNeeded, TooManyRequests, Unauthorized."""
        if await self._factors.is_asked_for(tx, verified.id):
            await self._check_code(tx, attempt, verified)
        if verified.new_hash is not None:
            await tx.execute(queries["say_rehash"], str(verified.id))
            await tx.execute(queries["rehash_password"], verified.id, verified.password_hash, verified.new_hash)
        granted = await self._sessions.begin(
            tx,
            verified.id,
            verified.new_hash or verified.password_hash,
            remember=attempt.remember,
            delivery=attempt.delivery,
            address=attempt.address,
            user_agent=attempt.user_agent,
        )
        await self._throttle.succeeded(attempt.email, attempt.address)
        return granted

    async def confirm_password(self, user_id: UUID, password: str) -> str | None:
        """The hash that it was held against, when it is the user's, who is signed in already and does something that a
        stolen session must not; None when it is not."""
        async with self._pg.admin() as tx:
            known: str | None = await tx.fetchval(queries["password_hash"], user_id)
        return known if (await self._passwords.verify(password, known))[0] else None

    async def _account(self, email: str) -> Record | None:
        async with self._pg.admin() as tx:
            return await tx.fetchrow(queries["account_by_email"], email)

    async def _check_code(self, tx: Connection, attempt: Attempt, verified: Verified) -> None:
        if not attempt.totp:
            raise SecondFactorNeeded(missing=True)
        await self._throttle.before_code(attempt.email)
        if not await self._factors.use(tx, verified.id, attempt.totp):
            await self._throttle.code_failed(attempt.email)
            raise SecondFactorNeeded(missing=False)
        await self._throttle.code_accepted(attempt.email)
