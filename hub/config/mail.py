"""How mail leaves, and whose links it has."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from hub.config.kinds import unit


class MailSettings(BaseSettings):
    """The server that takes our mail, or the directory that keeps it."""

    public_url: str | None = Field(
        None, description="where people reach the console, for links in mail; by default http://HUB_HOST:HUB_PORT"
    )
    smtp_host: str | None = Field(None, description="server that takes our mail; without it see HUB_MAIL_DIR")
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="its port")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls: after connecting, and no mail without it; tls: from the first byte; none"
    )
    smtp_user: str | None = Field(None, description="whom we sign in as there; without it we do not")
    smtp_password: SecretStr | None = Field(None, description="the password for that")
    smtp_from: str = Field("passhub@localhost", description="whom our mail comes from; an address alone")
    smtp_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        20.0, description="how long the server may take for each step", json_schema_extra=unit("s")
    )
    mail_dir: Path | None = Field(
        None, description="without HUB_SMTP_HOST: mail is kept here as files; without both it waits for one"
    )

    @field_validator("smtp_from")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            Address(addr_spec=value)
        except (MessageError, ValueError, IndexError):
            raise ValueError("must be an address alone, such as noreply@school.example, without a name") from None
        return value
