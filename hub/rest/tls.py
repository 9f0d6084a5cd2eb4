"""TLS 1.3 from HUB_TLS_CERT and HUB_TLS_KEY, read again when they change.

The new certificate is loaded into the context that the server has: new connections get it, those that are open go on.
A pair that cannot be read stops the start; later it is logged, and the old one stays in use.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog

from hub.config import Settings
from hub.errors import StartError

log = structlog.get_logger(__name__)
LOOK_SECONDS = 5.0

_Stamp = tuple[tuple[int, int, int], ...]


class Tls:
    """`context` for the server; `run()` until cancelled keeps it fresh. `Tls.of` gives None when none is set."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert = cert
        self._key = key
        self._seen = self._stamp()
        try:
            self.context = _context(cert, key)
        except (OSError, ssl.SSLError) as error:
            raise StartError(f"HUB_TLS_CERT and HUB_TLS_KEY cannot be used: {_plain(error, cert, key)}") from None

    @classmethod
    def of(cls, settings: Settings) -> Tls | None:
        """Raises StartError that says which file is at fault."""
        if settings.tls_cert is None and settings.tls_key is None:
            return None
        if settings.tls_cert is None or settings.tls_key is None:
            raise StartError("HUB_TLS_CERT and HUB_TLS_KEY are set together, or neither")
        return cls(settings.tls_cert, settings.tls_key)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> bool:
        """Whether there was a new pair, and it is in use now."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            _context(self._cert, self._key)  # into a context of its own first: a failed load would leave half of it
            self.context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            log.error(
                "the new certificate cannot be used; the old one stays", fault=_plain(error, self._cert, self._key)
            )
            return False
        self._seen = stamp
        log.info("a new certificate is in use")
        return True

    def _stamp(self) -> _Stamp:
        """Changes with either file, also when it is put in the place of the old one, or a link turned."""
        found = []
        for path in (self._cert, self._key):
            try:
                state = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((state.st_mtime_ns, state.st_ino, state.st_size))
        return tuple(found)


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    # A key with a passphrase would make OpenSSL ask on the terminal, and wait.
    context.load_cert_chain(cert, key, password=lambda: "")
    return context


def _plain(error: Exception, cert: Path, key: Path) -> str:
    if isinstance(error, FileNotFoundError):
        missing = [str(path) for path in (cert, key) if not path.exists()]
        return f"there is no {' and no '.join(missing)}"
    if isinstance(error, PermissionError):
        return f"this account may not read {cert} or {key}"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {cert}"
    return f"{cert} or {key} is no PEM file, or needs a passphrase ({type(error).__name__})"
