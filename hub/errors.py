"""Every error that a person or a client may see, in one tree.

HubError                    500 internal
├── SettingsError           a HUB_* setting is missing, unknown or bad
├── MigrationError          the database cannot be brought to this version's schema
├── StartError              a part cannot be started; says what to do
├── StoreUnavailable        503 unavailable: PostgreSQL or Redis is away
│   └── StoreTooSlow        PostgreSQL gave a statement up: it took too long, or waited too long for a lock
├── JournalError            503 journal: the journal cannot keep an answer
├── BadRequest              400 validation, with one entry a fault in `details`
├── Unauthorized            401 unauthorized
├── Forbidden               403 forbidden
├── NotFound                404 not_found; also for what belongs to another school
├── Conflict                409 conflict
├── PreconditionFailed      412 precondition_failed: it changed since it was read
├── PayloadTooLarge         413 payload_too_large
├── UnsupportedMedia        415 unsupported_media
├── Unprocessable           422 unprocessable: understood, and still not possible
└── TooManyRequests         429 too_many_requests, with `retry_after`

An error carries its HTTP status and its code; hub/rest/errors.py turns it into JSON, and hub/cli prints it in one line.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """The root. `str(error)` is a sentence that says what is wrong and what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"


class SettingsError(HubError):
    code = "settings"


class MigrationError(HubError):
    code = "migration"


class StartError(HubError):
    code = "start"


class StoreUnavailable(HubError):
    status = 503
    code = "unavailable"


class StoreTooSlow(StoreUnavailable):
    pass


class JournalError(HubError):
    status = 503
    code = "journal"


class BadRequest(HubError):
    """`details` holds one `{"field", "message"}` for each fault found."""

    status = 400
    code = "validation"

    def __init__(self, message: str, details: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.details = details or []


class Unauthorized(HubError):
    status = 401
    code = "unauthorized"


class Forbidden(HubError):
    status = 403
    code = "forbidden"


class NotFound(HubError):
    status = 404
    code = "not_found"


class Conflict(HubError):
    status = 409
    code = "conflict"


class PreconditionFailed(HubError):
    status = 412
    code = "precondition_failed"


class PayloadTooLarge(HubError):
    status = 413
    code = "payload_too_large"


class UnsupportedMedia(HubError):
    status = 415
    code = "unsupported_media"


class Unprocessable(HubError):
    """`details` as those of BadRequest, when a field is to blame."""

    status = 422
    code = "unprocessable"

    def __init__(self, message: str, details: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.details = details or []


class TooManyRequests(HubError):
    """`retry_after`: whole seconds after which it may succeed."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
