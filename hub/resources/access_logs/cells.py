"""A scan as a row of a file: the fields of JSON, under the same names."""

from __future__ import annotations

from hub.rest.sheets import text_of
from hub.store.pg import Record

_COLUMNS = {
    "id": "id",
    "accessTime": "access_time",
    "accessPointId": "access_point_id",
    "studentId": "student_id",
    "passId": "pass_id",
    "accessType": "access_type",
    "status": "status",
    "reason": "reason",
    "hubStatus": "hub_status",
    "hubReason": "hub_reason",
    "readerStatus": "reader_status",
    "readerReason": "reader_reason",
    "readerTime": "reader_time",
    "receivedAt": "received_at",
    "skewMs": "skew_ms",
    "offline": "offline",
    "stale": "stale",
    "conflict": "conflict",
    "recordedBy": "recorded_by",
    "annulledAt": "annulled_at",
    "annulledBy": "annulled_by",
    "annulReason": "annul_reason",
    "deviceInfo": "device_info",
    "schoolId": "school_id",
    "createdAt": "created_at",
}
HEADER = list(_COLUMNS)


def log_cells(row: Record) -> list[str]:
    return [text_of(row[column]) for column in _COLUMNS.values()]
