"""The job: from what a transaction asked for to a letter on its way.

It may be carried out again from the start, whenever it was interrupted: the token is made anew each time and the former
one is void, so that what arrived twice opens one door once.
"""

from __future__ import annotations

import msgspec
import structlog

from hub.accounts.letters import Letter, address
from hub.config import Settings
from hub.integrations.mail.sending import MailRefused, send
from hub.integrations.mail.writing import BadAddress, write
from hub.store.pg import Pg

log = structlog.get_logger(__name__)
_decoder = msgspec.json.Decoder(Letter)


async def deliver(settings: Settings, pg: Pg, payload: bytes) -> None:
    """Raises MailWaits when it is to be tried again later."""
    try:
        letter = _decoder.decode(payload)
    except msgspec.MsgspecError:
        log.error("a letter that was asked for cannot be read")
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
    else:
        log.info("a letter is on its way", purpose=letter.purpose)


def public_url(settings: Settings) -> str:
    return settings.public_url or f"http://{settings.host}:{settings.port}"
