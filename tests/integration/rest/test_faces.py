"""What a guard is told of people: found by how a name begins, with no more than is needed; and each look is kept."""

from __future__ import annotations

from tests.integration.rest.site import Site
from tests.integration.rest.test_students import made

FACES = "/api/v1/faces"


async def test_two_letters_find_somebody_and_tell_little(site: Site) -> None:
    zoe = await made(
        site, {"studentId": "S-1", "firstName": "Zoë", "lastName": "Müller", "program": "Art", "yearOfStudy": 2}
    )
    await made(site, {"studentId": "S-2", "firstName": "Ada", "lastName": "Lovelace"})
    await made(site, {"studentId": "S-3", "firstName": "Zora", "lastName": "Far"}, site.token("school_admin", "far"))
    answer = await site.ask("GET", f"{FACES}?q=zo", site.token("security"))
    assert answer.status == 200, answer.text
    (found,) = answer.json["data"]
    assert found == {
        "id": zoe["id"],
        "studentId": "S-1",
        "name": "Zoë Müller",
        "program": "Art",
        "yearOfStudy": 2,
        "status": "active",
        "photoUrl": None,
    }
