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


async def test_one_person_has_passes_and_the_look_is_kept(site: Site) -> None:
    ada = await made(site, {"studentId": "S-1", "firstName": "Ada", "lastName": "Lovelace"})
    for number, status in (("P-1", "revoked"), ("P-2", "active")):
        await site.fetch(
            "INSERT INTO passes (school_id, student_id, pass_number, qr_code, issue_date, expiry_date, status)"
            " VALUES ($1, $2, $3, $3, '2026-01-01', '2099-01-01', $4)",
            *(site.schools["near"], ada["id"], number, status),
        )
    answer = await site.ask("GET", f"{FACES}/{ada['id']}", site.token("security"))
    assert answer.status == 200, answer.text
    assert answer.json["name"] == "Ada Lovelace"
    assert [(one["passNumber"], one["status"]) for one in answer.json["passes"]] == [
        ("P-2", "active"),
        ("P-1", "revoked"),
    ]
    assert "qrCode" not in answer.text
    assert (await site.ask("GET", f"{FACES}/{ada['id']}", site.token("security", "far"))).status == 404
    await site.ask("DELETE", f"/api/v1/students/{ada['id']}", site.token())
    assert (await site.ask("GET", f"{FACES}/{ada['id']}", site.token("security"))).status == 404
