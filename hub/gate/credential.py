"""The presented code → the key that the index knows it by; and, for a code it does not know, why.

No signature is checked on the way to a grant: a code opens a door because it was issued, and the index holds what was.
Only an unknown code is parsed, to say whether it is foreign, forged or simply no longer there.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.qr import BadSignature, MalformedCode, PublicKey, lookup_key, read_code
from hub.domain.verdict import Reason

__all__ = ["lookup_key", "why_unknown"]


def why_unknown(code: str, keys: Mapping[str, PublicKey]) -> Reason:
    """malformed_code, bad_signature, or unknown_pass for a genuine code that is in no table any more."""
    try:
        read_code(code, keys)
    except MalformedCode:
        return Reason.malformed_code
    except BadSignature:
        return Reason.bad_signature
    return Reason.unknown_pass
