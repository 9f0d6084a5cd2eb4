"""The first super admin of an installation, made by whoever can reach its database: nobody could invite that one."""

from __future__ import annotations

from uuid import UUID

from hub.accounts.audit import by_program
from hub.accounts.passwords import Passwords
from hub.accounts.roster import queries
from hub.accounts.trail import record
from hub.config import Settings
from hub.domain.ids import new_id
from hub.store.pg import Pg, Role, conflicts


async def create_admin(settings: Settings, email: str, first_name: str, last_name: str, password: str) -> UUID:
    """The account's id. Raises BadRequest for a password that is not good enough, Conflict when the address is in use,
    StoreUnavailable."""
    passwords = Passwords()
    pg = await Pg.open(settings, [Role.hub_admin])
    try:
        await passwords.accept(password)
        hashed = await passwords.hash(password)
        async with pg.admin() as tx:
            with conflicts(users_lower_email_key=f"there is an account with the address {email} already"):
                id_: UUID = await tx.fetchval(
                    queries["add_super_admin"], new_id(), email, hashed, first_name, last_name
                )
            told = {"email": email, "firstName": first_name, "lastName": last_name, "role": "super_admin"}
            await record(tx, by_program("create", "user", id_, new=told | {"by": "passhub users create-admin"}))
        return id_
    finally:
        await passwords.close()
        await pg.close()
