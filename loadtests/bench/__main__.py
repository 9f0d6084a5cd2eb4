"""`make bench`: everything that docs/benchmarks.md says, measured in one run and written there.

    python -m loadtests.bench [--passes 1000000] [--rounds 5] [--seconds 3] [--out FILE] [--only fan_out,soon]

Every hub process (recorder too) runs on one core; the clients, PostgreSQL and Valkey on the other. Each figure is taken
in turn with its limit or its peer, round by round, and the ratio is the median of the rounds' ratios. `--only` prints
what some measures found, and writes no page unless `--out` names one. A run takes an hour and more: what it has found
is kept as it goes, and `--go-on` measures what the last one of this commit did not come to.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from loadtests.bench import bulk, card, console, fan_out, live, peers, people, qr, report, revocation, scans, uploads
from loadtests.bench.world import CLIENT_CORE, SERVER_CORE, World, pin, world

PAGE = Path("docs/benchmarks.md")
KEPT = Path(".venv/bench.pickle")
HUB_PORT, BARE_PORT, ECHO_PORT, PAIR_PORT = 19_103, 19_101, 19_102, 19_104
PEER_PORT, BARE_POOL_PORT = 19_109, 19_110
REST_SECONDS = 2.0
TRIALS = 200


def _rates(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {"bare": [], "http": [], "echo": [], "socket": []}
    with (
        scans.limit("http", BARE_PORT) as bare,
        scans.limit("echo", ECHO_PORT) as echo,
        place.serving(HUB_PORT) as hub,
    ):
        own = [int(str(hub["supervisor"]))]
        http, socket = scans.http_client(place.passes), scans.socket_client(place.passes, echo=False)
        back = scans.socket_client(place.passes, echo=True)
        for number in range(rounds):
            found["bare"].append(scans.run(http, BARE_PORT, scans.HTTP_CONNECTIONS, [bare], seconds))
            found["http"].append(scans.run(http, HUB_PORT, scans.HTTP_CONNECTIONS, own, seconds))
            time.sleep(REST_SECONDS)
            found["echo"].append(scans.run(back, ECHO_PORT, scans.READERS, [echo], seconds))
            found["socket"].append(scans.run(socket, HUB_PORT, scans.READERS, own, seconds))
            time.sleep(REST_SECONDS)
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['rate']:,.0f}/s" for k, v in found.items()))
    return found


def _verify(place: World, rounds: int, seconds: float) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {"fastapi": [], "bare_pool": [], "http": [], "apart": []}
    http = scans.http_client(place.passes)
    with (
        peers.fastapi(PEER_PORT, place.url) as peer,
        peers.fastapi(BARE_POOL_PORT, place.url, "--bare-pool") as bare_pool,
        place.serving(HUB_PORT) as hub,
    ):
        own = [int(str(hub["supervisor"]))]
        for number in range(rounds):
            found["fastapi"].append(scans.run(http, PEER_PORT, scans.HTTP_CONNECTIONS, [peer], seconds))
            found["bare_pool"].append(scans.run(http, BARE_POOL_PORT, scans.HTTP_CONNECTIONS, [bare_pool], seconds))
            found["http"].append(scans.run(http, HUB_PORT, scans.HTTP_CONNECTIONS, own, seconds))
            # The peer's store, PostgreSQL, is on the clients' core: here the hub's is too.
            pin(CLIENT_CORE, int(str(hub["recorder"])))
            found["apart"].append(scans.run(http, HUB_PORT, scans.HTTP_CONNECTIONS, own, seconds))
            pin(SERVER_CORE, int(str(hub["recorder"])))
            time.sleep(REST_SECONDS)
            print(f"  round {number + 1}: " + ", ".join(f"{k} {v[-1]['rate']:,.0f}/s" for k, v in found.items()))
    return {**found, "versions": peers.versions()}


def _inside(what: str, url: str, number: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "loadtests.bench.inside", what, url, str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _apart(module: str, *arguments: object) -> dict[str, Any]:
    """What a measure that is a program of its own prints."""
    command = [sys.executable, "-m", f"loadtests.bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _revocation(place: World, workers: int) -> dict[str, Any]:
    with place.serving(PAIR_PORT, workers=workers):
        found = uvloop.run(revocation.measure(place.url, PAIR_PORT, workers, place.passes, TRIALS))
    denied, notify = sorted(found["denied"]), sorted(found["notify"])
    return {
        "denied_p50": median(denied),
        "denied_p99": denied[int(len(denied) * 0.99) - 1],
        "notify_p50": median(notify),
        "notify_p99": notify[int(len(notify) * 0.99) - 1],
        "trials": len(denied),
        "workers": workers,
    }


def _measures(place: World, options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    rounds, seconds = options.rounds, options.seconds
    return {
        "index": lambda: _inside("index", place.url, options.passes),
        "decision": lambda: _inside("decision", place.url, options.passes),
        "rates": lambda: _rates(place, rounds, seconds),
        "verify": lambda: _verify(place, rounds, seconds),
        "revocation": lambda: _revocation(place, 2),
        "drain": lambda: _inside("drain", place.url, options.scans),
        "fan_out": lambda: fan_out.measure(place, rounds, seconds),
        "soon": lambda: live.soon(place, rounds, seconds),
        "cost": lambda: live.cost(place, rounds, seconds),
        "resume": lambda: live.resume(place, rounds),
        "shell": lambda: people.shell(place, rounds, seconds),
        "flood": lambda: people.flood(place, rounds, seconds),
        "qr": lambda: qr.measure(rounds, seconds),
        "imports": lambda: bulk.imports(place, options.imported, min(rounds, 3)),
        "exports": lambda: bulk.exports(place),
        "card": lambda: card.measure(place, rounds, seconds),
        "uploads": lambda: uploads.uploads(place, min(rounds, 3)),
        "students": lambda: _apart("students", place.url, options.students),
        "analytics": lambda: _apart("analytics", place.url, options.logged),
        "badges": lambda: _apart("badges", options.badges),
        "frames": lambda: console.measure(place, "frames", min(rounds, 3), options.watched),
        "heap": lambda: console.measure(place, "heap"),
        "paint": lambda: console.measure(place, "paint"),
        "guard": lambda: _apart("guard_tasks"),
    }


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _kept(fresh: dict[str, Any]) -> dict[str, Any]:
    """What a run that was stopped has found on this commit, asked for the same; else nothing but `fresh`."""
    if not KEPT.exists():
        return fresh
    found: dict[str, Any] = pickle.loads(KEPT.read_bytes())  # noqa: S301 - our own file
    return found if all(found.get(name) == value for name, value in fresh.items()) else fresh


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--passes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--scans", type=int, default=100_000, help="scans that the drain is measured with")
    parser.add_argument("--imported", type=int, default=100_000, help="students that are imported")
    parser.add_argument("--students", type=int, default=1_000_000, help="students that are listed and searched")
    parser.add_argument("--logged", type=int, default=10_000_000, help="scans of the log whose numbers are asked for")
    parser.add_argument("--badges", type=int, default=1_000, help="badges that are printed")
    parser.add_argument("--watched", type=float, default=100.0, help="seconds that the console's frames are watched")
    parser.add_argument("--out", type=Path, help=f"the page; {PAGE} where everything is measured")
    parser.add_argument("--only", help="measures, with commas between them")
    parser.add_argument("--go-on", action="store_true", help="with what a run that was stopped has found")
    options = parser.parse_args()
    asked = {name: value for name, value in vars(options).items() if name not in {"out", "only", "go_on"}}
    print(f"filling a database with {options.passes:,} passes …", flush=True)
    with world(options.passes) as place:
        results: dict[str, Any] = {"passes": options.passes, "commit": _commit(), "asked": asked}
        if options.go_on:
            results = _kept(results)
        failed: list[str] = []
        measures = _measures(place, options)
        for name in options.only.split(",") if options.only else measures:
            if name in results:
                continue
            print(f"{name} …", flush=True)
            try:
                results[name] = measures[name]()
            except Exception:  # noqa: BLE001 - the others took half an hour
                traceback.print_exc()
                failed.append(name)
            if options.go_on or not options.only:
                KEPT.write_bytes(pickle.dumps(results))
    text = report.write(results)
    out = options.out or (None if options.only else PAGE)
    if out is not None:
        out.write_text(text)
    print(text)
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
