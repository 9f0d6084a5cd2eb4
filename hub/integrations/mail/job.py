"""The job: from what a transaction asked for to a letter on its way.

It may be carried out again from the start, whenever it was interrupted: the token is made anew each time and the former
one is void, so that what arrived twice opens one door once.
"""

from __future__ import annotations

import msgspec
import structlog

from hub.accounts.audit import by_program
from hub.accounts.letters import Addressed, Letter, address
from hub.accounts.trail import record
from hub.config import Settings
from hub.integrations.mail.sending import MailRefused, send
from hub.integrations.mail.writing import BadAddress, write
from hub.store.pg import Pg

log = structlog.get_logger(__name__)
_decoder = msgspec.json.Decoder(Letter)


async def deliver(settings: Settings, pg: Pg, payload: bytes) -> None:
    """Raises MailWaits when it is to be tried again later."""
    letter = _read(payload)
    if letter is None:
        return
    async with pg.system() as tx:
        addressed = await address(tx, letter)
    if addressed is None:
        log.debug("nobody to send this letter to", purpose=letter.purpose)
        return
    try:
        await send(settings, write(addressed, settings.smtp_from, public_url(settings)))
    except (MailRefused, BadAddress) as error:
        log.error("a letter cannot be delivered", purpose=letter.purpose, user_id=str(letter.user_id), fault=str(error))
        await _keep(pg, addressed, "refused", str(error))
    else:
        log.info("a letter is on its way", purpose=letter.purpose)
        await _keep(pg, addressed, "sent")


async def give_up(pg: Pg, payload: bytes, fault: str) -> None:
    """It was tried often enough; the audit says so, too."""
    log.error("a letter is given up", fault=fault)
    letter = _read(payload)
    if letter is not None:
        async with pg.system() as tx:
            addressed = await address(tx, letter)
        if addressed is not None:
            await _keep(pg, addressed, "given up", fault)


def _read(payload: bytes) -> Letter | None:
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError:
        log.error("a letter that was asked for cannot be read")
        return None


async def _keep(pg: Pg, letter: Addressed, outcome: str, fault: str | None = None) -> None:
    """What became of it, in the audit. Whoever is stopped before this sends it again: twice sent is better than never
    told."""
    told = {"purpose": letter.purpose, "about": letter.about, "outcome": outcome, "fault": fault}
    new = {name: value for name, value in told.items() if value is not None}
    async with pg.system() as tx:
        await record(tx, by_program("create", "letter", letter.user_id, school=letter.school_id, new=new))


def public_url(settings: Settings) -> str:
    return settings.public_url or f"http://{settings.host}:{settings.port}"
