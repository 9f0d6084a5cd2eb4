"""A hub's address as people type it."""

from __future__ import annotations

import pytest

from hub.reader import (
    hub_url,
)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("ws://h", "ws://h/api/v1/readers/connect"),
        ("ws://h/", "ws://h/api/v1/readers/connect"),
        ("wss://h:8443/api/v1/readers/connect", "wss://h:8443/api/v1/readers/connect"),
        ("http://h:8080", "ws://h:8080/api/v1/readers/connect"),
        ("https://h/hub/", "wss://h/hub/api/v1/readers/connect"),
        ("hub.example.org", "wss://hub.example.org/api/v1/readers/connect"),
        ("hub.example.org:8443", "wss://hub.example.org:8443/api/v1/readers/connect"),
        ("localhost:8080", "ws://localhost:8080/api/v1/readers/connect"),
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/api/v1/readers/connect"),
        ("[::1]:8080", "ws://[::1]:8080/api/v1/readers/connect"),
        (" HTTP://H ", "ws://H/api/v1/readers/connect"),
    ],
)
def test_addresses_as_people_type_them(given_: str, expected: str) -> None:
    assert hub_url(given_) == expected


@pytest.mark.parametrize(
    "text", ["", "ftp://h", "ws://", "ws://u:p@h", "ws://h?x=1", "ws://h#f", "h:port", "h:99999", "a b", "ws://[::1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|host"):
        hub_url(text)
