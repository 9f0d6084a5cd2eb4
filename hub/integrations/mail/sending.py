"""Sending: to an SMTP server, or, where there is none, into files in a directory."""

from __future__ import annotations

import asyncio
import os
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from hub.config import Settings
from hub.domain.ids import new_id
from hub.errors import HubError

#: Faults of a line that stood: what was said on it last is not known to be heard.
_MAYBE = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError, ConnectionError, TimeoutError)


class MailWaits(HubError):
    """It could not be sent now; later it may be. `perhaps`: the line was cut when the server may have taken it."""

    code = "mail_waits"

    def __init__(self, message: str, *, perhaps: bool = False) -> None:
        super().__init__(message)
        self.perhaps = perhaps


class MailRefused(HubError):
    """The server will not take it, now or later."""

    code = "mail_refused"


async def send(settings: Settings, message: EmailMessage) -> None:
    """Returns when the server has taken it, or the file is on disk. Raises MailWaits, MailRefused."""
    if settings.smtp_host is not None:
        await _to_server(settings, settings.smtp_host, message)
    elif settings.mail_dir is not None:
        try:
            await asyncio.to_thread(_to_file, settings.mail_dir, message)
        except OSError as error:
            raise MailWaits(f"cannot write into {settings.mail_dir}: {error.strerror}") from error
    else:
        raise MailWaits("mail waits: set HUB_SMTP_HOST, or HUB_MAIL_DIR to keep it as files")


async def _to_server(settings: Settings, host: str, message: EmailMessage) -> None:
    password = settings.smtp_password
    try:
        await aiosmtplib.send(
            message,
            hostname=host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            timeout=settings.smtp_timeout,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        _refused(max(one.code for one in error.recipients), error)
    except aiosmtplib.SMTPDataError as error:
        _refused(error.code, error)
    except aiosmtplib.SMTPAuthenticationError as error:
        raise MailWaits(f"{host} does not take HUB_SMTP_USER and HUB_SMTP_PASSWORD ({error.code})") from error
    except aiosmtplib.SMTPSenderRefused as error:
        raise MailWaits(f"{host} does not take letters from HUB_SMTP_FROM ({error.code})") from error
    except aiosmtplib.SMTPResponseException as error:
        # On connecting, at its greeting: that is us, and no letter is at fault.
        raise MailWaits(f"{host}:{settings.smtp_port}: {type(error).__name__} ({error.code})") from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
        perhaps = isinstance(error, _MAYBE) and not isinstance(error, aiosmtplib.SMTPConnectTimeoutError)
        raise MailWaits(f"{host}:{settings.smtp_port}: {type(error).__name__}", perhaps=perhaps) from error


def _refused(code: int, error: Exception) -> None:
    """5xx is for good, 4xx for now (RFC 5321, 4.2.1). Only the number is told: the rest may repeat the address."""
    if 500 <= code < 600:
        raise MailRefused(f"the mail server refuses it ({code})") from error
    raise MailWaits(f"the mail server asks to try again later ({code})") from error


def _to_file(directory: Path, message: EmailMessage) -> None:
    """In one step, readable by nobody else: it holds a token. Names sort by time."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{new_id()}.eml"
    unfinished = directory / f"{name}.new"
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(fd)
    unfinished.replace(directory / name)
