"""The page's section of students: lists, filters and searches of students."""

from __future__ import annotations

from typing import Any

from loadtests.bench.section import Section, at_most, item, row

LONGEST = 0.020
_HOW = """
**Students**: {students:,} in schools of {school:,}, with names of many scripts; {one} pages of 50 in one of these
schools as its own people ask for them, and {all} in all schools as a super admin does: lists in every order, filters,
searches with and without typos, each the first {edge} pages and the {edge} before the last. A page's time is the
server's: transaction, statements, opening of five sealed columns a row, JSON. The database is warm, with 1 GB of shared
buffers.
"""


def students(found: dict[str, Any]) -> Section:
    one, every = found["one"], found["all"]
    where = f"a school of {found['school']:,} among {found['students']:,} students"
    return Section(
        must=[
            row(f"list, filter and q, {where}: p99 of a page", _ms(one["p99"]), "≤ 20 ms", one["p99"] <= LONGEST),
            at_most(f"{where}: last pages of a list against the first", one["flat"], 1.5),
        ],
        figures=[
            item(f"{where}: p50 {_ms(one['p50'])}, p99 by kind: {_kinds(one)}"),
            item(
                f"all {found['students']:,} students, as a super admin: p50 {_ms(every['p50'])}, p99"
                f" {_ms(every['p99'])}; by kind: {_kinds(every)}; last pages {every['flat']:.2f} × the first"
            ),
        ],
        how=[_HOW.format(**{**found, "one": one["pages"], "all": every["pages"], "edge": 20}).strip()],
    )


def _kinds(found: dict[str, Any]) -> str:
    return ", ".join(f"{kind} {_ms(seconds)}" for kind, seconds in found["kinds"].items())


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
