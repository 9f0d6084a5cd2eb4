"""The certificate that the workers show, where the hub speaks TLS itself."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509

from hub.config import Settings
from hub.errors import StartError
from hub.rest.tls import Tls
from hub.supervisor.doctor.findings import Notes, lasting

#: Whoever renews by themselves has done so by then.
SOON_SECONDS = 14 * 86_400.0


def examine(settings: Settings, notes: Notes) -> None:
    """Blocks for as long as a disk does. Says nothing where none is set."""
    try:
        tls = Tls.of(settings)
    except StartError as error:
        notes.fault("certificate", str(error), "see to both files; no worker starts with them as they are")
        return
    if tls is None or settings.tls_cert is None:
        return
    try:
        shown = x509.load_pem_x509_certificates(settings.tls_cert.read_bytes())[0]
    except (OSError, ValueError) as error:
        notes.skip("certificate", f"{settings.tls_cert} cannot be read ({type(error).__name__})")
        return
    judge(shown.not_valid_before_utc, shown.not_valid_after_utc, datetime.now(UTC), notes)


def judge(begin: datetime, end: datetime, now: datetime, notes: Notes) -> None:
    left = (end - now).total_seconds()
    facts = {"notAfter": end.isoformat()}
    do = "renew HUB_TLS_CERT and HUB_TLS_KEY; the workers take the new pair by themselves"
    if begin > now:
        says = f"it is valid in {lasting((begin - now).total_seconds())} only: whoever connects refuses it"
        notes.fault("certificate", says, "see to this host's clock, or to the certificate", **facts)
    elif left <= 0:
        notes.fault("certificate", f"it has expired {lasting(-left)} ago: whoever connects refuses it", do, **facts)
    elif left < SOON_SECONDS:
        notes.warn("certificate", f"it expires in {lasting(left)}", do, **facts)
    else:
        notes.right("certificate", f"it is valid for another {lasting(left)}, and its key is the right one", **facts)
