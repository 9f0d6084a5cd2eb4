"""/auth/login, refresh, logout, me: sessions from the outside."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hub.accounts.accounts import ACCOUNTS
from hub.accounts.sessions import Granted, Owned, TokenReused
from hub.accounts.signing_in import Attempt, Refused, SecondFactorNeeded, Verified
from hub.errors import TooManyRequests, Unauthorized
from hub.resources.auth.cookies import cookies, forgotten, presented_refresh, require_safe
from hub.resources.auth.model import Login, Me, OwnSchool, Refresh, SecondFactorState, SignedIn
from hub.rest.call import Call, Reply
from hub.store.pg import Record
from hub.store.queries import load_queries

Q = load_queries("hub.accounts")
KIND = "session"


async def login(call: Call[None, Login]) -> Reply:
    body, signing_in = call.body, call.part(ACCOUNTS).signing_in
    if body.delivery == "cookie":
        require_safe(call)
    attempt = Attempt(
        body.email,
        body.password,
        body.totp,
        body.rememberMe,
        body.delivery,
        call.client.address,
        call.client.user_agent,
    )
    try:
        verified = await signing_in.verify(attempt)
    except Refused as refusal:
        await _refuse(call, "password", refusal.user_id, refusal.school_id)
        raise call.keep(refusal) from None
    except TooManyRequests:
        await call.note("refuse", KIND, None, new={"why": "too many attempts"})
        raise
    return await _enter(call, attempt, verified)


async def _enter(call: Call[None, Login], attempt: Attempt, verified: Verified) -> Reply:
    try:
        granted = await call.part(ACCOUNTS).signing_in.enter(await call.tx(), attempt, verified)
    except (SecondFactorNeeded, TooManyRequests) as refusal:
        await _refuse(call, "second factor", verified.id, verified.school_id)
        raise call.keep(refusal) from None
    await call.audit(
        "login",
        KIND,
        granted.session_id,
        new={"rememberMe": attempt.remember, "delivery": attempt.delivery},
        user=verified.id,
        school=verified.school_id,
    )
    return _reply(call, granted, await _me(call, verified.id))


async def _refuse(call: Call[Any, Any], why: str, user: UUID | None, school: UUID | None) -> None:
    await call.audit("refuse", KIND, None, new={"why": why}, user=user, school=school)


async def refresh(call: Call[None, Refresh]) -> Reply:
    token = call.body.refreshToken or presented_refresh(call)
    if token is None:
        raise Unauthorized("send refreshToken, or the cookie that a sign-in has set")
    sessions = call.part(ACCOUNTS).sessions
    await sessions.prepare()
    try:
        granted = await sessions.rotate(await call.tx(), token)
    except TokenReused as reused:
        await call.audit(
            "refuse",
            KIND,
            reused.session_id,
            new={"why": "a used refresh token", "sessionEnded": reused.first},
            user=reused.user_id,
            school=reused.school_id,
        )
        raise call.keep(reused) from None
    return _reply(call, granted, await _me(call, granted.user_id))


async def logout(call: Call[None, Refresh | None]) -> Reply:
    """An access token that has expired must not keep anybody signed in: the refresh token names the session, too."""
    sessions, tx = call.part(ACCOUNTS).sessions, await call.tx()
    if call.known is not None:
        owned = Owned(call.known.session_id, call.known.user_id, call.known.school_id)
    else:
        token = (call.body.refreshToken if call.body else None) or presented_refresh(call)
        if token is None:
            raise Unauthorized("send the access token, or the refresh token of the session that is to end")
        owned = await sessions.owner_of(tx, token)
    await sessions.end(tx, owned.session_id, "logout")
    await call.audit("logout", KIND, owned.session_id, user=owned.user_id, school=owned.school_id)
    return Reply(forget=forgotten(call.client))


async def me(call: Call[None, None]) -> Me:
    return await _me(call, call.identity.user_id)


async def _me(call: Call[Any, Any], user_id: UUID) -> Me:
    row = await (await call.tx()).fetchrow(Q.account_by_id, user_id)
    if row is None:
        raise Unauthorized("this account is gone")
    rights = await call.part(ACCOUNTS).sessions.rights_of(user_id)
    return Me(
        id=row["id"],
        email=row["email"],
        firstName=row["first_name"],
        lastName=row["last_name"],
        role=row["role"],
        schoolId=row["school_id"],
        school=_school(row),
        permissions=sorted(rights.permissions),
        secondFactor=SecondFactorState(required=rights.required, enrolled=rights.enrolled),
    )


def _school(row: Record) -> OwnSchool | None:
    if row["school_id"] is None:
        return None
    return OwnSchool(id=row["school_id"], name=row["school_name"], timezone=row["timezone"])


def _reply(call: Call[Any, Any], granted: Granted, user: Me) -> Reply:
    if granted.delivery == "cookie":
        body = SignedIn(expiresIn=granted.expires_in, user=user)
        return Reply(body, cookies=cookies(call.client, granted))
    return Reply(
        SignedIn(
            accessToken=granted.access_token,
            refreshToken=granted.refresh_token,
            expiresIn=granted.expires_in,
            user=user,
        )
    )
