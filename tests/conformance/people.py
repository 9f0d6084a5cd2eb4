"""What the matrix of rights needs to know of accounts: good bodies of sign-ins, passwords, letters, second factors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pyotp

from hub.accounts.tokens import new_opaque
from tests.integration.rest.site import PASSWORD, Site


async def _login(_: Site, school: str) -> dict[str, str]:
    return {"email": f"{school}@example.org", "password": PASSWORD}


async def _refresh(site: Site, school: str) -> dict[str, str]:
    answer = await site.ask("POST", "/api/v1/auth/login", None, await _login(site, school))
    return {"refreshToken": answer.json["refreshToken"]}


def _mailed(purpose: str, **more: str) -> Callable[[Site, str], Awaitable[dict[str, str]]]:
    async def body(site: Site, school: str) -> dict[str, str]:
        token, hash_ = new_opaque()
        await site.fetch(
            "INSERT INTO mailed_tokens (hash, user_id, purpose, email, expires_at)"
            " VALUES ($1, $2, $3, $4, now() + interval '1 h')",
            *(hash_, site.users[school], purpose, f"{school}@example.org"),
        )
        return {"token": token, **more}

    return body


async def session_of(site: Site, user: UUID) -> UUID:
    rows = await site.fetch(
        "INSERT INTO sessions (user_id, school_id, expires_at)"
        " SELECT id, school_id, now() + interval '1 h' FROM users WHERE id = $1 RETURNING id",
        user,
    )
    return UUID(bytes=rows[0]["id"].bytes)


async def own_session(site: Site, school: str) -> UUID:
    return await session_of(site, site.users[school])


async def _another_password(*_: object) -> dict[str, str]:
    return {"currentPassword": PASSWORD, "newPassword": "three herons on a pier"}


async def _password(*_: object) -> dict[str, str]:
    return {"password": PASSWORD}


async def _code(site: Site, school: str) -> dict[str, str]:
    async with connect(site) as tx:
        await site.accounts.factors.remove(tx, site.users[school])
        offered = await site.accounts.factors.offer(tx, site.users[school], "x")
    return {"totp": pyotp.TOTP(offered.secret).now()}


async def _removal(site: Site, school: str) -> dict[str, str]:
    code = (await _code(site, school))["totp"]
    async with connect(site) as tx:
        codes = await site.accounts.factors.confirm(tx, site.users[school], code)
    assert codes is not None
    return {"password": PASSWORD, "totp": codes[0]}


@asynccontextmanager
async def connect(site: Site) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(site.database)
    try:
        yield connection
    finally:
        await connection.close()


#: Routes ("POST /x") whose body takes more than the declaration's example.
BODIES: dict[str, Callable[[Site, str], Awaitable[Any]]] = {
    "POST /auth/login": _login,
    "POST /auth/refresh": _refresh,
    "POST /auth/reset-password": _mailed("reset", password="three herons on a pier"),
    "POST /auth/verify-email": _mailed("verify"),
    "POST /auth/change-password": _another_password,
    "POST /auth/second-factor": _password,
    "POST /auth/second-factor/confirm": _code,
    "POST /auth/second-factor/remove": _removal,
}
