"""The process that draws badges: `python -m hub.issuing.badges.press [FONTS]`, a child of a worker or of the jobs
process. FONTS: a directory of more.

A code's pattern takes some milliseconds of Python, so many presses make them side by side; pages are set from
patterns by one of them. All of it is another process's time, at a low priority.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hub.control.framing import answer_each
from hub.issuing.badges import fonts
from hub.issuing.badges.badge import Badge, Done, Task
from hub.issuing.badges.face import packed
from hub.issuing.badges.sheets import pages
from hub.issuing.drawing import pattern_of

NICENESS = 15


def perform(task: Task) -> Done:
    """In this very process."""
    if task.layout is not None:
        return Done(pdf=pages(task.badges, task.layout))
    return Done([packed(pattern_of(badge.code, "M")) for badge in task.badges], [_missing(b) for b in task.badges])


def _missing(badge: Badge) -> str:
    return "".join(dict.fromkeys("".join(fonts.missing(text) for text in badge.texts)))


def main() -> None:
    """Until standard input ends."""
    os.nice(NICENESS)
    fonts.look_into(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    answer_each(Task, perform)


if __name__ == "__main__":
    main()
