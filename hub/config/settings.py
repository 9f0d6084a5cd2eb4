"""All groups of settings as one class."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from hub.config.accounts import AccountSettings
from hub.config.badges import BadgeSettings
from hub.config.cache import CacheSettings
from hub.config.database import DatabaseSettings
from hub.config.files import FileSettings
from hub.config.keys import KeySettings
from hub.config.kinds import PREFIX
from hub.config.live import LiveSettings
from hub.config.mail import MailSettings
from hub.config.processes import ProcessSettings
from hub.config.requests import RequestSettings
from hub.config.retention import RetentionSettings
from hub.config.scans import ScanSettings
from hub.config.walls import WallSettings


class Settings(
    # Fields come last class first: `passhub settings` begins with the database.
    CacheSettings,
    RetentionSettings,
    RequestSettings,
    AccountSettings,
    WallSettings,
    LiveSettings,
    ScanSettings,
    ProcessSettings,
    BadgeSettings,
    FileSettings,
    MailSettings,
    KeySettings,
    DatabaseSettings,
):
    """Everything that an operator can set. Field `x_y` is read from `HUB_X_Y`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")
