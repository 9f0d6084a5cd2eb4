"""The second factor: six digits that change every 30 seconds (TOTP), and recovery codes for who has lost the device.

The secret is sealed under the key ring; recovery codes are 140 random bits, kept as SHA-256. A code is good once, and
an older one than the last is not taken either. A school says which roles need one: `schools.settings` with
{"secondFactor": ["school_admin", …]}, and the operator whether super admins do; who has none yet can then do nothing
but set it up. A session that began without it does not live to see it: the others end when one is set up.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from uuid import UUID

import msgspec
import pyotp

from hub.accounts.roster import queries
from hub.accounts.tokens import same
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken, column_place
from hub.errors import Conflict, StoreUnavailable
from hub.store.pg import Connection

ISSUER = "passhub"
STEP_SECONDS = 30
#: Steps before and after now that are taken too: clocks of phones differ.
DRIFT_STEPS = 1
RECOVERY_CODES = 10
#: Five random bits each; so many that a plain hash is enough: nobody tries them all.
_RECOVERY_LETTERS = 28
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator app is given: the secret in base32, and the same as an otpauth:// address for a QR code."""

    secret: str
    uri: str


class SecondFactors:
    """`ring`: what TOTP secrets are sealed with. All take the caller's transaction."""

    def __init__(self, ring: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._ring = ring
        self._clock = clock

    async def offer(self, tx: Connection, user_id: UUID, email: str) -> Enrolment:
        """A new secret, which is not asked for until `confirm`. Raises Conflict when there is a confirmed one."""
        text = pyotp.random_base32()
        sealed = self._ring.seal(text.encode(), _place(user_id))
        if await tx.fetchval(queries["offer_second_factor"], user_id, sealed) is None:
            raise Conflict("there is a second factor already; remove it first")
        return Enrolment(text, pyotp.TOTP(text).provisioning_uri(name=email, issuer_name=ISSUER))

    async def confirm(self, tx: Connection, user_id: UUID, code: str) -> list[str] | None:
        """Turns it on, for a code that the secret gives now: the recovery codes, shown this once. None: a wrong code.

        Raises Conflict when it is on already, or none was offered.
        """
        await tx.execute(queries["hold_user"], user_id)
        row = await tx.fetchrow(queries["second_factor"], user_id)
        if row is None or row["confirmed"]:
            raise Conflict("there is no second factor to confirm")
        if not await self._use_totp(tx, user_id, row["secret"], code):
            return None
        await tx.execute(queries["confirm_second_factor"], user_id)
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        await tx.execute(queries["drop_recovery_codes"], user_id)
        await tx.execute(queries["keep_recovery_codes"], user_id, [_hash(code) for code in codes])
        return codes

    async def is_asked_for(self, tx: Connection, user_id: UUID) -> bool:
        """Whether there is a confirmed one, which stays so until the transaction has ended: a sign-in under way cannot
        begin a session without a code after `confirm` has ended the others."""
        await tx.execute(queries["hold_user"], user_id)
        row = await tx.fetchrow(queries["second_factor"], user_id)
        return row is not None and bool(row["confirmed"])

    async def use(self, tx: Connection, user_id: UUID, code: str) -> bool:
        """Whether it is a code of a confirmed second factor, or one of its recovery codes; it is used up then."""
        row = await tx.fetchrow(queries["second_factor"], user_id)
        if row is None or not row["confirmed"]:
            return False
        if await self._use_totp(tx, user_id, row["secret"], code):
            return True
        return await tx.fetchval(queries["use_recovery_code"], user_id, _hash(code)) is not None

    async def remove(self, tx: Connection, user_id: UUID) -> bool:
        """Takes it away, with its recovery codes. False when there was none."""
        return await tx.fetchval(queries["remove_second_factor"], user_id) is not None

    async def _use_totp(self, tx: Connection, user_id: UUID, sealed: bytes, code: str) -> bool:
        try:
            text = self._ring.unseal(sealed, _place(user_id)).decode()
        except SealBroken as error:
            raise StoreUnavailable("second factors cannot be checked: the data keys are others") from error
        step = _step_of(text, code, self._clock())
        return step is not None and await tx.fetchval(queries["use_step"], user_id, step) is not None


def _step_of(secret: str, code: str, now: float) -> int | None:
    """The step whose code this is. All are compared, so that the time does not tell which."""
    totp, here, found = pyotp.TOTP(secret), int(now) // STEP_SECONDS, None
    for step in range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1):
        if same(totp.generate_otp(step), code):
            found = step
    return found


def _recovery_code() -> str:
    """Seven groups of four letters and digits."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LETTERS))
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _hash(code: str) -> bytes:
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()


def _place(user_id: UUID) -> bytes:
    return column_place("second_factors", "secret", user_id)
