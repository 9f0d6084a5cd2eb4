"""What is said about signing in over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.accounts.permissions import Permission

# Wider than what is accepted as a new one: whatever is sent is answered with "wrong", not with a rule.
Presented = Annotated[str, Meta(min_length=1, max_length=1024, description="the account's password")]
NewPassword = Annotated[str, Meta(min_length=12, max_length=128, description="not one of the most common")]
Email = Annotated[str, Meta(min_length=3, max_length=255, description="the account's e-mail address")]
Code = Annotated[str, Meta(min_length=6, max_length=40, description="six digits, or a recovery code")]
Mailed = Annotated[str, Meta(min_length=1, max_length=200, description="what stands behind #token= in the letter")]
RefreshToken = Annotated[str, Meta(min_length=1, max_length=200, description="good for one use")]
Delivery = Literal["body", "cookie"]
Moment = Annotated[datetime, Meta(tz=True)]


class Login(msgspec.Struct, kw_only=True):
    """`delivery`: cookie is for pages, which then hold no token that a script could read."""

    email: Email
    password: Presented
    rememberMe: Annotated[bool, Meta(description="30 days instead of 7")] = False
    totp: Code | None = None
    delivery: Delivery = "body"


class Refresh(msgspec.Struct, kw_only=True):
    """Without a token in it, the one in the cookie is taken."""

    refreshToken: RefreshToken | None = None


class SecondFactorState(msgspec.Struct, kw_only=True):
    """`required` and not `enrolled`: nothing is allowed but setting it up."""

    required: bool
    enrolled: bool


class OwnSchool(msgspec.Struct, kw_only=True):
    """`timezone`: where its days and times are, as in Europe/Berlin."""

    id: UUID
    name: str
    timezone: str


class Me(msgspec.Struct, kw_only=True):
    """Who is signed in. `schoolId` and `school`: null for super admins."""

    id: UUID
    email: str
    firstName: str
    lastName: str
    role: str
    schoolId: UUID | None
    school: OwnSchool | None
    permissions: list[Permission]
    secondFactor: SecondFactorState


class SignedIn(msgspec.Struct, kw_only=True):
    """`expiresIn`: seconds of the access token. The tokens are not there when they travel as cookies."""

    accessToken: str | UnsetType = UNSET
    refreshToken: str | UnsetType = UNSET
    expiresIn: int
    user: Me


class ForgottenPassword(msgspec.Struct, kw_only=True):
    email: Email


class ResetPassword(msgspec.Struct, kw_only=True):
    """`token`: of an invitation, or of a letter that was asked for."""

    token: Mailed
    password: NewPassword


class ChangedPassword(msgspec.Struct, kw_only=True):
    """The account's other sessions end."""

    currentPassword: Presented
    newPassword: NewPassword


class VerifyEmail(msgspec.Struct, kw_only=True):
    token: Mailed


class Confirmation(msgspec.Struct, kw_only=True):
    """The password once more: a session that somebody else got hold of is not enough for this."""

    password: Presented


class Removal(Confirmation, kw_only=True):
    totp: Code


class OfferedFactor(msgspec.Struct, kw_only=True):
    """For an authenticator app: in base32, and as the address for a QR code. Shown this once."""

    secret: str
    uri: str


class ConfirmedFactor(msgspec.Struct, kw_only=True):
    totp: Annotated[str, Meta(pattern="^[0-9]{6}$", description="the code that the app shows now")]


class RecoveryCodes(msgspec.Struct, kw_only=True):
    """Each stands in for a code once. Shown this once."""

    recoveryCodes: list[str]
