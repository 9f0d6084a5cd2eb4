"""/auth: signing in and out, what is forgotten, and the second factor.

What is public acts as hub_admin: whose school it is about is not known before it is known who asks.
"""

from __future__ import annotations

from hub.errors import Conflict, Forbidden, NotFound, TooManyRequests, Unauthorized, Unprocessable
from hub.resources.auth.factor import confirm, offer, remove
from hub.resources.auth.model import (
    ChangedPassword,
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
from hub.resources.auth.open_sessions import end_own_session, list_own_sessions
from hub.resources.auth.password import change_password
from hub.resources.auth.recovery import forgot_password, reset_password, verify
from hub.resources.auth.signing_in import login, logout, me, refresh
from hub.rest.pages import Page
from hub.rest.route import MAYBE_SIGNED_IN, PUBLIC, SIGNED_IN, Route
from hub.rest.sessions import OpenSession, SessionsQuery
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
        summary="End this session, on every worker and with its live sockets; the refresh token alone will do",
        permission=MAYBE_SIGNED_IN,
        acts_as=Role.hub_admin,
        idempotent=False,
        body=Refresh,
        needs_body=False,
        errors=(Unauthorized, Forbidden),
        example={"refreshToken": "q1w2e3"},
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
        "/auth/change-password",
        change_password,
        summary="Another password in place of one's own; ends one's other sessions",
        permission=SIGNED_IN,
        acts_as=Role.hub_admin,
        idempotent=False,
        body=ChangedPassword,
        errors=(Conflict, Unprocessable),
        example={"currentPassword": "correct horse battery staple", "newPassword": "three herons on a pier"},
    ),
    Route(
        "GET",
        "/auth/sessions",
        list_own_sessions,
        summary="One's own sessions that live",
        permission=SIGNED_IN,
        query=SessionsQuery,
        answer=Page[OpenSession],
    ),
    Route(
        "DELETE",
        "/auth/sessions/{id}",
        end_own_session,
        summary="End one of one's own sessions, on every worker and with its live sockets",
        permission=SIGNED_IN,
        errors=(NotFound,),
    ),
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
