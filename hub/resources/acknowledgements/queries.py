"""The statements of this folder."""

from __future__ import annotations

from hub.store.queries import load_queries

Q = load_queries(__package__)
