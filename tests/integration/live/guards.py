"""Guards whose sessions have begun: what a sign-in leaves behind, without its second of hashing."""

from __future__ import annotations

import time

from hub.accounts.keys import Signer
from hub.accounts.roster import Roster
from hub.accounts.sessions import Sessions
from hub.accounts.tokens import ACCESS_SECONDS, issue
from hub.config import Settings, key_ring
from hub.domain.ids import new_id
from hub.store.pg import Pg, Role
from tests.integration.accounts.office import ROLE_IDS
from tests.integration.gate.place import Place

_HASH = "not one of a password"


async def add_guards(place: Place, settings: Settings) -> None:
    """`place.tokens`: by school, an access token; `place.expired`: the same session's, of sixteen minutes ago."""
    pg = await Pg.open(settings, Role)
    try:
        roster = Roster()
        signer = Signer(pg, roster, key_ring(settings))
        sessions = Sessions(pg, roster, signer, lambda: False)
        await sessions.prepare()
        for code in ("near", "far"):
            user = new_id()
            await place.execute(
                "INSERT INTO users (id, email, password_hash, first_name, last_name, role_id, school_id)"
                " VALUES ($1, $2, $3, 'Ada', 'L', $4, $5)",
                *(user, f"guard@{code}", _HASH, ROLE_IDS["security"], place.schools[code]),
            )
            async with pg.admin() as tx:
                granted = await sessions.begin(
                    tx, user, _HASH, remember=False, delivery="body", address=None, user_agent=None
                )
            place.tokens[code] = granted.access_token
            before = time.time() - ACCESS_SECONDS - 60
            place.expired[code] = issue(*await signer.current(), user, granted.session_id, before)
    finally:
        await pg.close()
