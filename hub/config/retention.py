"""How long what belongs to the installation is kept. A school's own times are in its settings (`retention`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.config.kinds import unit

Days = Annotated[int, Field(ge=1, le=36_500)]
IN_DAYS = unit("days")


class RetentionSettings(BaseSettings):
    """After how many days a nightly job lets it go; docs/privacy.md has the whole list."""

    retention_scan_ids_days: Days = Field(
        90, description="identities of scans: how late a reader may still replay one", json_schema_extra=IN_DAYS
    )
    retention_jobs_days: Days = Field(30, description="jobs that people asked for", json_schema_extra=IN_DAYS)
    retention_job_files_days: Days = Field(7, description="files of jobs", json_schema_extra=IN_DAYS)
    retention_mails_days: Days = Field(365, description="that a pass was mailed", json_schema_extra=IN_DAYS)
    retention_mail_files_days: Days = Field(30, description="letters in HUB_MAIL_DIR", json_schema_extra=IN_DAYS)
    retention_pass_history_days: Days = Field(1_825, description="what became of passes", json_schema_extra=IN_DAYS)
    retention_rejected_days: Days = Field(
        365, description="scans that PostgreSQL refused; replayed ones go after 30", json_schema_extra=IN_DAYS
    )
    retention_stream_heads_days: Days = Field(
        400, description="how far the log holds a recorder that is gone", json_schema_extra=IN_DAYS
    )
    retention_queue_days: Days = Field(30, description="the queue's own log and figures", json_schema_extra=IN_DAYS)
    retention_audit_days: Annotated[int, Field(ge=365, le=36_500)] = Field(
        1_825, description="audit entries that belong to no school", json_schema_extra=IN_DAYS
    )
    retention_batch: Annotated[int, Field(ge=1, le=100_000)] = Field(
        2_000, description="rows that are let go in one transaction", json_schema_extra=unit("rows")
    )
