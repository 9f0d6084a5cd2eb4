"""Every minute: what is settled of audit_logs goes into the chain that shows whether it was changed."""

from __future__ import annotations

import structlog

from hub.accounts.ledger.digests import Signer
from hub.accounts.ledger.sealing import seal_settled
from hub.config import Settings, audit_seeds
from hub.store.pg import Pg

log = structlog.get_logger(__name__)


class Sealer:
    """Without HUB_AUDIT_KEY it says so, once, and does nothing."""

    def __init__(self, settings: Settings) -> None:
        seeds = audit_seeds(settings)
        self._signer = Signer(seeds[0]) if seeds else None
        self._heads = settings.audit_heads
        if self._signer is None:
            log.warning("HUB_AUDIT_KEY is not set: nothing shows whether audit_logs was changed")

    async def run(self, pg: Pg) -> None:
        if self._signer is not None:
            rows = await seal_settled(pg, self._signer, self._heads)
            log.debug("audit rows sealed", rows=rows)
