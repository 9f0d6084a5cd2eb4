"""A folder a resource: its Structs, its SQL, its routes. What one declares is served, and listed nowhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from hub.rest.route import Route


def declared_routes() -> list[Route]:
    """The ROUTES of every resource's `routes` module, in the order of the folders' names."""
    found: list[Route] = []
    for folder in sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg):
        found += import_module(f"{__name__}.{folder}.routes").ROUTES
    return found
