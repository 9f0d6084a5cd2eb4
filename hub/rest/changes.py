"""What a PUT changes, and what the audit keeps of it."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

S = TypeVar("S", bound=msgspec.Struct)


def changed(current: S, wanted: msgspec.Struct) -> S:
    """The item with the fields of `wanted` that were sent."""
    sent = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    return msgspec.structs.replace(current, **{name: value for name, value in sent.items() if value is not UNSET})


def differing(old: msgspec.Struct | None, new: msgspec.Struct) -> dict[str, Any]:
    """The fields of `new` that `old` has not so, as JSON has them; all when there is no `old`."""
    before = {} if old is None else msgspec.to_builtins(old)
    after: dict[str, Any] = msgspec.to_builtins(new)
    return {name: value for name, value in after.items() if name not in before or before[name] != value}
