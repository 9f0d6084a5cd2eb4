r"""What names and longer texts may be made of: any script, but nothing that steers a screen, a terminal or a log.

Refused are control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of all that
follows, with which a name can be made to look like another. Marks that scripts are written with (joiners, LRM, RLM)
stay. The patterns are read by Python and, out of OpenAPI, by ECMAScript.
"""

from __future__ import annotations

import re
from functools import cache

_TURNS = r"\u202a-\u202e\u2066-\u2069"
_NO_LINE = rf"\x00-\x1f\x7f-\x9f\u2028\u2029{_TURNS}"
_NO_TEXT = rf"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_TURNS}"

#: One line, which may be empty; one that says something; text of several lines, and one that says something.
LINE = f"^[^{_NO_LINE}]*$"
NAME = f"^[^{_NO_LINE}]*[^{_NO_LINE} ][^{_NO_LINE}]*$"
TEXT = f"^[^{_NO_TEXT}]*$"
WRITTEN = f"^[^{_NO_TEXT}]*[^{_NO_TEXT} \\t\\n\\r][^{_NO_TEXT}]*$"

LINE_FAULT = "must be one line without control characters"
NAME_FAULT = "must say something, on one line without control characters"
TEXT_FAULT = "must be without control characters"
WRITTEN_FAULT = "must say something, without control characters"


def matches(pattern: str, text: str) -> bool:
    """As ECMAScript reads it, where `$` is the end and nothing may follow: Python lets a line break stand behind it."""
    return _strict(pattern).search(text) is not None


@cache
def _strict(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)
