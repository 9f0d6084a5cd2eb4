"""Which files of tests take longest, so that they begin first: two processes end together only when what is left at the
end is small. Seconds of one core, roughly; what is not here takes a few at most. Files in one process still run whole.
"""

from __future__ import annotations

SECONDS = {
    "tests/conformance/test_openapi.py": 150,
    "tests/acceptance/test_live.py": 130,
    "tests/acceptance/test_journal_faults.py": 110,
    "tests/acceptance/test_demo.py": 90,
    "tests/conformance/test_rights.py": 60,
    "tests/acceptance/test_feed_cut.py": 55,
    "tests/acceptance/test_kill.py": 60,
    "tests/acceptance/test_supervisor.py": 60,
    "tests/acceptance/test_load.py": 50,
    "tests/acceptance/test_identity.py": 45,
    "tests/acceptance/test_audit.py": 35,
    "tests/acceptance/test_outage.py": 35,
    "tests/browser/test_page.py": 45,
    "tests/browser/test_admin.py": 45,
    "tests/browser/test_program.py": 40,
    "tests/browser/test_axe.py": 40,
    "tests/browser/test_cuts.py": 30,
    "tests/integration/test_triggers.py": 30,
    "tests/integration/test_feed_import.py": 30,
    "tests/integration/test_fuzz.py": 30,
    "tests/conformance/test_walk.py": 30,
    "tests/acceptance/test_durability.py": 30,
    "tests/integration/test_embedded.py": 30,
}


def heaviest_first(files: list[str]) -> list[int]:
    """The places of the items, which are given by their files, in the order in which they should run."""
    first = {file: place for place, file in reversed(list(enumerate(files)))}
    return sorted(range(len(files)), key=lambda place: (-SECONDS.get(files[place], 0), first[files[place]]))
