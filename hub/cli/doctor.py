"""`passhub doctor`: what is right, what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from hub.supervisor.doctor import Finding, Report

WORDS = {"right": "ok", "warning": "warning", "fault": "FAULT", "skipped": "-"}
STYLES = {"right": "green", "warning": "yellow", "fault": "bold red", "skipped": "dim"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON document.")] = False,
    host: Annotated[str | None, typer.Option(help="As for serve (HUB_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="As for serve (HUB_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(help="As for serve (HUB_WORKERS).")] = None,
    journal_dir: Annotated[Path | None, typer.Option(help="As for serve (HUB_JOURNAL_DIR).")] = None,
) -> None:
    """Check every part that the settings name, and say what to do about each fault. Changes nothing.

    Exit status 0 when there is no fault (warnings may be), else 1. Run it as the user and on the host of the hub.
    """
    from hub.supervisor.doctor import examine

    report = asyncio.run(examine(host=host, port=port, workers=workers, journal_dir=journal_dir))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report, Console(highlight=False))
    if not report.ok:
        raise typer.Exit(1)


def show(report: Report, console: Console) -> None:
    """A table with colours on a terminal, else one line a finding, to be searched and mailed."""
    if console.is_terminal:
        console.print(Group(_table(report.findings), Text(), _summary(report)))
        return
    for finding in report.findings:
        do = f" -> {finding.do}" if finding.do else ""
        print(f"{WORDS[finding.level]:8} {finding.part:11} {finding.check:14} {finding.says}{do}")
    print(_summary(report).plain)


def _table(findings: list[Finding]) -> Table:
    """The part is named once; what to do stands below what is wrong."""
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    part = ""
    for finding in findings:
        style = STYLES[finding.level]
        quiet = "dim" if finding.level == "skipped" else ""
        said = Text(finding.says, style=quiet)
        if finding.do:
            said = Text.assemble((finding.says, style), "\n", ("→ ", "bold"), (finding.do, "bold"))
        name = Text(finding.part if finding.part != part else "", style="bold cyan")
        table.add_row(name, Text(WORDS[finding.level], style=style), Text(finding.check, style=quiet), said)
        part = finding.part
    return table


def _summary(report: Report) -> Text:
    counts = f"{_count(report.faults, 'fault')}, {_count(report.warnings, 'warning')}"
    skipped = sum(finding.level == "skipped" for finding in report.findings)
    right = len(report.findings) - report.faults - report.warnings - skipped
    text = f"{counts}; {right} right{f', {skipped} not checked' if skipped else ''} ({report.seconds:.1f} s)"
    first = next((finding for finding in report.findings if finding.level == "fault"), None)
    if first is not None:
        text += f". Begin with the first: {first.part}, {first.check}."
    return Text(text, style="bold red" if report.faults else "bold yellow" if report.warnings else "bold green")


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
