"""The keys that sign access tokens: made by the program, sealed in the database, changed without signing anybody out.

A new key becomes known to every worker before it signs (`active_from`), and a retired one is believed for longer than a
token lives. Refresh tokens are opaque: no key's end touches them.
"""

from __future__ import annotations

import time
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from hub.accounts.audit import by_program
from hub.accounts.roster import Roster, queries
from hub.accounts.trail import record
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.domain.vault import SealBroken, column_place
from hub.errors import StoreUnavailable
from hub.store.pg import Pg

log = structlog.get_logger(__name__)

#: How old a key gets, and how long before it signs every worker may hear of it.
ROTATE_SECONDS = 30 * 86_400.0
HEARD_SECONDS = 30.0
KIND = "token_key"


class Signer:
    """What signs in this process. `ring`: what private keys are sealed with."""

    def __init__(self, pg: Pg, roster: Roster, ring: KeyRing) -> None:
        self._pg = pg
        self._roster = roster
        self._ring = ring
        self._opened: dict[str, Ed25519PrivateKey] = {}

    async def current(self) -> tuple[str, Ed25519PrivateKey]:
        """kid and private key of the newest key that is in force; makes the installation's first.

        Raises StoreUnavailable when it was sealed with a key that the ring does not have.
        """
        kid = self._newest()
        if kid is None:
            await rotate(self._pg, self._ring, older_than=float("inf"))
            async with self._pg.system() as tx:
                await self._roster.reread_all(tx, "token_key")
            kid = self._newest()
            if kid is None:
                raise StoreUnavailable("there is no key to sign access tokens with")
        if kid not in self._opened:
            self._opened = {kid: await self._open(kid)}
        return kid, self._opened[kid]

    def _newest(self) -> str | None:
        """The newest in force; while there is only one to come, that one: the database's clock may be ahead."""
        now = time.time()
        keys = sorted((key.active_from, kid) for kid, key in self._roster.keys.items() if not key.retired)
        ready = [kid for active_from, kid in keys if active_from <= now]
        return ready[-1] if ready else keys[0][1] if keys else None

    async def _open(self, kid: str) -> Ed25519PrivateKey:
        async with self._pg.admin() as tx:
            sealed = await tx.fetchval(queries["private_token_key"], kid)
        try:
            return Ed25519PrivateKey.from_private_bytes(self._ring.unseal(sealed or b"", _place(kid)))
        except SealBroken as error:
            log.error(
                "the key of access tokens does not open with HUB_SECRET_KEY or HUB_DATA_KEYS", kid=kid, fault=str(error)
            )
            raise StoreUnavailable("nobody can sign in: the data keys are not those of this database") from error


async def rotate(pg: Pg, ring: KeyRing, older_than: float = ROTATE_SECONDS) -> bool:
    """Makes a key when there is none, or when the newest is older than so many seconds; retires what it took over from.

    Called again and again, on every host: one of them does it. The first signs at once, a later one in 30 s.
    """
    async with pg.system() as tx:
        await tx.execute(queries["lock_token_keys"])
        newest = await tx.fetchrow(queries["newest_token_key"], min(older_than, 1e9))
        if newest is not None and not newest["due"]:
            for row in await tx.fetch(queries["retire_token_keys"], newest["id"]):
                await record(tx, by_program("update", KIND, row["id"], new={"retired": True}))
            return False
        key, id_ = Ed25519PrivateKey.generate(), new_id()
        sealed = ring.seal(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()), _place(str(id_)))
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        wait = 0.0 if newest is None else HEARD_SECONDS
        await tx.execute(queries["add_token_key"], id_, public, sealed, wait)
        await record(tx, by_program("create", KIND, id_, new={"signsAfterSeconds": wait}))
    log.info("a new key signs access tokens", kid=str(id_))
    return True


def _place(kid: str) -> bytes:
    return column_place("token_keys", "private_key", UUID(kid))
