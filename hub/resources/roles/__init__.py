"""Roles: the built-in ones, and those that a school makes."""
