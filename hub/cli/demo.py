"""`passhub demo`: everything on one machine, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, show_default="8080, or HUB_PORT", help="Port to listen on.")
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(help="Where everything is kept; a second start on it carries on with the same data.")
    ] = Path("passhub-demo"),
    students: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Students in all, over two schools; counts on the first start.")
    ] = 2_000,
    readers: Annotated[int, typer.Option(min=0, help="Simulated readers, at most one a door; 0: no traffic.")] = 8,
    rate: Annotated[float, typer.Option(min=0, max=20_000, help="Scans a second, in the mean of a day.")] = 20.0,
    duration: Annotated[
        float | None, typer.Option(min=0, help="Stop after so many seconds; without it, on Ctrl-C.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=128, show_default="2, or HUB_WORKERS", help="Worker processes.")
    ] = None,
) -> None:
    """Run everything with two made-up schools: PostgreSQL, Valkey, the hub, and readers with people in front of them.

    It needs nothing but the directory, which also works where HOME is not set. A simulated day takes ten minutes:
    a rush in the morning, quiet lessons, lunch, and the way home.
    """
    from hub.demo.run import Options, run

    run(Options(data_dir, port, students, readers, rate, duration, workers))
