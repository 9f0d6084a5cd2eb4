"""What locust reads: `locust -f loadtests/locustfile.py --demo-json FILE [--host URL]`, or `make load`.

Its own page in a browser works too; the table and the verdict come when it ends. loadtests/load has the parts.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, NoReturn

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.load.crowd import Crowd, divide
from loadtests.load.http_reader import HttpReader
from loadtests.load.options import Options, add_options, chosen
from loadtests.load.results import crashes_of, faults_of, rows_of
from loadtests.load.rows import EVENT_DELAY, HTTP_DECISION, SOCKET_DECISION, complaints, table
from loadtests.load.screen import Screen
from loadtests.load.socket_reader import SocketReader
from loadtests.load.stage import Stage
from loadtests.load.targets import LoadError, read_targets, require_loopback

__all__ = ["HttpReader", "Screen", "SocketReader"]

STOP_SECONDS = 5.0


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    add_options(parser)


def prepare(environment: Environment, **_: Any) -> None:
    """Everything that can be wrong is found here, before anything is sent."""
    try:
        options, crowd = _prepare(environment)
    except LoadError as error:
        _give_up(error)
    print(f"{crowd}; {environment.host}", flush=True)
    wanted = {HTTP_DECISION: crowd.http_readers, SOCKET_DECISION: crowd.socket_readers, EVENT_DELAY: crowd.screens}
    expected = [name for name, users in wanted.items() if users]

    environment.events.quitting.add_listener(lambda **_: _judge(environment, options, expected))
    environment.events.test_start.add_listener(lambda **_: _look_at_the_host(environment, options))


def _prepare(environment: Environment) -> tuple[Options, Crowd]:
    assert environment.parsed_options is not None
    options = chosen(environment.parsed_options)
    targets = read_targets(options.demo_json)
    environment.host = environment.host or targets.base_url
    if environment.host is None:
        raise LoadError(f"--host URL says where to: {options.demo_json} has no baseUrl")
    require_loopback(environment.host, anywhere=options.another_host)
    crowd = divide(environment.parsed_options.num_users or 1, options.socket_readers, options.screens, targets)
    stage = Stage(options, targets)
    SocketReader.fixed_count, Screen.fixed_count = crowd.socket_readers, crowd.screens
    users = {HttpReader: crowd.http_readers, SocketReader: crowd.socket_readers, Screen: crowd.screens}
    environment.user_classes = [kind for kind, number in users.items() if number]
    for kind in (HttpReader, SocketReader, Screen):
        kind.stage = stage
    environment.stop_timeout = environment.stop_timeout or STOP_SECONDS  # what was asked is answered before the end
    return options, crowd


def _look_at_the_host(environment: Environment, options: Options) -> None:
    """Again at each start: it can be changed on locust's page."""
    try:
        require_loopback(environment.host or "", anywhere=options.another_host)
    except LoadError as error:
        _give_up(error)


def _give_up(error: LoadError) -> NoReturn:
    print(f"load: {error}", file=sys.stderr)
    sys.exit(1)


def _judge(environment: Environment, options: Options, expected: list[str]) -> None:
    """The table, and locust's exit status."""
    logging.getLogger("locust.stats_logger").disabled = True  # its own tables say the same again
    rows = rows_of(environment)
    print("\n" + table(rows))
    for fault in faults_of(environment):
        print(f"  {fault}")
    found = complaints(rows, options.limits, expected, crashes=crashes_of(environment))
    print("\n" + ("\n".join(f"FAILED  {complaint}" for complaint in found) if found else "passed"), flush=True)
    environment.process_exit_code = int(bool(found))


events.init_command_line_parser.add_listener(add_arguments)
events.init.add_listener(prepare)
