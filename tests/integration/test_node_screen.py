"""The screen that the acceptance tests look at is itself looked at, with npm's own socket.io as the other side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.node import NodeScript
from tests.acceptance.screen import NodeScreen

pytestmark = pytest.mark.service


@pytest.fixture
def server() -> Iterator[NodeScript]:
    with NodeScript("server.mjs") as running:
        yield running


@pytest.fixture
def port(server: NodeScript) -> int:
    found: int = server.wait_lines("listening")["port"]
    return found


def show(server: NodeScript, cursor: str, *ids: str) -> None:
    server.tell(emit=["events", {"cursor": cursor, "events": [{"id": id_, "decision": "granted"} for id_ in ids]}])


def test_what_is_shown_arrives_in_order(server: NodeScript, port: int) -> None:
    with NodeScreen(port, "a token", origin="https://guard.example") as screen:
        screen.wait_connected()
        assert server.wait_lines("joined")["auth"] == {"token": "a token"}
        assert server.lines("joined")[0]["origin"] == "https://guard.example"
        show(server, "c1", "a", "b")
        show(server, "c2", "c")
        server.tell(emit=["stats", {"journalDepth": 0}])
        server.tell(emit=["news", 1])
        screen.wait_ids("abc")
        assert screen.ids == ["a", "b", "c"]
        assert screen.events[2] == {"id": "c", "decision": "granted"}
        assert screen.cursor == "c2"
        assert screen.missing("abd") == {"d"}
        assert screen.wait_lines("stats")["stats"] == {"journalDepth": 0}
        assert screen.wait_lines("other")["name"] == "news"
        screen.tell(emit=["hello", 7])
        assert server.wait_lines("heard") == {"what": "heard", "name": "hello", "values": [7]}


@pytest.mark.parametrize("end", ["cut", "drop", "kick"])
def test_it_comes_back_with_the_last_cursor(server: NodeScript, port: int, end: str) -> None:
    with NodeScreen(port, "t", cursor="c0") as screen:
        screen.wait_connected()
        show(server, "c1", "a")
        screen.wait_ids("a")
        if end == "cut":
            screen.cut()
        else:
            server.tell(**{end: True})
        ended = screen.wait_lines("disconnect")
        assert ended["reason"] == ("io server disconnect" if end == "kick" else "transport close")
        screen.wait_connected(2)
        server.wait_lines("joined", 2)
        assert [line["auth"]["cursor"] for line in server.lines("joined")] == ["c0", "c1"]


def test_the_code_and_the_words_of_a_close_are_said(server: NodeScript, port: int) -> None:
    with NodeScreen(port, "t") as screen:
        screen.wait_connected()
        server.tell(close=[4008, "too slow"])
        ended = screen.wait_lines("disconnect")
        assert (ended["reason"], ended["code"], ended["words"]) == ("transport close", 4008, "too slow")
        screen.wait_connected(2)


def test_a_reset_brings_another_cursor(server: NodeScript, port: int) -> None:
    with NodeScreen(port, "t", cursor="old") as screen:
        screen.wait_connected()
        server.tell(emit=["reset", {"reason": "too_far_behind", "cursor": "new"}])
        assert screen.wait_lines("reset")["reason"] == "too_far_behind"
        assert screen.cursor == "new"
        screen.cut()
        screen.wait_connected(2)
        assert server.wait_lines("joined", 2)["auth"] == {"token": "t", "cursor": "new"}


def test_what_is_amended_is_said(server: NodeScript, port: int) -> None:
    with NodeScreen(port, "t") as screen:
        screen.wait_connected()
        server.tell(emit=["amended", {"events": [{"id": "a", "decision": "denied"}]}])
        assert screen.wait_lines("amended")["events"] == [{"id": "a", "decision": "denied"}]
        assert screen.ids == []


def test_a_refusal_is_said_and_is_the_end(port: int) -> None:
    with NodeScreen(port, "wrong") as screen:
        refused = screen.wait_lines("connect_error")
        assert (refused["message"], refused["refused"]) == ("unknown_token", True)
        assert refused["data"] == {"error": "unauthorized"}


def test_a_deaf_screen_hears_later(server: NodeScript, port: int) -> None:
    with NodeScreen(port, "t", reconnect=False) as screen:
        screen.wait_connected()
        screen.deafen(0.2)
        show(server, "c1", "a")
        screen.wait_ids("a")
        assert [line["what"] for line in screen.seen] == ["connected", "deaf", "hears", "events"]
        server.tell(kick=True)
        screen.wait_lines("disconnect")
        assert len(screen.lines("connected")) == 1


def test_waiting_for_what_a_script_never_says_ends(server: NodeScript) -> None:
    server.wait_lines("listening")
    with pytest.raises(AssertionError, match=r"not within 0 s: 1 × nothing(.|\n)*listening"):
        server.wait_lines("nothing", seconds=0.05)
    server.close()
    with pytest.raises(AssertionError, match="it has ended"):
        server.wait_lines("nothing")
