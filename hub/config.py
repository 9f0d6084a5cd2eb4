"""The only reader of the environment: one class of settings, each with a default, a unit and a meaning.

`passhub settings` prints this table. There is no default secret. An unknown or bad `HUB_*` variable stops the start,
by its name: a misspelt limit that is silently ignored is found at the worst time.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hub.domain.keyring import KeyRing
from hub.errors import SettingsError

PREFIX = "HUB_"


def unit(name: str) -> dict[str, Any]:
    return {"unit": name}


def _listed(value: object) -> object:
    """ "a, b" → ("a", "b")."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


#: Several values in one variable, with commas between them.
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Everything that an operator can set. Field `x_y` is read from `HUB_X_Y`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL, as the owner of the schema: postgresql://user:password@host/db; migrate needs it"
    )
    database_api_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_api; without it, database_url with role=hub_api"
    )
    database_admin_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_admin; without it, database_url with role=hub_admin"
    )
    database_system_url: SecretStr | None = Field(
        None, description="PostgreSQL as hub_system; without it, database_url with role=hub_system; never PgBouncer"
    )
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = Field(
        4, description="connections a worker keeps for each role", json_schema_extra=unit("connections")
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey, redis://…, rediss://… or unix://…; without it events stay on this host"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="32 random bytes in base64url; encrypts signing keys and sensitive fields; no default;"
        " to exchange it, see HUB_DATA_KEYS",
    )
    data_keys: SecretStr | None = Field(
        None,
        description="32-byte keys in base64url, by commas: the first encrypts, all decrypt, and so does HUB_SECRET_KEY",
    )
    audit_key: SecretStr | None = Field(
        None,
        description="32 random bytes in base64url that sign the audit chain; several by commas: the first signs;"
        " without it nothing is sealed",
    )
    audit_heads: Path | None = Field(
        None,
        description="file that the signed heads of the audit chain are appended to; keep it off the database's host",
    )
    password_processes: Annotated[int, Field(ge=1, le=16)] = Field(
        1, description="niced processes of each worker that check passwords", json_schema_extra=unit("processes")
    )
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
    smtp_from: str = Field("passhub@localhost", description="whom our mail comes from")
    smtp_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        20.0, description="how long the server may take for each step", json_schema_extra=unit("s")
    )
    mail_dir: Path | None = Field(
        None, description="without HUB_SMTP_HOST: mail is kept here as files; without both it waits for one"
    )

    host: str = Field("127.0.0.1", description="address that the workers listen on")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8080, description="port that the workers listen on")
    workers: Annotated[int, Field(ge=1, le=128)] = Field(
        2, description="worker processes on this host", json_schema_extra=unit("processes")
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["json", "console"] = Field("json", description="json lines for machines, console for people")
    shutdown_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        4.0, description="how long a stopping worker may take to answer what is in flight", json_schema_extra=unit("s")
    )
    retire_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        10.0,
        description="how long a replaced worker (SIGHUP) waits for its last HTTP clients",
        json_schema_extra=unit("s"),
    )
    start_grace: Annotated[float, Field(ge=0, le=300)] = Field(
        5.0,
        description="how long a starting worker keeps callers waiting for its index before it answers hub_unavailable",
        json_schema_extra=unit("s"),
    )

    journal_dir: Path = Field(
        Path("journal"), description="directory of this host's journal; on a disk that outlives the host"
    )
    journal_timeout_ms: Annotated[int, Field(ge=10, le=60_000)] = Field(
        500, description="a scan not on disk by then is denied, hub_unavailable", json_schema_extra=unit("ms")
    )
    journal_max_bytes: Annotated[int, Field(ge=1_000_000)] | None = Field(
        None,
        description="largest journal; by default the lesser of 10 GiB and half the free disk; alarm at half",
        json_schema_extra=unit("bytes"),
    )
    journal_retention_hours: Annotated[float, Field(gt=0, le=24 * 365)] = Field(
        24.0, description="how long drained scans and scan ids stay in the journal", json_schema_extra=unit("h")
    )
    journal_backlog: Annotated[int, Field(ge=100)] = Field(
        20_000, description="scans a worker holds for a recorder that is away", json_schema_extra=unit("scans")
    )
    drain_batch: Annotated[int, Field(ge=1, le=50_000)] = Field(
        5_000, description="scans in one transaction of the drain", json_schema_extra=unit("rows")
    )

    feed_heartbeat: Annotated[float, Field(gt=0, le=60)] = Field(
        1.0,
        description="how often the feed's connection is asked; no answer within this time: stale",
        json_schema_extra=unit("s"),
    )
    feed_check_interval: Annotated[float, Field(gt=0)] = Field(
        600.0, description="how often the index is compared with the tables", json_schema_extra=unit("s")
    )

    reader_max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        64, description="scans of one connection under way at once; more is answered slow_down"
    )
    reader_ping: Annotated[float, Field(gt=0)] = Field(
        20.0, description="how often a reader's connection is pinged", json_schema_extra=unit("s")
    )
    reader_silence: Annotated[float, Field(gt=0)] = Field(
        45.0, description="a reader silent for this long is offline, its connection closed", json_schema_extra=unit("s")
    )
    reader_max_frame: Annotated[int, Field(ge=1024, le=16 * 2**20)] = Field(
        65_536, description="largest frame of a reader; a larger one closes (1009)", json_schema_extra=unit("bytes")
    )
    reader_max_malformed: Annotated[int, Field(ge=1)] = Field(
        10, description="malformed frames in a row that close a connection (1008)", json_schema_extra=unit("frames")
    )
    replay_max_items: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1_000, description="replayed scans in one request", json_schema_extra=unit("scans")
    )
    live_batch_ms: Annotated[int, Field(ge=5, le=1000)] = Field(
        50, description="events of this long go to screens together", json_schema_extra=unit("ms")
    )
    live_ring: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        20_000,
        description="events of a school that a worker keeps for screens that reconnect",
        json_schema_extra=unit("events"),
    )
    live_resume_max: Annotated[int, Field(ge=100, le=10_000_000)] = Field(
        50_000,
        description="a screen that missed more than this starts afresh (reset)",
        json_schema_extra=unit("events"),
    )
    live_buffer_bytes: Annotated[int, Field(ge=65_536, le=2**30)] = Field(
        2**19,
        description="a screen that lets more than this wait unread is disconnected (4008)",
        json_schema_extra=unit("bytes"),
    )
    live_screens: Annotated[int, Field(ge=1, le=100_000)] = Field(
        2_000, description="screens of one worker; more are refused", json_schema_extra=unit("screens")
    )
    live_ping: Annotated[int, Field(ge=1, le=300)] = Field(
        10,
        description="how often a screen is pinged; one that answers none for twice as long is disconnected (4003)",
        json_schema_extra=unit("s"),
    )

    body_max_bytes: Annotated[int, Field(ge=4096)] = Field(
        2 * 2**20, description="largest request body", json_schema_extra=unit("bytes")
    )

    upload_max_bytes: Annotated[int, Field(ge=4096)] = Field(2**28, description="largest file uploaded, in bytes")
    import_max_rows: Annotated[int, Field(ge=1, le=10**7)] = Field(10**6, description="most students in one file")
    allowed_origins: Listed = Field(
        (), description="other origins whose pages may call the API with a session, https://a.example,https://b.example"
    )
    trusted_proxies: Listed = Field(
        (), description="networks of proxies whose X-Forwarded-For and -Proto are believed, 10.0.0.0/8,::1"
    )
    request_timeout: Annotated[float, Field(gt=0, le=600)] = Field(
        30.0, description="how long a request of a person may take, body included", json_schema_extra=unit("s")
    )
    rate_window: Annotated[int, Field(ge=1, le=86_400)] = Field(
        900, description="the time that rate limits count over", json_schema_extra=unit("s")
    )
    rate_anonymous: Annotated[int, Field(ge=1)] = Field(
        100, description="requests of one address that nobody signed, sign-ins too", json_schema_extra=unit("a window")
    )
    rate_signed_in: Annotated[int, Field(ge=1)] = Field(
        6_000, description="requests of one signed-in person", json_schema_extra=unit("a window")
    )
    rate_device: Annotated[int, Field(ge=0, le=2**31)] = Field(
        100,
        description="scans of one reader, counted over ten seconds in each worker; 0: no limit",
        json_schema_extra=unit("scans/s"),
    )
    device_key_overlap: Annotated[float, Field(ge=0, le=24 * 90)] = Field(
        24.0, description="how long a rotated device key still works beside the new one", json_schema_extra=unit("h")
    )
    tls_cert: Path | None = Field(
        None, description="certificate chain, PEM; with tls_key the workers speak TLS 1.3; reloaded when it changes"
    )
    tls_key: Path | None = Field(None, description="the certificate's private key, PEM")

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(origin.rstrip("/") for origin in value)
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
                raise ValueError("each must be scheme://host or scheme://host:port, without a path, and never *")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError("each must be an address or a network such as 10.0.0.0/8") from None
        return value

    @field_validator("secret_key")
    @classmethod
    def _key_has_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            decode_key(value.get_secret_value())
        return value

    @field_validator("data_keys", "audit_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """A compose file can hand on a variable that may be left out only as an empty one."""
        return None if value == "" else value

    @field_validator("data_keys", "audit_key")
    @classmethod
    def _keys_have_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            decode_keys(value.get_secret_value())
        return value

    @field_validator("database_url", "database_api_url", "database_admin_url", "database_system_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return value
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ValueError("must start with postgresql://")
        try:
            _ = parts.port
        except ValueError:
            # An unescaped # or / of a password ends up as the port; the error would repeat it.
            raise ValueError("cannot be read: write / ? # @ : of a password as %2F %3F %23 %40 %3A") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value


def decode_key(text: str) -> bytes:
    """32 bytes from base64url, padded or not. Raises ValueError that says how to make one, never showing the value."""
    hint = "must be 32 bytes in base64url; make one with: passhub settings --new-secret-key"
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(hint) from None
    if len(raw) != 32:
        raise ValueError(hint)
    return raw


def decode_keys(text: str) -> list[bytes]:
    """One key or several, with commas between them. Raises ValueError, as `decode_key`, and when one is there twice."""
    keys = [decode_key(part.strip()) for part in text.split(",")]
    if len(set(keys)) != len(keys):
        raise ValueError("has the same key twice")
    return keys


def key_ring(settings: Settings) -> KeyRing:
    """The keys of HUB_DATA_KEYS, then HUB_SECRET_KEY. Raises SettingsError when there is none at all."""
    keys = [] if settings.data_keys is None else decode_keys(settings.data_keys.get_secret_value())
    if settings.secret_key is not None:
        keys.append(decode_key(settings.secret_key.get_secret_value()))
    if not keys:
        raise SettingsError(
            "HUB_SECRET_KEY is not set, nor HUB_DATA_KEYS: personal data and signing keys cannot be encrypted; set the"
            " key that this installation was made with, or for a new one: passhub settings --new-secret-key"
        )
    return KeyRing(dict.fromkeys(keys))


def audit_seeds(settings: Settings) -> list[bytes]:
    """The keys of HUB_AUDIT_KEY, the signing one first; none when it is not set."""
    return [] if settings.audit_key is None else decode_keys(settings.audit_key.get_secret_value())


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; `overrides` (from command-line flags) win over it.

    Raises SettingsError that names each unknown or bad variable; values are not repeated, they may be secrets.
    """
    unknown = unknown_variables()
    if unknown:
        raise SettingsError(f"unknown setting {', '.join(unknown)}; `passhub settings` lists the known ones")
    settings, faults = usable_settings(**overrides)
    if faults:
        raise SettingsError("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
    return settings


def unknown_variables() -> list[str]:
    """The environment's HUB_* variables that are no setting."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def usable_settings(**overrides: Any) -> tuple[Settings, dict[str, str]]:
    """Settings with the default in the place of each bad value, and what is bad: variable → fault, values not repeated.

    For `passhub doctor`, which looks at all the rest nevertheless; whatever serves uses `load_settings`.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given), {}
    except ValidationError as error:
        bad = {str(e["loc"][0]): _plain(e["msg"]) for e in error.errors() if e["loc"]}
    good = {name: value for name, value in given.items() if name not in bad}
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name in bad}
    return Settings(**good, **defaults), {variable(name): fault for name, fault in bad.items()}


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def require(value: SecretStr | None, field: str) -> str:
    """The secret's text, or SettingsError that names the variable to set."""
    if value is None:
        raise SettingsError(f"{variable(field)} is not set; `passhub settings` says what it means")
    return value.get_secret_value()


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that make a child process read these very settings."""
    variables: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            variables[variable(name)] = _text(value)
    return variables
