"""/auth: signing in and out, what is forgotten, and the second factor.

What is public acts as hub_admin: whose school it is about is not known before it is known who asks.
"""

from __future__ import annotations

from hub.errors import Conflict, Forbidden, TooManyRequests, Unauthorized, Unprocessable
from hub.resources.auth.factor import confirm, offer, remove
from hub.resources.auth.model import (
    Confirmation,
    ConfirmedFactor,
    ForgottenPassword,
    Login,
    Me,
    OfferedFactor,
    RecoveryCodes,
    Refresh,
    Removal,
    ResetPassword,
    SignedIn,
    VerifyEmail,
)
from hub.resources.auth.recovery import forgot_password, reset_password, verify
from hub.resources.auth.signing_in import login, logout, me, refresh
from hub.rest.route import PUBLIC, SIGNED_IN, Route
from hub.store.pg import Role

_LETTER = "the token that stands behind #token= in the letter"

ROUTES = [
    Route(
        "POST",
        "/auth/login",
        login,
        summary="Sign in",
        permission=PUBLIC,
        acts_as=Role.hub_admin,
        body=Login,
        answer=SignedIn,
        errors=(Unauthorized, Forbidden, TooManyRequests),
        example={"email": "admin@school.example", "password": "correct horse battery staple"},
    ),
    Route(
        "POST",
        "/auth/refresh",
        refresh,
        summary="The next access token and refresh token; a used one ends its session",
        permission=PUBLIC,
        acts_as=Role.hub_admin,
        audited=False,
        body=Refresh,
        answer=SignedIn,
        errors=(Unauthorized, Forbidden),
        example={"refreshToken": "q1w2e3"},
    ),
    Route(
        "POST",
        "/auth/logout",
        logout,
        summary="End this session, on every worker and with its live sockets",
        permission=SIGNED_IN,
        idempotent=False,
    ),
    Route(
        "POST",
        "/auth/forgot-password",
        forgot_password,
        summary="Mail a link for a new password, if there is such an account",
        permission=PUBLIC,
        acts_as=Role.hub_admin,
        body=ForgottenPassword,
        status=202,
        example={"email": "admin@school.example"},
    ),
    Route(
        "POST",
        "/auth/reset-password",
        reset_password,
        summary="Set a password by invitation or reset; ends the account's sessions",
        permission=PUBLIC,
        acts_as=Role.hub_admin,
        body=ResetPassword,
        errors=(Unprocessable, TooManyRequests),
        example={"token": _LETTER, "password": "correct horse battery staple"},
    ),
    Route(
        "POST",
        "/auth/verify-email",
        verify,
        summary="Confirm an e-mail address",
        permission=PUBLIC,
        acts_as=Role.hub_admin,
        body=VerifyEmail,
        errors=(Unprocessable,),
        example={"token": _LETTER},
    ),
    Route("GET", "/auth/me", me, summary="Who is signed in, and what they may do", permission=SIGNED_IN, answer=Me),
    Route(
        "POST",
        "/auth/second-factor",
        offer,
        summary="Begin to set up a second factor",
        permission=SIGNED_IN,
        idempotent=False,
        body=Confirmation,
        answer=OfferedFactor,
        status=201,
        errors=(Conflict, Unprocessable),
        example={"password": "correct horse battery staple"},
    ),
    Route(
        "POST",
        "/auth/second-factor/confirm",
        confirm,
        summary="Turn the second factor on; recovery codes are shown once",
        permission=SIGNED_IN,
        idempotent=False,
        body=ConfirmedFactor,
        answer=RecoveryCodes,
        errors=(Conflict, Unprocessable),
        example={"totp": "123456"},
    ),
    Route(
        "POST",
        "/auth/second-factor/remove",
        remove,
        summary="Turn the second factor off",
        permission=SIGNED_IN,
        idempotent=False,
        body=Removal,
        errors=(Conflict, Unprocessable),
        example={"password": "correct horse battery staple", "totp": "123456"},
    ),
]
