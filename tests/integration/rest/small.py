"""Routes of the tests' own, each of which does one thing that a handler may do, or may not."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.accounts.permissions import Permission
from hub.domain.ids import new_id
from hub.errors import Conflict, Unauthorized
from hub.rest.call import Call, Reply
from hub.rest.pages import Page, PageInfo
from hub.rest.route import PUBLIC, SIGNED_IN, Route
from hub.store.pg import Role


class Inner(msgspec.Struct):
    size: Annotated[int, Meta(ge=1)]


class Thing(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    kind: Literal["a", "b"] = "a"
    inner: Inner | None = None
    many: list[Inner] = []
    weight: float = 1.0


class Made(msgspec.Struct):
    id: UUID
    name: str


class Looking(msgspec.Struct):
    number: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    word: str | UnsetType = UNSET


class Rows(msgspec.Struct):
    names: list[str]


async def make_thing(call: Call[None, Thing]) -> Made:
    made = Made(new_id(), call.body.name)
    await add_school_note(call, call.body.name)
    await call.audit("create", "thing", made.id, new={"name": made.name})
    return made


async def add_school_note(call: Call[Any, Any], text: str) -> None:
    tx = await call.tx()
    await tx.execute("INSERT INTO departments (name, code, school_id) VALUES ($1, $1, $2)", text, call.school)


async def forget_audit(call: Call[None, None]) -> None:
    await add_school_note(call, "forgotten")


async def fail_late(call: Call[None, None]) -> None:
    await add_school_note(call, "failed")
    await call.audit("create", "thing", None)
    raise Conflict("not now")


async def keep_and_refuse(call: Call[None, None]) -> None:
    await add_school_note(call, "kept")
    await call.audit("refuse", "thing", None)
    raise call.keep(Unauthorized("the session was stolen"))


async def forget_match(call: Call[None, Thing]) -> Made:
    await call.audit("update", "thing", call.id)
    return Made(call.id, call.body.name)


async def break_down(call: Call[None, None]) -> None:
    """PostgreSQL's refusal repeats the value."""
    tx = await call.tx()
    for _ in range(2):
        await tx.execute(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ('MARKER', '', '', '')"
        )


async def look(call: Call[Looking, None]) -> Made:
    return Made(call.identity.user_id, str(call.query.number))


async def read_student(call: Call[None, None]) -> Made:
    return Made(call.id, "Zoë")


async def read_students(call: Call[Looking, None]) -> Page[Made]:
    number = 0 if call.query.number is UNSET else call.query.number
    return Page(data=[Made(new_id(), "Zoë") for _ in range(number)], page=PageInfo(hasMore=False))


async def reach_too_far(call: Call[Looking, None]) -> None:
    """The first is refused by asyncpg, the second by PostgreSQL."""
    tx = await call.tx()
    if call.query.word == "far":
        await tx.execute("SELECT $1::int", 2**40)
    await tx.execute("SELECT 2147483647 + $1::int", 1)


async def be_the_victim(call: Call[Looking, None]) -> None:
    """Of a deadlock, or of another transaction that was first."""
    code = {"40P01": "40P01", "40001": "40001"}[str(call.query.word)]
    await (await call.tx()).execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$")


async def forget_where(call: Call[None, None]) -> Rows:
    rows = await (await call.tx()).fetch("SELECT name FROM departments")
    return Rows([row["name"] for row in rows])


async def wait(_: Call[None, None]) -> None:
    await asyncio.Event().wait()


async def hello(call: Call[None, None]) -> Reply:
    return Reply(
        Rows([call.client.address or ""]),
        headers={"X-Secure": str(call.client.secure)},
        cookies={"passhub": {"value": "x", "httponly": True}},
    )


READ = Permission.students_read
ROUTES = [
    Route(
        "POST",
        "/things",
        make_thing,
        summary="m",
        permission=SIGNED_IN,
        body=Thing,
        answer=Made,
        location="/things/{id}",
    ),
    Route("PUT", "/things/{id}", forget_match, summary="u", permission=SIGNED_IN, body=Thing, answer=Made),
    Route("POST", "/forgotten", forget_audit, summary="f", permission=SIGNED_IN),
    Route("POST", "/failing", fail_late, summary="f", permission=SIGNED_IN),
    Route("POST", "/kept", keep_and_refuse, summary="k", permission=SIGNED_IN),
    Route("POST", "/broken", break_down, summary="b", permission=SIGNED_IN, acts_as=Role.hub_admin),
    Route("GET", "/looking", look, summary="l", permission=SIGNED_IN, query=Looking, answer=Made),
    Route("GET", "/students/{id}", read_student, summary="r", permission=READ, answer=Made, reads="student"),
    Route(
        "GET",
        "/students",
        read_students,
        summary="r",
        permission=READ,
        query=Looking,
        answer=Page[Made],
        reads="student",
    ),
    Route("GET", "/far", reach_too_far, summary="f", permission=SIGNED_IN, query=Looking),
    Route("GET", "/victim", be_the_victim, summary="v", permission=SIGNED_IN, query=Looking),
    Route("GET", "/everything", forget_where, summary="e", permission=SIGNED_IN, answer=Rows),
    Route("GET", "/waiting", wait, summary="w", permission=PUBLIC, timeout=0.05),
    Route("GET", "/hello", hello, summary="h", permission=PUBLIC, answer=Rows),
]
