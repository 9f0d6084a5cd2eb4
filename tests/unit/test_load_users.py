"""The bookkeeping of the load's users: scans that wait, waits between connections, packets, and what a screen saw."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from loadtests.load.book import Book
from loadtests.load.comeback import Comeback
from loadtests.load.kept import Kept
from loadtests.load.packets import (
    BadPacket,
    Ended,
    Event,
    Joined,
    Nothing,
    Opened,
    Packet,
    Ping,
    Refused,
    join,
    parse,
)
from loadtests.load.scan import Scan, fault_of, new_scan
from loadtests.load.targets import Code, Door
from loadtests.load.watching import BadEvents, Watch

GRANTED, EXPIRED, REFUSED = Code("g", "granted"), Code("e", "denied", "expired_pass"), Code("r", "denied")
NOW = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC).timestamp()


class Middle(random.Random):
    """The middle of what is asked for."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def scans(number: int) -> list[Scan]:
    return [Scan(f"s{n}", GRANTED, float(n)) for n in range(number)]


def test_an_answer_strikes_off_its_scan_once() -> None:
    book = Book(4)
    (scan,) = scans(1)
    book.sent(scan)
    assert (len(book), book.room) == (1, 3)
    assert book.answered("s0") is scan
    assert book.answered("s0") is None
    assert book.answered(None) is None
    assert len(book) == 0


def test_the_smaller_limit_counts() -> None:
    book = Book(4)
    book.hear_limit(64)
    assert book.room == 4
    book.hear_limit(2)
    assert book.room == 2


def test_a_scan_that_was_put_off_is_sent_again_when_there_is_room() -> None:
    book = Book(2)
    first, second = scans(2)
    book.sent(first)
    book.sent(second)
    assert book.put_off("s1")
    assert not book.put_off("s1")
    assert book.room == 0
    assert book.next_put_off() is second
    assert book.next_put_off() is None
    assert book.put_off("s1")
    book.hear_limit(1)
    assert book.next_put_off() is None
    book.answered("s0")
    assert book.next_put_off() is second
    assert len(book) == 1


def test_after_a_cut_everything_is_sent_again_in_the_old_order_within_the_limit() -> None:
    book = Book(3)
    waiting = scans(3)
    for scan in waiting:
        book.sent(scan)
    book.answered("s1")
    assert [scan.scan_id for scan in book.again()] == ["s0", "s2"]
    book.hear_limit(1)
    assert [scan.scan_id for scan in book.again()] == ["s0"]
    assert len(book) == 2
    book.answered("s0")
    assert book.next_put_off() is waiting[2]


def test_an_answer_has_to_be_what_the_file_promises() -> None:
    def fault(code: Code, **answer: Any) -> str | None:
        found = fault_of(Scan("s", code, 0.0), {"scanId": "s", "reason": None} | answer)
        return None if found is None else str(found)

    assert fault(GRANTED, decision="granted") is None
    assert fault(EXPIRED, decision="denied", reason="expired_pass") is None
    assert fault(REFUSED, decision="denied", reason="anything") is None
    assert fault(GRANTED, decision="granted", scanId="t") == "an answer with another scanId"
    assert fault(GRANTED, decision="denied", reason="stale_index") == "granted expected, got denied stale_index"
    assert fault(EXPIRED, decision="denied", reason="unknown_pass") == (
        "denied expired_pass expected, got denied unknown_pass"
    )
    assert fault(EXPIRED, decision="granted") == "denied expired_pass expected, got granted"


def test_scans_are_new_and_mixed_as_asked() -> None:
    door = Door("d", "A", "k", (GRANTED,), (EXPIRED,))
    chance = random.Random(1)
    assert {new_scan(door, 0.0, 1.0, chance).code for _ in range(20)} == {GRANTED}
    assert {new_scan(door, 1.0, 1.0, chance).code for _ in range(20)} == {EXPIRED}
    assert {new_scan(Door("d", "A", "k", (GRANTED,), ()), 1.0, 1.0, chance).code for _ in range(20)} == {GRANTED}
    assert len({new_scan(door, 0.5, 1.0, chance).scan_id for _ in range(20)}) == 20


def test_waits_grow_to_their_bound_and_begin_anew() -> None:
    comeback = Comeback(Middle())
    waits = [comeback.after_close(1006) for _ in range(8)]
    assert waits == [0.75 * wait for wait in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0)]
    comeback.settled()
    assert comeback.after_close(None) == 0.75 * 0.25


def test_each_code_and_status_has_its_wait() -> None:
    first = 0.75 * 0.25
    for code, wait in {1000: first, 1001: first, 4003: first, 1002: 60, 1007: 60, 1008: 60, 1009: 60}.items():
        assert Comeback(Middle()).after_close(code) == wait
    for code in (4001, 4002):
        assert Comeback(Middle()).after_close(code) == 300
    for status, wait in {401: 300, 400: 60, 404: 60, 405: 60, 503: first, 502: first, None: first}.items():
        assert Comeback(Middle()).after_refusal(status) == wait


def test_a_restart_is_waited_out_shortly_and_only_once() -> None:
    comeback = Comeback(Middle())
    assert [comeback.after_close(1012) for _ in range(3)] == [0.25, 0.75 * 0.25, 0.75 * 0.5]


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ('0{"sid":"a","pingInterval":25000,"pingTimeout":20000}', Opened()),
        ("2", Ping()),
        ("6", Nothing()),
        ("1", Ended()),
        ('40/live,{"sid":"b"}', Joined()),
        ('44/live,{"message":"no such token"}', Refused("no such token")),
        (
            '44/live,{"message":"it has expired","data":{"code":"unauthorized"}}',
            Refused("it has expired", "unauthorized"),
        ),
        ('44/live,{"message":"m","data":"code"}', Refused("m")),
        ("41/live,", Ended()),
        ('42/live,["events",{"cursor":"c","events":[]}]', Event("events", {"cursor": "c", "events": []})),
        ('42/live,["reset"]', Event("reset", None)),
    ],
)
def test_packets(text: str, packet: Packet) -> None:
    assert parse(text) == packet


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9",
        "4",
        "42",
        '42["events",{}]',
        "42/live,",
        "42/live,{",
        "42/live,[]",
        "42/live,[1]",
        "44/live,x",
        "45/live,",
    ],
)
def test_what_is_no_packet(text: str) -> None:
    with pytest.raises(BadPacket):
        parse(text)


def test_joining() -> None:
    assert join("t", None) == '40/live,{"token":"t"}'
    assert join('"', "c") == '40/live,{"token":"\\"","cursor":"c"}'


def batch(cursor: str, *events: tuple[str, str], **more: object) -> dict[str, Any]:
    return {"cursor": cursor, "events": [{"id": ident, "at": at, **more} for ident, at in events]}


def test_a_screen_notes_delays_doubles_and_its_cursor() -> None:
    watch = Watch()
    watch.joined(NOW)
    old, new = "2026-11-24T07:59:59.000000Z", "2026-11-24T08:00:01.500000Z"
    caught_up, fresh = watch.take(batch("c1", ("a", old), ("b", new)), NOW + 2)
    assert (caught_up.delay, caught_up.caught_up, caught_up.double) == (3.0, True, False)
    assert (fresh.delay, fresh.caught_up, fresh.double) == (0.5, False, False)
    (again,) = watch.take(batch("c2", ("b", new)), NOW + 3)
    assert again.double
    (replayed,) = watch.take(batch("c3", ("c", old), offline=True), NOW + 4)
    assert replayed.delay is None
    (ahead,) = watch.take(batch("c4", ("d", "2026-11-24T09:00:09+01:00")), NOW + 8)
    assert ahead.delay == 0.0
    assert watch.cursor == "c4"


def test_a_screen_has_to_show_what_was_sent_after_it_joined() -> None:
    kept, watch = Kept(), Watch()
    for scan in scans(5):
        kept.note("A", scan, "hub_unavailable" if scan.scan_id == "s3" else None)
    kept.note("B", Scan("t", GRANTED, 9.0), None)
    assert list(kept.sent_after("A", 1.0)) == ["s2", "s4"]
    assert list(kept.sent_after("C", 0.0)) == []
    watch.take(batch("c", ("s4", "2026-11-24T08:00:00Z")), NOW)
    assert watch.missing(kept.sent_after("A", 1.0)) == {"s2"}


def test_a_screen_that_has_seen_too_much_to_remember_misses_nothing() -> None:
    watch = Watch()
    events = [(str(number), "2026-11-24T08:00:00Z") for number in range(100_001)]
    watch.take(batch("c", *events), NOW)
    assert watch.missing(["0", "never"]) == set()


def test_a_reset_takes_the_hubs_cursor_or_none() -> None:
    watch = Watch()
    watch.take(batch("c1"), NOW)
    watch.reset({"cursor": "r"})
    assert watch.cursor == "r"
    watch.reset(None)
    assert watch.cursor is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"events": []},
        {"cursor": 1, "events": []},
        batch("c", ("a", "today")),
        {"cursor": "c", "events": [1]},
    ],
)
def test_what_is_not_events(data: object) -> None:
    with pytest.raises(BadEvents):
        Watch().take(data, NOW)
