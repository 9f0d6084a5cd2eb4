"""The port that the workers are to listen on: free, or held by our own hub, or by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hub.config import Settings
from hub.errors import StartError
from hub.supervisor.doctor import here
from hub.supervisor.doctor.findings import Notes, some
from hub.supervisor.sockets import open_sockets

LISTENING = "0A"
LOOPBACK = ("127.", "::1", "localhost")


def examine(settings: Settings, hub: here.RunningHub | None, notes: Notes) -> None:
    """Blocks for up to some seconds where the port is taken: a start waits for the last of a killed hub too."""
    if hub is not None:
        here.judge(settings, hub, notes)
    where = f"{settings.host}:{settings.port}"
    if hub is not None and hub.state.port == settings.port:
        notes.right("port", f"{where} is held by that hub", port=settings.port)
        return
    try:
        for sock in open_sockets(settings.host, settings.port, 1):
            sock.close()
    except StartError as error:
        _taken(settings, where, str(error), notes)
        return
    reach = "; programs on this host alone reach it" if settings.host.startswith(LOOPBACK) else ""
    notes.right("port", f"{where} is free{reach}", port=settings.port)


def _taken(settings: Settings, where: str, why: str, notes: Notes) -> None:
    says, _, do = why.partition("; ")
    do = do or "set HUB_HOST and HUB_PORT to what this host can listen on"
    if "in use" in says:
        holders = [f"{program} (process {pid})" for pid, program in listeners(settings.port)]
        answers = here.ask(settings, settings.host, settings.port, 1)
        who = f", by {some(holders, 3)}" if holders else ""
        if answers:
            says = f"{where} is held by a passhub with another journal than HUB_JOURNAL_DIR{who}"
        else:
            says = f"{says}{who}"
    notes.fault("port", says, do, port=settings.port)


def listeners(port: int) -> list[tuple[int, str]]:
    """(process id, program) of who listens on a TCP port, as far as this user may see."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _inodes(Path(f"/proc/net/{table}"), port)}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if _has_socket(process, inodes):
            try:
                name = (process / "comm").read_text("utf-8", "replace").strip()
            except OSError:
                name = "a program"
            found.append((int(process.name), name))
    return sorted(found)


def _inodes(table: Path, port: int) -> Iterator[str]:
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]


def _has_socket(process: Path, inodes: set[str]) -> bool:
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return False
    for link in links:
        with suppress(OSError):  # closed meanwhile
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
            if found is not None and found[1] in inodes:
                return True
    return False
