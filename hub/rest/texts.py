"""The texts that people give to things, as types of a Struct's fields; each adds its own `Meta(max_length=…)`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from hub.domain.text import LINE, LINE_FAULT, NAME, NAME_FAULT, TEXT, TEXT_FAULT, WRITTEN, WRITTEN_FAULT

#: A role, a door, a person, a school are called so.
Named = Annotated[str, Meta(min_length=1, pattern=NAME, extra={"fault": NAME_FAULT})]
#: What stands beside a name; may be empty.
Line = Annotated[str, Meta(pattern=LINE, extra={"fault": LINE_FAULT})]
#: What may have several lines, and may be empty; and what has to say something.
Text = Annotated[str, Meta(pattern=TEXT, extra={"fault": TEXT_FAULT})]
Written = Annotated[str, Meta(min_length=1, pattern=WRITTEN, extra={"fault": WRITTEN_FAULT})]
