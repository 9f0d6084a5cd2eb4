"""The only reader of the environment: one class of settings, each with a default, a unit and a meaning.

`passhub settings` prints the table. There is no default secret. An unknown or bad `HUB_*` variable stops the start,
by its name: a misspelt limit that is silently ignored is found at the worst time. A file here is one group of settings;
settings.py makes them one class, environment.py reads and writes the variables.
"""

from hub.config.environment import (
    load_settings,
    require,
    to_environment,
    unknown_variables,
    usable_settings,
    variable,
)
from hub.config.keys import audit_seeds, decode_key, decode_keys, key_ring
from hub.config.kinds import PREFIX
from hub.config.settings import Settings

__all__ = [
    "PREFIX",
    "Settings",
    "audit_seeds",
    "decode_key",
    "decode_keys",
    "key_ring",
    "load_settings",
    "require",
    "to_environment",
    "unknown_variables",
    "usable_settings",
    "variable",
]
