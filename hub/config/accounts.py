"""Accounts: what holds for people of no school, whom no school's settings reach."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class AccountSettings(BaseSettings):
    """What a school's settings say of its own people, for super admins."""

    super_admin_second_factor: bool = Field(
        False, description="whether super admins need a second factor to do anything but set one up"
    )
