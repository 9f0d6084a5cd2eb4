"""/auth/change-password: by who is signed in, and knows the one that it replaces."""

from __future__ import annotations

from hub.accounts.accounts import ACCOUNTS
from hub.accounts.invitations import check_rules
from hub.accounts.letters import Letter, ask_for
from hub.errors import BadRequest, Conflict
from hub.resources.auth.confirming import confirm_password
from hub.resources.auth.model import ChangedPassword
from hub.rest.call import Call
from hub.store.queries import load_queries

Q = load_queries("hub.accounts")
KIND = "user"


async def change_password(call: Call[None, ChangedPassword]) -> None:
    """This session goes on; the others end, and letters that offer a new password are void."""
    body, passwords, identity = call.body, call.part(ACCOUNTS).passwords, call.identity
    known = await confirm_password(call, body.currentPassword, KIND, "currentPassword")
    if body.newPassword == body.currentPassword:
        message = "is the one that you have"
        raise BadRequest(f"newPassword {message}", [{"field": "newPassword", "message": message}])
    await passwords.accept(body.newPassword, "newPassword")
    hashed = await passwords.hash(body.newPassword)
    tx, user = await call.tx(), identity.user_id
    await check_rules(tx, identity.school_id, body.newPassword, "newPassword")
    await tx.execute(Q.keep_session, str(identity.session_id))
    if await tx.fetchval(Q.change_own_password, user, known, hashed) is None:
        raise Conflict("the account has just been changed; try again")
    await tx.execute(Q.spend_mailed_tokens, user)
    await ask_for(tx, Letter("notice", user_id=user, about="password"))
    await call.audit("update", KIND, user, new={"password": "changed", "by": "its owner"})
