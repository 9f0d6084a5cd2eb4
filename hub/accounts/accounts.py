"""Everything that knows who is asking, put together; hub/app.py makes one a worker and hands it to the resources."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from hub.accounts.keys import Signer
from hub.accounts.passwords import Passwords
from hub.accounts.roster import Roster
from hub.accounts.second_factor import SecondFactors
from hub.accounts.sessions import Sessions
from hub.accounts.signing_in import SigningIn
from hub.accounts.throttle import Throttle
from hub.config import Settings, key_ring
from hub.store.pg import Pg
from hub.store.redis import Redis, open_redis


class Accounts:
    """`roster` is what the feed keeps; `fresh()` says whether it does. `close()` ends what was started."""

    def __init__(self, settings: Settings, pg: Pg, roster: Roster, fresh: Callable[[], bool]) -> None:
        ring = key_ring(settings)
        url = settings.redis_url
        self._redis: Redis | None = None if url is None else open_redis(url.get_secret_value(), timeout=0.5)
        self.passwords = Passwords(settings.password_processes)
        self.throttle = Throttle(self._redis)
        self.factors = SecondFactors(ring)
        self.sessions = Sessions(pg, roster, Signer(pg, roster, ring), fresh)
        self.signing_in = SigningIn(pg, self.passwords, self.sessions, self.throttle, self.factors)

    async def close(self) -> None:
        await self.passwords.close()
        if self._redis is not None:
            await self._redis.aclose()


#: Where the resources find it: `call.part(ACCOUNTS)`.
ACCOUNTS = web.AppKey("accounts", Accounts)
