"""The options that this load adds to locust's own. Each is a LOCUST_… variable too."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from locust.argument_parser import LocustArgumentParser

from loadtests.load.rows import Limits
from loadtests.load.targets import LoadError


@dataclass(frozen=True, slots=True)
class Options:
    """Rates in scans a second of one reader; see the help of each in add_options()."""

    demo_json: Path
    another_host: bool
    socket_readers: int | None
    screens: int | None
    http_rate: float
    socket_rate: float
    burst: int
    in_flight: int
    denied_share: float
    limits: Limits


def add_options(parser: LocustArgumentParser) -> None:
    """For locust's init_command_line_parser."""
    add = parser.add_argument_group("passhub").add_argument
    file = "file of the form of demo.json: whom to play (its baseUrl is the default --host)"
    add("--demo-json", metavar="FILE", env_var="LOCUST_DEMO_JSON", help=file)
    loopback = "load a server that is not on this machine; its clock must agree with this one's"
    add("--another-host", action="store_true", env_var="LOCUST_ANOTHER_HOST", help=loopback)
    kind = {"type": _whole, "metavar": "N"}
    add("--socket-readers", **kind, env_var="LOCUST_SOCKET_READERS", help="of the users; default 0.3 of them")
    add("--screens", **kind, env_var="LOCUST_SCREENS", help="of the users; default 0.2 of them")
    rate = {"type": _positive, "metavar": "R"}
    add("--http-rate", **rate, default=4.0, env_var="LOCUST_HTTP_RATE", help="scans a second of a reader on HTTP: 4")
    add("--socket-rate", **rate, default=8.0, env_var="LOCUST_SOCKET_RATE", help="the same on WebSocket: 8")
    add("--burst", **kind, default=4, env_var="LOCUST_BURST", help="scans that a WebSocket reader sends at once: 4")
    flight = "scans of a WebSocket reader that may wait for their answer: 32, or what the hub allows"
    add("--in-flight", **kind, default=32, env_var="LOCUST_IN_FLIGHT", help=flight)
    denied = "part of the scans that must be denied: 0.1"
    add("--denied-share", type=_share, metavar="S", default=0.1, env_var="LOCUST_DENIED_SHARE", help=denied)
    bound = {"type": _positive, "metavar": "MS"}
    slow = "fail when the p99 of decisions is above this: 250"
    add("--decision-p99", **bound, default=250.0, env_var="LOCUST_DECISION_P99", help=slow)
    late = "fail when the p99 of scan → screen is above this: 500"
    add("--event-p99", **bound, default=500.0, env_var="LOCUST_EVENT_P99", help=late)
    add("--failures", **kind, default=0, env_var="LOCUST_FAILURES", help="fail when there are more failures: 0")


def chosen(found: argparse.Namespace) -> Options:
    """What was set. Raises LoadError where something is missing, or cannot be had."""
    if not found.demo_json:
        raise LoadError("--demo-json FILE says whom to play: a demo's demo.json, or a file of that form")
    if getattr(found, "master", False) or getattr(found, "worker", False) or getattr(found, "processes", None):
        raise LoadError(
            "one process only: the doors of a file are dealt out inside it. Start another with another file"
        )
    if not 1 <= found.burst <= found.in_flight:
        raise LoadError("--burst is at least 1, and no more than --in-flight")
    return Options(
        demo_json=Path(found.demo_json),
        another_host=found.another_host,
        socket_readers=found.socket_readers,
        screens=found.screens,
        http_rate=found.http_rate,
        socket_rate=found.socket_rate,
        burst=found.burst,
        in_flight=found.in_flight,
        denied_share=found.denied_share,
        limits=Limits(found.decision_p99, found.event_p99, found.failures),
    )


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
