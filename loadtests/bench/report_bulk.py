"""Imports and exports, as the page has them."""

from __future__ import annotations

from statistics import median
from typing import Any

from loadtests.bench.section import Section, at_least, at_most, item, mid, ms, row

EXPORT_BYTES = 64 * 2**20


def imports(found: dict[str, Any]) -> Section:
    rounds, rows = found["rounds"], found["rows"]
    opens, memory = max(one["opens"] for one in rounds), max(one["memory"] for one in rounds) / 2**20
    rate = median(one["copy"] / one["seconds"] for one in rounds)
    scans = median(one["busy"] / one["quiet"] for one in rounds)
    return Section(
        must=[
            at_least(f"import of {rows:,} rows with passes : the same rows by COPY", rate, 0.25),
            at_most("scans' p99 during an import : before it", scans, 1.5),
            row("an import's last pass opens a door after the job's end", f"{opens:.2f} s", "≤ 1 s", opens <= 1.0),
        ],
        figures=[
            item(
                f"An import of {rows:,} students with passes takes {mid(rounds, 'seconds'):.1f} s from the upload to"
                f" the job's end, COPY of the same rows {mid(rounds, 'copy'):.1f} s. The jobs process grows by"
                f" {memory:.0f} MiB at most."
            )
        ],
        how=[
            item(
                "Import: a CSV of all fields is uploaded, and the job is asked for until it has ended; each row is"
                " held against the rules, sealed, inserted, and given a pass that is signed. COPY: the rows that came"
                " of it are taken out, deleted, and put back into the same tables with all their indexes and"
                " triggers. Meanwhile 200 scans a second at the same hub, which shares its core with the job."
            )
        ],
    )


def exports(found: dict[str, Any]) -> Section:
    most = max(found[form]["memory"] for form in ("csv", "xlsx"))
    times = ", ".join(
        f"{form.upper()} in {found[form]['seconds']:.0f} s ({found[form]['bytes'] / 2**20:.0f} MiB)"
        for form in ("csv", "xlsx")
    )
    return Section(
        must=[
            row(
                f"export of {found['rows']:,} students: memory above idle",
                f"{most / 2**20:.0f} MiB",
                "≤ 64 MiB",
                most <= EXPORT_BYTES,
            )
        ],
        figures=[item(f"An export of {found['rows']:,} students: {times}.")],
        how=[item("Export: read to its end over HTTP, the worker's resident memory looked at every 20 ms.")],
    )


def uploads(found: dict[str, Any]) -> Section:
    rounds, photos = found["rounds"], found["photos"]
    scans = median(one["busy"] / one["quiet"] for one in rounds)
    return Section(
        must=[at_most(f"scans' p99 during {photos} uploads at once : before them", scans, 1.3)],
        figures=[
            item(
                f"{photos} photos of {found['bytes'] / 2**20:.1f} MiB, uploaded at once, are all kept, in two sizes,"
                f" after {mid(rounds, 'seconds'):.1f} s; scans' p99 meanwhile {ms(rounds, 'busy')}, before"
                f" {ms(rounds, 'quiet')}."
            )
        ],
        how=[
            item(
                "Uploads: photos of 1600 × 1600 pixels from as many connections at once, kept in a directory,"
                " encrypted; the process that decodes them shares the hub's core with the worker that answers 200"
                " scans a second."
            )
        ],
    )
