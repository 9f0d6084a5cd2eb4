"""`passhub reader`: a real reader, for a computer with a USB scanner at a door."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from hub.errors import StartError

REFUSED = 2  # exit status for a device key that the hub does not take


def reader(
    url: Annotated[str, typer.Option(help="The hub: wss://host, ws://host:port, http(s)://… or a bare host.")],
    key: Annotated[str | None, typer.Option(help="The device key; - asks for it, without showing it.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="A file whose first line is the device key.")] = None,
    direction: Annotated[
        Literal["entry", "exit"] | None, typer.Option(help="Which way people go, where the door serves both.")
    ] = None,
    record: Annotated[bool, typer.Option(help="Whether the scans are kept in the access log.")] = True,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 5.0,
    encoding: Annotated[Literal["msgpack", "json"], typer.Option(help="How frames are written.")] = "msgpack",
) -> None:
    """Scan codes from standard input, one a line (a USB scanner types them), and show the hub's answers.

    Answers go to standard output, notices about the connection and the scanner to standard error.
    Exit status: 0 at the end of input, 1 for a fault, 2 when the hub refuses the device key.
    """
    from hub.cli.reader_desk import Options, attend
    from hub.reader import RefusedKey

    options = Options(url, _device_key(key, key_file), direction, record, timeout, encoding)
    try:
        asyncio.run(attend(options))
    except RefusedKey as fault:
        print(f"passhub: {fault}", file=sys.stderr)
        raise typer.Exit(REFUSED) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Whoever read the answers has gone; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def _device_key(key: str | None, key_file: Path | None) -> str:
    if (key is None) == (key_file is None):
        raise StartError("give the device key with --key or --key-file (--key - asks for it)")
    if key_file is not None:
        try:
            lines = key_file.read_text("ascii").split("\n", 1)
        except (OSError, ValueError) as error:
            raise StartError(f"cannot read the device key from {key_file}: {error}") from None
        key = lines[0]
    elif key == "-":
        key = typer.prompt("device key", hide_input=True, err=True)
    return str(key).strip()
