"""Who the demo's students are: enough of every kind, names from everywhere, and the same again for the same seed."""

from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.demo.names import CULTURES
from hub.demo.population import FEWEST_STUDENTS, LEAST, VISITORS, draw_passes, draw_students, special_count, split
from hub.demo.schools import BERLIN, SCHOOLS, School

TODAY = date(2026, 11, 24)
schools = st.sampled_from(SCHOOLS)
counts = st.integers(FEWEST_STUDENTS, 700)
days = st.dates(date(2020, 1, 1), date(2050, 12, 31))


@given(schools, counts, st.integers(), days)
@settings(max_examples=25, deadline=None)
def test_students_fit_their_columns(school: School, count: int, seed: int, today: date) -> None:
    students = list(draw_students(school, count, seed, today))
    assert len({s.student_id for s in students}) == len({s.email for s in students}) == count
    for student in students:
        assert 0 < len(student.first_name) <= 100
        assert 0 < len(student.last_name) <= 100
        assert len(student.student_id) <= 50
        assert 8 <= len(student.phone) <= 16
        assert student.email.endswith(f"@{school.domain}")
        assert student.program in school.departments[student.department].programmes
        assert 1 <= student.year_of_study <= school.years
        assert student.date_of_birth < student.enrollment_date <= today
        assert (student.graduation_date is not None) == (student.status == "graduated")


@given(schools, counts, st.integers(), days)
@settings(max_examples=25, deadline=None)
def test_every_state_that_a_scan_can_be_denied_for_is_there(school: School, count: int, seed: int, today: date) -> None:
    status = [student.status for student in draw_students(school, count, seed, today)]
    passes = list(draw_passes(school, count, seed, today))
    current, special = passes[:count], passes[count:]
    assert Counter(status)["suspended"] >= LEAST
    assert Counter(status)["inactive"] + Counter(status)["graduated"] >= LEAST
    assert [card.student for card in current] == list(range(count))
    assert all(card.status == "active" and card.issue_date <= today <= card.expiry_date for card in current)
    assert status.count("active") >= 20
    verdicts = Counter(
        card.status
        if card.status != "active"
        else "past"
        if card.expiry_date < today
        else "future"
        if card.issue_date > today
        else "now"
        for card in special
    )
    number = special_count(count)
    assert verdicts["revoked"] == verdicts["inactive"] == verdicts["future"] == number
    assert verdicts["expired"] + verdicts["past"] == number
    assert verdicts["now"] == VISITORS
    assert all(card.issue_date <= card.expiry_date for card in passes)
    assert len({card.pass_number for card in passes}) == len(passes)
    assert all(card.student is None or status[card.student] == "active" for card in special)
    assert all((card.revoke_reason is not None) == (card.status == "revoked") for card in passes)


def test_the_same_seed_and_day_give_the_same_people() -> None:
    first, same = (list(draw_students(BERLIN, 100, 1, TODAY)) for _ in range(2))
    assert first == same
    assert first != list(draw_students(BERLIN, 100, 2, TODAY))
    assert list(draw_passes(BERLIN, 100, 1, TODAY)) == list(draw_passes(BERLIN, 100, 1, TODAY))


def test_names_are_of_many_scripts() -> None:
    names = "".join(s.first_name + s.last_name for s in draw_students(BERLIN, 2_000, 1, TODAY))
    scripts = {unicodedata.name(letter).split()[0] for letter in names if letter.isalpha()}
    assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HANGUL", "HIRAGANA", "DEVANAGARI"} <= scripts


def test_names_are_composed_and_untrimmed_nowhere() -> None:
    for culture in CULTURES:
        for name in (*culture.women, *culture.men, *culture.families):
            assert name == name.strip() == unicodedata.normalize("NFC", name)
            assert name


def test_schools_have_four_to_six_doors_of_every_kind() -> None:
    for school in SCHOOLS:
        assert 4 <= len(school.doors) <= 6
        assert {door.access_type for door in school.doors} == {"entry", "exit", "both"}
        assert school.doors[0].access_type == "both"


@given(st.integers(0, 10**6), st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
def test_a_split_loses_nobody(students: int, weights: list[float]) -> None:
    shares = [weight / sum(weights) for weight in weights]
    parts = split(students, shares)
    assert sum(parts) == students
    assert all(
        part == pytest.approx(students * share, abs=len(shares)) for part, share in zip(parts, shares, strict=True)
    )


def test_passes_are_good_for_months() -> None:
    assert all(
        card.expiry_date - TODAY >= timedelta(days=180) for card in list(draw_passes(BERLIN, 200, 1, TODAY))[:200]
    )
