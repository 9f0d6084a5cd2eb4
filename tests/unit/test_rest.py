"""Parts of the shell that need no server: declarations, faults of bodies, where a client is, tags of items."""

from __future__ import annotations

import contextlib
import ipaddress
from datetime import date
from typing import Annotated, Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.permissions import Permission
from hub.errors import BadRequest, PreconditionFailed
from hub.resources import declared_routes
from hub.rest.body import parse
from hub.rest.call import Call
from hub.rest.client import Clients
from hub.rest.etags import check_match, encode, etag, names
from hub.rest.faults import fitted
from hub.rest.openapi import document
from hub.rest.origin import same_origin
from hub.rest.request_id import request_id
from hub.rest.route import PUBLIC, Deprecated, Route
from hub.rest.versions import version_headers
from hub.store.pg import Role


class Leaf(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=1)]


class Tree(msgspec.Struct):
    name: str
    leaf: Leaf | None = None
    leaves: Annotated[list[Leaf], msgspec.Meta(max_length=2)] = []
    both: int = 0

    def __post_init__(self) -> None:
        if self.both == 13:
            raise ValueError("13 is not allowed with anything")


async def nothing(_: Call[None, None]) -> None:
    """A handler."""


def faults(value: Any) -> dict[str, str]:
    with pytest.raises(BadRequest) as refused:
        fitted(Tree, value)
    return {fault["field"]: fault["message"] for fault in refused.value.details}


def test_every_fault_is_named_by_its_field() -> None:
    assert set(faults({"leaf": {"size": 0}, "leaves": [{"size": 1}, {}, 3], "x": 1})) == {
        *("name", "leaf.size", "leaves", "leaves.1.size", "leaves.2", "x")
    }
    assert faults({"name": "a", "both": 13}) == {"body": "13 is not allowed with anything"}
    assert faults([]) == {"body": "must be an object"}
    assert "Expected `int`" in faults({"name": "a", "leaf": {"size": "1"}})["leaf.size"]
    assert fitted(Tree, {"name": "a", "leaf": None, "leaves": [{"size": 2}]}) == Tree("a", None, [Leaf(2)])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abn", max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_what_json_can_say_is_read_as_it_is(value: Any) -> None:
    assert parse(msgspec.json.encode(value)) == value


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reading_of_a_body(raw: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parse(raw)


@given(JSON)
def test_a_value_fits_or_is_refused(value: Any) -> None:
    with contextlib.suppress(BadRequest):
        fitted(Tree, value)


def request(remote: Any = "10.0.0.1", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    mocked = make_mocked_request("GET", "/", headers={"Host": "hub.example"} | named)
    return mocked.clone(remote=remote)


def test_only_a_trusted_proxy_is_believed() -> None:
    clients = Clients([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")])
    assert clients.of(request(X_Forwarded_For="1.1.1.1, 2.2.2.2")).address == "2.2.2.2"
    assert clients.of(request("3.3.3.3", X_Forwarded_For="1.1.1.1", X_Forwarded_Proto="https")).address == "3.3.3.3"
    assert not clients.of(request("3.3.3.3", X_Forwarded_Proto="https")).secure
    assert clients.of(request("::ffff:10.1.1.1", X_Forwarded_For="1.1.1.1:4711")).address == "1.1.1.1"
    assert clients.of(request(X_Forwarded_For="10.2.2.2, 10.3.3.3")).address == "10.2.2.2"
    assert clients.of(request(None)).address is None
    assert clients.of(request(User_Agent="a" * 900)).user_agent == "a" * 500


def test_the_same_origin_is_scheme_host_and_port() -> None:
    client = Clients([]).of(request())
    assert same_origin("http://HUB.example:80", client)
    for other in ("https://hub.example", "http://hub.example:81", "http://evil.example", "null", "", "http://[", "x:y"):
        assert not same_origin(other, client)


@pytest.mark.parametrize("given_id", ["r-1", "a" * 64, "0:/+=._"])
def test_a_sane_request_id_is_kept(given_id: str) -> None:
    assert request_id(request(X_Request_ID=given_id)) == given_id


@pytest.mark.parametrize("given_id", ["", "a" * 65, "a b", "a@example.org", 'a"', "é"])
def test_an_odd_request_id_is_replaced_once(given_id: str) -> None:
    one = request(X_Request_ID=given_id)
    made = request_id(one)
    assert made != given_id
    assert request_id(one) == made


def test_if_match_names_the_version_that_was_read() -> None:
    tag = etag(encode(Leaf(1)))
    for good in (None, tag, "*", f'"other", {tag}'):
        check_match(good, Leaf(1))
    for bad in (f"W/{tag}", '"other"', "", tag[:-1]):
        with pytest.raises(PreconditionFailed):
            check_match(bad, Leaf(1))
    assert names(f"W/{tag}", tag, weak=True)


def test_a_declaration_says_what_it_must() -> None:
    with pytest.raises(ValueError, match="as whom"):
        Route("POST", "/x", nothing, summary="x", permission=PUBLIC)
    with pytest.raises(ValueError, match="starts with /"):
        Route("GET", "x", nothing, summary="x", permission=PUBLIC)
    with pytest.raises(ValueError, match="location"):
        Route("POST", "/x", nothing, summary="x", permission=PUBLIC, acts_as=Role.hub_api, location="/x/{id}")


def test_a_route_that_goes_says_when() -> None:
    ends = Deprecated(date(2026, 11, 24), date(2027, 6, 1), "https://hub.example/new")
    assert version_headers("v1", ends) == {
        "api-version": "1.0",
        "Deprecation": "@1795478400",
        "Sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
        "Link": '<https://hub.example/new>; rel="deprecation"',
    }
    route = Route("GET", "/old", nothing, summary="o", permission=PUBLIC, deprecated=ends)
    assert document("v1", [route])["paths"]["/api/v1/old"]["get"]["deprecated"] is True


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_the_document_has_every_declared_route_with_its_permission(api: Any) -> None:
    routes = [route for route in declared_routes() if api in route.api]
    paths = document(api, routes)["paths"]
    for route in routes:
        operation = paths[f"/api/{api}{route.path}"][route.method.lower()]
        if isinstance(route.permission, Permission):
            assert operation["x-permission"] == route.permission.value
        assert str(route.success) in operation["responses"]
        assert (route.body is not None or route.upload is not None) == ("requestBody" in operation)
    ids = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_every_route_with_a_body_has_an_example_that_fits() -> None:
    for route in declared_routes():
        if route.body is not None:
            assert route.example is not None, f"{route}: declare an example of its body"
            fitted(route.body, route.example)
