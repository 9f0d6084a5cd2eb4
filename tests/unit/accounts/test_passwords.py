"""Passwords: which are accepted, what is kept of them, and that hashing them is another process's work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from hub.accounts import passwords as module
from hub.accounts.hashing import LANES, MEMORY_KIB, NICENESS, PASSES, Task, is_common, perform
from hub.accounts.passwords import LONGEST, SHORTEST, Passwords
from hub.errors import BadRequest, TooManyRequests

GOOD = "two owls and a lantern"


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    pool = Passwords()
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "PASSWORD1234", "123456789012", "qwertyuiop123", "1q2w3e4r5t6y", "aaaaaaaaaaaaaaaa"),
        *("passwordpassword", "Elizabeth2026!", "!!!!sunshine!!!!", "                    ", "121212121212"),
    ],
)
def test_what_is_tried_first_is_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password", [GOOD, "Tr0ub4dor&3xyz", "längere Wörter hier", "学生証と改札の小さな話をする", "x7$Kq!mZ2@pL"]
)
def test_what_is_not_is_not(password: str) -> None:
    assert not is_common(password)


async def test_length_and_commonness_are_refused_by_the_fields_name(passwords: Passwords) -> None:
    for bad in ("x" * (SHORTEST - 1), "ab c" * 40, "password1234"):
        with pytest.raises(BadRequest) as refused:
            await passwords.accept(bad)
        assert [fault["field"] for fault in refused.value.details] == ["password"]
        assert bad not in str(refused.value)
    await passwords.accept(GOOD)
    await passwords.accept("xyz ! ab" * (LONGEST // 8))


async def test_what_is_kept_has_the_parameters_of_owasp(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    assert kept.startswith("$argon2id$")
    parameters = extract_parameters(kept)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (MEMORY_KIB, PASSES, LANES)
    assert await passwords.verify(GOOD, kept) == (True, None)
    assert await passwords.verify(GOOD + "x", kept) == (False, None)
    assert await passwords.verify("x" * 5000, kept) == (False, None)


async def test_what_has_other_parameters_is_hashed_anew(passwords: Passwords) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    right, new = await passwords.verify(GOOD, old)
    assert right
    assert new is not None
    assert await passwords.verify(GOOD, new) == (True, None)
    assert await passwords.verify("wrong", old) == (False, None)


@pytest.mark.parametrize("known", [None, "", "!", "$argon2id$broken", "plain text"])
async def test_without_an_account_nothing_is_right(passwords: Passwords, known: str | None) -> None:
    assert await passwords.verify(GOOD, known) == (False, None)


def test_who_has_no_account_costs_what_others_cost() -> None:
    parameters = extract_parameters(module._NOBODY)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (MEMORY_KIB, PASSES, LANES)
    assert not perform(Task("verify", GOOD, module._NOBODY)).yes


async def test_the_work_is_done_by_a_niced_process_that_knows_no_secret(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SECRET_KEY", "not for children")
    await passwords.hash(GOOD)
    process = passwords._hands[0]._process
    assert process is not None
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == NICENESS
    with open(f"/proc/{process.pid}/environ", "rb") as environment:  # noqa: ASYNC230, PTH123
        assert b"not for children" not in environment.read()


async def test_a_process_that_dies_is_replaced(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    process = passwords._hands[0]._process
    assert process is not None
    process.kill()
    await process.wait()
    assert (await passwords.verify(GOOD, kept))[0]


async def test_a_cancelled_question_does_not_answer_the_next_one(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    for turns in range(6):
        task = asyncio.create_task(passwords.verify(GOOD, kept))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await passwords.verify("something else", kept) == (False, None)


async def test_who_comes_when_all_places_are_taken_is_refused_at_once(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    answers = await asyncio.gather(*(passwords.verify(GOOD, None) for _ in range(8)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooManyRequests)]
    assert len(refused) == 5
    assert [answer for answer in answers if answer not in refused] == [(False, None)] * 3


async def test_closing_leaves_no_process(passwords: Passwords) -> None:
    await passwords.hash(GOOD)
    process = passwords._hands[0]._process
    assert process is not None
    await passwords.close()
    await passwords.close()
    assert process.returncode is not None
