"""What every declared route gets, and cannot forget: transaction, audit, reads, idempotency, versions, errors."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from yarl import URL

from hub.config import Settings, decode_keys
from hub.domain.keyring import KeyRing
from hub.rest import idempotency
from tests.integration.rest.site import Answer, Site, site_running
from tests.integration.rest.small import ROUTES

THING = {"name": "gate"}


@pytest.fixture
async def site(settings: Callable[..., Settings]) -> AsyncIterator[Site]:
    own = settings(rate_anonymous=10_000, secret_key="A" * 43)
    async with site_running(own, ROUTES) as running:
        yield running


async def notes(site: Site) -> list[str]:
    return [row["name"] for row in await site.fetch("SELECT name FROM departments ORDER BY name")]


async def test_a_write_without_audit_fails_and_changes_nothing(site: Site) -> None:
    assert (await site.ask("POST", "/api/v1/forgotten", site.token())).status == 500
    assert await notes(site) == []


async def test_a_change_that_did_not_look_at_if_match_fails(site: Site) -> None:
    assert (await site.ask("PUT", f"/api/v1/things/{uuid4()}", site.token(), THING)).status == 500
    assert await site.fetch("SELECT FROM audit_logs") == []


async def test_an_error_rolls_back_what_was_written_and_its_audit(site: Site) -> None:
    assert (await site.ask("POST", "/api/v1/failing", site.token())).status == 409
    assert await notes(site) == []
    assert await site.fetch("SELECT FROM audit_logs") == []


async def test_a_refusal_can_keep_what_was_written(site: Site) -> None:
    assert (await site.ask("POST", "/api/v1/kept", site.token())).status == 401
    assert await notes(site) == ["kept"]
    assert len(await site.fetch("SELECT FROM audit_logs")) == 1


async def test_a_forgotten_where_shows_no_other_school(site: Site) -> None:
    for school in ("near", "far"):
        await site.ask("POST", "/api/v1/things", site.token(school=school), {"name": school})
    assert (await site.ask("GET", "/api/v1/everything", site.token(school="far"))).json == {"names": ["far"]}


async def test_a_read_of_a_student_is_kept_before_the_answer(site: Site) -> None:
    id_ = uuid4()
    answer = await site.ask("GET", f"/api/v1/students/{id_}", site.token("staff"), headers={"X-Request-ID": "r-1"})
    assert answer.status == 200
    (entry,) = site.trail.kept
    assert (entry.action, entry.resource_type, entry.resource_id, entry.subject_id) == ("read", "student", id_, id_)
    assert (entry.request_id, entry.address) == ("r-1", "127.0.0.1")


@pytest.mark.parametrize("count", [1, 2])
async def test_a_list_that_tells_of_one_student_is_kept_as_about_that_one(site: Site, count: int) -> None:
    answer = await site.ask("GET", f"/api/v1/students?number={count}", site.token("staff"))
    shown = [UUID(item["id"]) for item in answer.json["data"]]
    (entry,) = site.trail.kept
    assert (entry.action, entry.resource_id, entry.subject_id) == ("read", None, shown[0] if count == 1 else None)
    assert entry.new == (None if count == 1 else {"ids": [str(id_) for id_ in shown]})


@pytest.mark.parametrize("word", ["far", "farther"])
async def test_what_fits_no_column_is_the_callers_fault(site: Site, word: str) -> None:
    answer = await site.ask("GET", f"/api/v1/far?word={word}", site.token())
    assert (answer.status, answer.json["message"]) == (
        400,
        "a value is longer, larger or further away than can be kept",
    )


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_a_transaction_that_had_to_give_way_is_asked_to_come_again(site: Site, code: str) -> None:
    answer = await site.ask("GET", f"/api/v1/victim?word={code}", site.token())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


def keys(*numbers: int) -> str:
    return ",".join(base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in numbers)


async def test_repeats_need_no_secret_key_and_outlive_the_exchange_of_data_keys(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings(rate_anonymous=10_000, secret_key=None, data_keys=keys(1))
    async with site_running(own, ROUTES) as site:
        token, repeated = site.token(), {"Idempotency-Key": "k"}

        async def ask() -> Answer:
            return await site.ask("POST", "/api/v1/things", token, THING, headers=repeated)

        first = await ask()
        assert first.status == 201
        for numbers in ((1,), (2, 1), (1, 2)):
            ring = KeyRing(decode_keys(keys(*numbers)))
            monkeypatch.setattr(idempotency, "key_ring", lambda _, ring=ring: ring)
            again = await ask()
            assert (again.status, again.json) == (201, first.json)
        monkeypatch.setattr(idempotency, "key_ring", lambda _: KeyRing(decode_keys(keys(2))))
        assert (await ask()).status == 422  # what it was answered is not known any more, and it is not done twice
        assert await notes(site) == ["gate"]


async def test_the_same_key_is_answered_as_the_first_time(site: Site) -> None:
    token, key = site.token(), {"Idempotency-Key": "k-1"}
    first = await site.ask("POST", "/api/v1/things", token, THING, headers=key)
    again = await site.ask("POST", "/api/v1/things", token, THING, headers=key)
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await notes(site) == ["gate"]
    other = await site.ask("POST", "/api/v1/things", token, {"name": "x"}, headers=key)
    assert other.status == 422
    elsewhere = await site.ask("POST", "/api/v1/things", site.token(school="far"), THING, headers=key)
    assert elsewhere.json["id"] != first.json["id"]
    rows = await site.fetch("SELECT answer FROM idempotency_keys")
    assert all(b"gate" not in row["answer"] for row in rows)


async def test_of_two_at_once_with_one_key_one_is_done(site: Site) -> None:
    token = site.token()
    answers = await asyncio.gather(
        *(site.ask("POST", "/api/v1/things", token, THING, headers={"Idempotency-Key": "k"}) for _ in range(5))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert await notes(site) == ["gate"]


async def test_a_key_is_forgotten_after_a_day_and_when_its_request_failed(site: Site) -> None:
    token, key = site.token(), {"Idempotency-Key": "k"}
    assert (await site.ask("POST", "/api/v1/failing", token, headers=key)).status == 409
    first = await site.ask("POST", "/api/v1/things", token, {"name": "a"}, headers=key)
    assert first.status == 201
    await site.fetch("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    later = await site.ask("POST", "/api/v1/things", token, {"name": "b"}, headers=key)
    assert later.json["name"] == "b"


@pytest.mark.parametrize(
    ("version", "status"), [("1", 200), ("1.0", 200), ("2.0", 400), ("3", 400), ("", 400), ("x" * 3000, 400)]
)
async def test_the_version_header_agrees_with_the_address(site: Site, version: str, status: int) -> None:
    answer = await site.ask("GET", "/api/v1/hello", headers={"api-version": version})
    assert answer.status == status
    assert answer.headers["api-version"] == "1.0"
    if status == 400:
        assert "1.0 and 2.0" in answer.json["message"]


async def test_version_2_speaks_of_problems(site: Site) -> None:
    answer = await site.ask("GET", "/api/v2/looking?number=0&odd=1", site.token())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "urn:passhub:validation"
    assert {fault["field"] for fault in answer.json["errors"]} == {"number", "odd"}
    assert answer.json["requestId"] == answer.headers["X-Request-ID"]
    unknown = await site.ask("GET", "/api/v2/nothing")
    assert (unknown.status, unknown.json["title"]) == (404, "Not Found")
    wrong = await site.ask("DELETE", "/api/v2/hello")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")
    assert wrong.headers["Content-Type"] == "application/problem+json"


async def test_what_takes_too_long_is_ended(site: Site) -> None:
    assert (await site.ask("GET", "/api/v1/waiting")).status == 503


@pytest.mark.parametrize("query", ["number=1&number=2", "number=1.5", "word=%00", "other=1", "number=", "schoolId=1"])
async def test_parameters_are_refused_by_name(site: Site, query: str) -> None:
    answer = await site.ask("GET", f"/api/v1/looking?{query}", site.token())
    assert answer.status == 400
    assert answer.json["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("id_", ["1", "x", "0" * 32, "{}", "%00", "018BCFE5-6800-7000-8000-00000000000g"])
async def test_an_id_that_cannot_be_one_is_not_there(site: Site, id_: str) -> None:
    assert (await site.ask("GET", f"/api/v1/students/{id_}", site.token("staff"))).status == 404


async def test_a_bare_uuid_in_upper_case_is_the_same(site: Site) -> None:
    id_ = uuid4()
    answer = await site.ask("GET", f"/api/v1/students/{str(id_).upper()}", site.token("staff"))
    assert UUID(answer.json["id"]) == id_


async def test_all_faults_of_a_body_are_named_at_once(site: Site) -> None:
    body = {"kind": "c", "inner": {"size": 0, "odd": 1}, "many": [{"size": 1}, {"size": "x"}], "more": True}
    answer = await site.ask("POST", "/api/v1/things", site.token(), body)
    assert answer.status == 400
    faults = {fault["field"] for fault in answer.json["details"]}
    assert faults == {"name", "kind", "inner.size", "inner.odd", "many.1.size", "more"}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"name": "a", "name": "b"}', "twice"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "twice"),
        (b'{"a": {"\\ud800": 1}}', "surrogate"),
        (b'{"name": "a", "weight": NaN}', "NaN"),
        (b'{"name": "a", "weight": Infinity}', "Infinity"),
        (b'{"name": "a", "weight": 1e999}', "too large"),
        (b'{"name": "a", "weight": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"name": "\xff"}', "UTF-8"),
        (b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "deeply"),
        (b'{"name": ' + b"[" * 30 + b"]" * 30 + b"}", "deeply"),
        (b"[]", "object"),
        (b"", "required"),
        (b"{", "body"),
    ],
)
async def test_what_is_no_clean_json_is_refused(site: Site, body: bytes, word: str) -> None:
    answer = await site.ask("POST", "/api/v1/things", site.token(), body)
    assert answer.status == 400
    assert word in str(answer.json["details"])


async def test_other_kinds_of_content_and_large_bodies_are_refused(site: Site) -> None:
    token = site.token()
    for kind in ("text/plain", "application/xml", "application/json; charset=latin-1"):
        answer = await site.ask("POST", "/api/v1/things", token, b"{}", headers={"Content-Type": kind})
        assert answer.status == 415
    large = BytesIO(b'{"name": "' + b"x" * 10_000_000 + b'"}')
    assert (await site.ask("POST", "/api/v1/things", token, large)).status == 413
    assert (await site.ask("POST", "/api/v1/failing", token, {"a": 1})).status == 400


@pytest.mark.parametrize("path", ["/api/v1/%0A", "/api/v1/students/a%0Ab", "/%0D%0Ax:%20y", "/api/v2/%C2%85%0A"])
async def test_an_address_with_a_line_break_is_not_there_in_the_error_format(site: Site, path: str) -> None:
    async with site.http.get(URL(f"{site.url}{path}", encoded=True)) as answer:
        assert answer.status == 404
        body = await answer.json(content_type=None)
        assert body.get("statusCode", body.get("status")) == 404
