"""A folder a resource: its Structs, its SQL, its routes, its jobs. What one declares is served, and listed nowhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec

from hub.rest.jobs.kinds import JobKind
from hub.rest.route import Route


def declared_routes() -> list[Route]:
    """The ROUTES of every resource's `routes` module, in the order of the folders' names."""
    found: list[Route] = []
    for folder in _folders():
        found += import_module(f"{__name__}.{folder}.routes").ROUTES
    return found


def declared_jobs() -> dict[str, JobKind]:
    """The JOBS of every resource that has a `jobs` module, by name."""
    found: dict[str, JobKind] = {}
    for folder in _folders():
        module = f"{__name__}.{folder}.jobs"
        if find_spec(module) is not None:
            for kind in import_module(module).JOBS:
                assert kind.name not in found, f"{kind.name} is declared twice"
                found[kind.name] = kind
    return found


def _folders() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)
