"""The password once more: a session that somebody else got hold of is not enough for everything."""

from __future__ import annotations

from typing import Any

from hub.accounts.accounts import ACCOUNTS
from hub.errors import HubError, Unprocessable
from hub.rest.call import Call


async def confirm_password(call: Call[Any, Any], password: str, kind: str, field: str = "password") -> str:
    """The hash that it was held against. Counted by user: a session is no place to guess from. Before the transaction,
    for the answer may have to wait. Raises Unprocessable, TooManyRequests."""
    accounts, user, address = call.part(ACCOUNTS), call.identity.user_id, call.client.address
    await accounts.throttle.before(str(user), address)
    known = await accounts.signing_in.confirm_password(user, password)
    if known is None:
        await accounts.throttle.failed(str(user), address)
        await call.note("refuse", kind, user, new={"why": "password"})
        raise wrong(field, "is wrong")
    await accounts.throttle.succeeded(str(user), address)
    return known


def wrong(field: str, message: str) -> HubError:
    return Unprocessable(f"{field} {message}", [{"field": field, "message": message}])
