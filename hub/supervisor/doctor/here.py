"""The hub of this journal directory, if one runs: who it is, from supervisor.json, and how it says it is."""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from hub.config import Settings
from hub.supervisor.doctor.findings import Notes, many, some
from hub.supervisor.run import STATE_FILE

ANSWER_SECONDS = 1.5
#: Each connection meets any worker: with so many, hardly ever one is not met.
QUESTIONS_A_WORKER, MOST_AT_ONCE, MOST_ROUNDS = 8, 32, 16
#: Of those in which a question went unanswered, which takes ANSWER_SECONDS.
MOST_ROUNDS_OF_FAILURES = 2
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class State(msgspec.Struct):
    """supervisor.json."""

    supervisor: int
    host: str
    port: int
    recorder: int | None = None
    workers: list[int] = []
    jobs: int | None = None


class RunningHub(msgspec.Struct):
    """`answers`: process → its /health, of the workers that answered."""

    state: State
    answers: dict[str, dict[str, Any]] = {}

    def journal(self) -> dict[str, Any]:
        """What a worker knows of the recorder's journal: `waiting` scans, `bytes`, `oldestSeconds`."""
        for answer in self.answers.values():
            part: dict[str, Any] = answer.get("parts", {}).get("journal", {})
            return part
        return {}


def find(settings: Settings) -> RunningHub | None:
    """Blocks for a moment. None when no hub runs on this journal directory, or who does cannot be read."""
    try:
        state = msgspec.json.decode((settings.journal_dir / STATE_FILE).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None
    if not serves(state.supervisor):
        return None
    return RunningHub(state, ask(settings, state.host, state.port, len(state.workers)))


def serves(pid: int) -> bool:
    """Whether the process lives, and is a supervisor: a number may belong to something else by now."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    with suppress(OSError):
        return b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


def ask(settings: Settings, host: str, port: int, workers: int) -> dict[str, dict[str, Any]]:
    """/health of the workers that answer, by their names; asked until all have. One that hangs hides no other."""
    answers: dict[str, dict[str, Any]] = {}
    failures = 0
    for _ in range(MOST_ROUNDS):
        said = _ask_at_once(settings, host, port, min(MOST_AT_ONCE, QUESTIONS_A_WORKER * max(1, workers)))
        answers |= {str(body["process"]): body for body in said if body is not None}
        failures += None in said
        if not answers or len(answers) >= workers or failures == MOST_ROUNDS_OF_FAILURES:
            break
    return answers


def _ask_at_once(settings: Settings, host: str, port: int, times: int) -> list[dict[str, Any] | None]:
    """In threads that nobody waits for at the end: asking for a name may take a minute."""
    said: SimpleQueue[dict[str, Any] | None] = SimpleQueue()

    def run() -> None:
        body = None
        try:
            body = _health(settings, host, port)
        finally:
            said.put(body)

    for _ in range(times):
        threading.Thread(target=run, name="doctor", daemon=True).start()
    return [said.get() for _ in range(times)]


def _health(settings: Settings, host: str, port: int) -> dict[str, Any] | None:
    """None when nobody answers, or not as a hub does."""
    with suppress(OSError, HTTPException, ValueError, msgspec.MsgspecError):
        with closing(_connection(settings, EVERYWHERE.get(host, host), port)) as connection:
            connection.request("GET", "/health")
            body = msgspec.json.decode(connection.getresponse().read(65_536), type=dict[str, Any])
        if "status" in body and "process" in body and "version" in body:
            return body
    return None


def _connection(settings: Settings, host: str, port: int) -> HTTPConnection:
    """With TLS where the hub speaks it. To oneself: whose certificate it is does not matter."""
    if settings.tls_cert is None:
        return HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=context)


def judge(settings: Settings, hub: RunningHub, notes: Notes) -> None:
    """What the workers say of themselves; the worst of them counts, and one that says nothing."""
    state = hub.state
    workers = max(settings.workers, len(state.workers))
    who = f"the hub of this journal runs (process {state.supervisor}, {many(len(state.workers), 'worker')})"
    if not hub.answers:
        notes.fault("health", f"{who} and does not answer on port {state.port}", "see its log; SIGTERM, start it again")
        return
    statuses = {str(answer["status"]) for answer in hub.answers.values()}
    troubles = sorted({trouble for answer in hub.answers.values() for trouble in _troubles(answer)})
    facts = {"answered": sorted(hub.answers), "troubles": troubles}
    if "unhealthy" in statuses:
        says = f"{who}, doors are denied: {some(troubles, 3)}"
        notes.fault("health", says, "see the faults above, and its log", **facts)
    elif len(hub.answers) < workers:
        says = f"{who}; {len(hub.answers)} of {many(workers, 'worker')} answered: {some(sorted(hub.answers))}"
        notes.warn("health", says, "see its log for the others; SIGHUP replaces the workers", **facts)
    elif "degraded" in statuses:
        says = f"{who}, degraded: {some(troubles, 3)}"
        notes.warn("health", says, "doors are answered; see the faults above", **facts)
    else:
        notes.right("health", f"{who} and is healthy", **facts)


def _troubles(answer: dict[str, Any]) -> list[str]:
    parts: dict[str, dict[str, Any]] = answer.get("parts", {})
    return [
        f"{name}: {part.get('why', part.get('status'))}"
        for name, part in parts.items()
        if part.get("status") not in {"ok", "off"}
    ]
