"""/auth/second-factor: set up in two steps, and taken away with the password and a code."""

from __future__ import annotations

from hub.accounts.accounts import ACCOUNTS
from hub.accounts.letters import Letter, ask_for
from hub.errors import Conflict
from hub.resources.auth.confirming import confirm_password, wrong
from hub.resources.auth.model import (
    Confirmation,
    ConfirmedFactor,
    OfferedFactor,
    RecoveryCodes,
    Removal,
)
from hub.rest.call import Call
from hub.store.queries import load_queries

Q = load_queries("hub.accounts")
KIND = "second_factor"


async def offer(call: Call[None, Confirmation]) -> OfferedFactor:
    await confirm_password(call, call.body.password, KIND)
    tx, user = await call.tx(), call.identity.user_id
    row = await tx.fetchrow(Q.account_by_id, user)
    assert row is not None
    offered = await call.part(ACCOUNTS).factors.offer(tx, user, row["email"])
    await call.audit("create", KIND, user)
    return OfferedFactor(secret=offered.secret, uri=offered.uri)


async def confirm(call: Call[None, ConfirmedFactor]) -> RecoveryCodes:
    accounts, user, tx = call.part(ACCOUNTS), call.identity.user_id, await call.tx()
    codes = await accounts.factors.confirm(tx, user, call.body.totp)
    if codes is None:
        raise wrong("totp", "is not the code that the app should show now")
    # Who has the password alone may be waiting for it in another session.
    await accounts.sessions.end_others(tx, user, call.identity.session_id)
    await ask_for(tx, Letter("notice", user_id=user, about="factor_added"))
    await call.audit("update", KIND, user, new={"confirmed": True})
    return RecoveryCodes(recoveryCodes=codes)


async def remove(call: Call[None, Removal]) -> None:
    """Where one is asked for there has to be one; an administrator can reset it."""
    accounts, user = call.part(ACCOUNTS), call.identity.user_id
    if (await accounts.sessions.rights_of(user)).required:
        raise Conflict("a second factor is asked for of your role")
    await accounts.throttle.before_code(str(user))
    await confirm_password(call, call.body.password, KIND)
    tx = await call.tx()
    if not await accounts.factors.use(tx, user, call.body.totp):
        await accounts.throttle.code_failed(str(user))
        raise wrong("totp", "is wrong, or was used before")
    await accounts.throttle.code_accepted(str(user))
    await accounts.factors.remove(tx, user)
    await accounts.sessions.end_others(tx, user, call.identity.session_id)
    await ask_for(tx, Letter("notice", user_id=user, about="factor_removed"))
    await call.audit("delete", KIND, user)
