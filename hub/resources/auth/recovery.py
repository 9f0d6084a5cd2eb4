"""/auth/forgot-password, reset-password, verify-email: what goes by mail. The answer never tells who has an account."""

from __future__ import annotations

from hub.accounts.accounts import ACCOUNTS
from hub.accounts.invitations import check_rules, redeem, set_password, verify_email
from hub.accounts.letters import Letter, ask_for
from hub.resources.auth.model import ForgottenPassword, ResetPassword, VerifyEmail
from hub.rest.call import Call

KIND = "user"


async def forgot_password(call: Call[None, ForgottenPassword]) -> None:
    """The job looks whether there is such an account: here the same happens in any case."""
    tx = await call.tx()
    if await call.part(ACCOUNTS).throttle.may_mail(call.body.email):
        await ask_for(tx, Letter("reset", email=call.body.email))
    await call.audit("create", "password_reset", None)


async def reset_password(call: Call[None, ResetPassword]) -> None:
    body, accounts = call.body, call.part(ACCOUNTS)
    await accounts.passwords.accept(body.password)
    hashed = await accounts.passwords.hash(body.password)
    tx = await call.tx()
    redeemed = await redeem(tx, body.token, "invitation", "reset")
    await check_rules(tx, redeemed.school_id, body.password)
    await set_password(tx, redeemed, hashed)
    if redeemed.purpose == "reset":
        await ask_for(tx, Letter("notice", user_id=redeemed.user_id, about="password"))
    await call.audit(
        "update",
        KIND,
        redeemed.user_id,
        new={"password": "changed", "by": redeemed.purpose},
        user=redeemed.user_id,
        school=redeemed.school_id,
    )
    await accounts.throttle.forget(redeemed.email, call.client.address)


async def verify(call: Call[None, VerifyEmail]) -> None:
    tx = await call.tx()
    redeemed = await redeem(tx, call.body.token, "verify")
    await verify_email(tx, redeemed)
    await call.audit(
        "update",
        KIND,
        redeemed.user_id,
        new={"email": "verified"},
        user=redeemed.user_id,
        school=redeemed.school_id,
    )
