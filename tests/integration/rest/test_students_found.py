"""Lists of students: filters, order, and a search that forgives accents and typos, and keeps to a school."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
import pytest_asyncio

from hub.rest.students import search
from tests.integration.rest.site import Site, shared_site
from tests.integration.rest.test_students import STUDENTS, WHOLE, made
from tests.services import Cluster

PEOPLE = (
    ("S-0001", "Zoë", None, "Müller", "zoe@school.example"),
    ("S-0002", "Jörg", "Karl-Heinz", "Groß", "j.gross@school.example"),
    ("S-0003", "Siobhán", None, "O'Neill", "siobhan@mail.example"),
    ("S-0004", "Наталія", None, "Шевченко", None),
    ("S-0005", "伟", None, "王", None),
    ("S-0006", "Małgorzata", None, "Wiśniewska", "100%_sure@mail.example"),
    ("S-0007", "José", "María", "García Lorca", None),
    ("S-0008", "Đức", None, "Nguyễn", None),
)


#: What changes nothing and shares the school.
searched = pytest.mark.asyncio(loop_scope="module")


async def admit(site: Site) -> None:
    for number, first, middle, last, email in PEOPLE:
        await made(
            site, {"studentId": number, "firstName": first, "middleName": middle, "lastName": last, "email": email}
        )
    await made(site, {"studentId": "F-1", "firstName": "Zoë", "lastName": "Mueller"}, site.token("school_admin", "far"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def school(cluster: Cluster) -> AsyncIterator[Site]:
    """For tests that only ask."""
    async with shared_site(cluster) as site:
        await admit(site)
        yield site


@pytest.fixture
async def own(site: Site) -> Site:
    """The same people, for a test that changes some."""
    await admit(site)
    return site


async def numbers(site: Site, query: str, token: str | None = None) -> list[str]:
    answer = await site.ask("GET", f"{STUDENTS}?sort=studentId&{query}", token or site.token())
    assert answer.status == 200, answer.text
    return [one["studentId"] for one in answer.json["data"]]


FOUND = [
    *(("zoe", "1"), ("ZOË", "1"), ("muller", "1"), ("Müller zoë", "1"), ("gross", "2"), ("groß karl heinz", "2")),
    *(("oneill", "3"), ("O’Neill", "3"), ("шевченко", "4"), ("Sevcenko", "4"), ("王", "5"), ("wisniew", "6")),
    *(("garcia jose", "7"), ("nguyen duc", "8"), ("S-0008", "8"), ("0003", "3"), ("mail.example", "36")),
    *(("zoe@school.example", "1"), ("100%", "6"), ("%_sure", "6"), ("%", ""), ("_", ""), ("s", "12345678"), ("\\", "")),
    # nobody is called so
    *(("Muler", "1"), ("mülelr", "1"), ("Gracia", "7"), ("Wisnewska", "6"), ("Nguyn", "8"), ("Шевчинко", "4")),
    *(("Siobhan Oneil", "3"), ("Zoe Mulller", "1"), ("Grosz", "2"), ("xyzzy", ""), ("zoe nguyen", ""), ("S-0009", "")),
]


@searched
@pytest.mark.parametrize(("q", "expected"), FOUND)
@pytest.mark.parametrize("steps", [0, 2_000])
async def test_search_forgives(
    school: Site, q: str, expected: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By either way: along the order, and by the index."""
    monkeypatch.setattr(search, "STEPS", steps)
    wanted = [f"S-000{digit}" for digit in expected]
    assert await numbers(school, f"q={quote(q)}") == wanted
    near = f"schoolId={school.schools['near']}"
    assert await numbers(school, f"q={quote(q)}&{near}", school.token("super_admin")) == wanted


@searched
@pytest.mark.parametrize("many", [1, 2, 4])
@pytest.mark.parametrize(
    "path", ["q=s-000", "q=school.example", "q=muler", "firstName=Zo%C3%AB", "q=zoe&status=active"]
)
@pytest.mark.parametrize("sort", ["studentId", "-createdAt", "lastName"])
async def test_the_ways_of_all_schools_find_the_same(
    school: Site, path: str, sort: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walking on, by the index among the next rows, by the index among all."""
    token, query = school.token("super_admin"), f"{STUDENTS}?sort={sort}&{path}&limit=2"

    async def pages() -> list[str]:
        seen, cursor = list[str](), ""
        while True:
            page = (await school.ask("GET", query + cursor, token)).json
            seen += [one["studentId"] for one in page["data"]]
            if not page["page"]["hasMore"]:
                return seen
            cursor = f"&cursor={page['page']['nextCursor']}"

    expected = await pages()
    for name, value in {"STEPS": 3, "LONGER_STEPS": 5, "MANY": many, "SOME": min(many, 2)}.items():
        monkeypatch.setattr(search, name, value)
    assert await pages() == expected != []


async def test_filters_are_found_by_the_index_too(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = await own.fetch("SELECT id FROM students WHERE student_id = 'S-0001'")
    token, born = own.token(), "2010-04-30"
    changes = {"dateOfBirth": born, "phone": "+493012345678", "yearOfStudy": 3, "enrollmentDate": "2024-09-01"}
    answer = await own.ask("PUT", f"{STUDENTS}/{row['id']}", token, changes | {"program": "O'Hara's \\ 100%"})
    assert answer.status == 200, answer.text
    monkeypatch.setattr(search, "STEPS", 0)
    for filter_ in (
        *(f"dateOfBirth={born}", "phone=%2B493012345678", "yearOfStudy=3", "enrollmentDate=2024-09-01"),
        *("enrollmentDateFrom=2024-09-01", "enrollmentDateUntil=2024-09-01", "program=O%27Hara%27s%20%5C%20100%25"),
        *("studentId=S-0001", "lastName=M%C3%BCller", "email=zoe%40school.example", "updatedFrom=2020-01-01T00:00:00Z"),
    ):
        every = filter_.startswith("updated")
        assert await numbers(own, f"{filter_}&limit=200") == [f"S-000{n}" for n in range(1, 9 if every else 2)]
        assert await numbers(own, f"q=zoe&{filter_}") == ["S-0001"], filter_
    assert await numbers(own, "q=zoe&yearOfStudy=4") == []
    assert await numbers(own, "createdUntil=2020-01-01T00:00:00Z") == []


@searched
async def test_a_whole_email_is_nobody_elses(school: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for steps in (0, 2_000):
        monkeypatch.setattr(search, "STEPS", steps)
        assert await numbers(school, "q=zoe%40school.example") == ["S-0001"]
        assert await numbers(school, "q=zoe%40school") == ["S-0001"]
        assert await numbers(school, "q=zoe%40mail.example") == []
        assert await numbers(school, "q=%40mail.example") == ["S-0003", "S-0006"]


@searched
async def test_a_super_admin_searches_all_schools(school: Site) -> None:
    token = school.token("super_admin")
    assert await numbers(school, "q=zoe", token) == ["F-1", "S-0001"]
    assert await numbers(school, "q=wisnewska", token) == ["S-0006"]
    assert len(await numbers(school, "", token)) == 9


@searched
@pytest.mark.parametrize("q", ["school.example", "s-000", "Muler"])
async def test_pages_of_a_search_hold_each_once(school: Site, q: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "STEPS", 2)
    whole = await numbers(school, f"q={q}&limit=200")
    seen, cursor = list[str](), ""
    while True:
        path = f"{STUDENTS}?sort=studentId&q={q}&limit=1&total=true{cursor}"
        answer = (await school.ask("GET", path, school.token())).json
        seen += [one["studentId"] for one in answer["data"]]
        assert answer["page"]["total"] == len(whole)
        if not answer["page"]["hasMore"]:
            break
        cursor = f"&cursor={answer['page']['nextCursor']}"
    assert seen == whole != []


@searched
async def test_search_and_filters_count_together(school: Site) -> None:
    assert await numbers(school, "q=example&lastName=Gro%C3%9F") == ["S-0002"]
    assert await numbers(school, "q=muler&firstName=Nobody") == []
    assert await numbers(school, "q=zoe&lastName=Nobody") == []


async def test_words_that_nobody_has_any_more_are_forgotten(own: Site) -> None:
    token = own.token()
    (row,) = await own.fetch("SELECT id FROM students WHERE student_id = 'S-0006'")
    path = f"{STUDENTS}/{row['id']}"
    await own.ask("PUT", path, token, {"lastName": "Nowak", "firstName": "Zoë"})
    words = {
        row["word"]
        for row in await own.fetch("SELECT word FROM student_words WHERE school_id = $1", own.schools["near"])
    }
    assert {"nowak", "zoe"} < words
    assert "wisniewska" not in words
    await own.ask("DELETE", f"{path}?erase=true", token)
    words = {
        row["word"]
        for row in await own.fetch("SELECT word FROM student_words WHERE school_id = $1", own.schools["near"])
    }
    assert "nowak" not in words
    assert "zoe" in words


ONE = WHOLE | {"studentId": "T-0001"}
OTHER: dict[str, Any] = {
    "studentId": "T-0002",
    "email": "other@school.example",
    "firstName": "Bob",
    "middleName": "B",
    "lastName": "Other",
    "gender": "male",
    "phone": "+15551234567",
    "dateOfBirth": "2009-01-01",
    "program": "Physics",
    "yearOfStudy": 1,
    "enrollmentDate": "2026-09-01",
    "graduationDate": "2030-07-31",
    "status": "suspended",
}
RANGES = {
    "enrollmentDateFrom": ("2024-09-02", "T-0002"),
    "enrollmentDateUntil": ("2024-09-01", "T-0001"),
    "graduationDateFrom": ("2030-07-31", "T-0002"),
    "graduationDateUntil": ("2030-07-30", "T-0001"),
}


async def test_there_is_a_filter_for_every_field(site: Site) -> None:
    first, second = await made(site, ONE), await made(site, OTHER)
    await site.fetch("UPDATE students SET created_at = '2026-01-01Z' WHERE student_id = 'T-0001'")
    for name, value in OTHER.items():
        assert await numbers(site, f"{name}={quote(str(value))}") == ["T-0002"], name
        assert await numbers(site, f"{name}={quote(str(ONE[name]))}") == ["T-0001"], name
    for name, (value, expected) in RANGES.items():
        assert await numbers(site, f"{name}={value}") == [expected], name
    assert await numbers(site, "createdUntil=2026-01-01T00:00:01Z") == ["T-0001"]
    assert await numbers(site, "createdFrom=2026-01-01T00:00:01Z") == ["T-0002"]
    after = (await site.ask("GET", f"{STUDENTS}/{first['id']}", site.token())).json["updatedAt"]
    assert await numbers(site, f"updatedFrom={quote(after)}") == ["T-0001"]
    assert await numbers(site, f"updatedUntil={quote(after)}") == ["T-0002"]
    department = (
        await site.fetch(
            "INSERT INTO departments (name, code, school_id) VALUES ('D', 'D', $1) RETURNING id", site.schools["near"]
        )
    )[0]["id"]
    await site.fetch("UPDATE students SET department_id = $2 WHERE id = $1", UUID(second["id"]), department)
    assert await numbers(site, f"departmentId={department}") == ["T-0002"]
    assert await numbers(site, f"departmentId={department}&status=active") == []


async def test_a_sealed_field_is_found_in_one_school(site: Site) -> None:
    await made(site, ONE)
    token = site.token("super_admin")
    refused = await site.ask("GET", f"{STUDENTS}?dateOfBirth=2010-12-10", token)
    assert (refused.status, refused.json["details"][0]["field"]) == (400, "dateOfBirth")
    near, far = (f"schoolId={site.schools[school]}" for school in ("near", "far"))
    assert await numbers(site, f"phone=%2B493012345678&{near}", token) == ["T-0001"]
    assert await numbers(site, f"phone=%2B493012345678&{far}", token) == []


@pytest.mark.parametrize(
    "query",
    [
        *("enrollmentDate=2026-02-30", "status=expelled", "yearOfStudy=x", "departmentId=1", "address=x", "sort=email"),
        *("createdFrom=2026-01-01", "createdFrom=0001-01-01T00:00:00%2B14:00", "q=", "deleted=maybe", "phone="),
    ],
)
async def test_what_no_filter_takes_is_refused(site: Site, query: str) -> None:
    assert (await site.ask("GET", f"{STUDENTS}?{query}", site.token())).status == 400
