"""A school's logo: what is taken, who sees it, and that it stands on badges."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from hub.config import Settings
from tests.clamd import ClamdProcess
from tests.integration.files.samples import HEIC, INFECTED, picture, png_bomb
from tests.integration.files.uploads import fetch
from tests.integration.rest.site import Answer, Site, site_running

SCHOOLS = "/api/v1/schools"
GREEN = (10, 160, 60)


@pytest.fixture
def own(settings: Callable[..., Settings], tmp_path: Path, clamd: ClamdProcess) -> Settings:
    return settings(rate_anonymous=10_000, files_dir=tmp_path / "files", clamd_url=clamd.url)


@pytest.fixture
async def site(own: Settings) -> AsyncIterator[Site]:
    async with site_running(own) as running:
        yield running


def address(site: Site, school: str = "near") -> str:
    return f"{SCHOOLS}/{site.schools[school]}/logo"


async def send(site: Site, content: bytes, token: str | None = None, school: str = "near") -> Answer:
    form = aiohttp.FormData()
    form.add_field("logo", io.BytesIO(content), filename="logo.png", content_type="image/png")
    return await site.ask("POST", address(site, school), token or site.token(), form)


async def url(site: Site) -> Any:
    return (await site.ask("GET", f"{SCHOOLS}/{site.schools['near']}", site.token())).json["logoUrl"]


async def test_a_logo_is_whole_on_white_and_has_an_address(site: Site) -> None:
    answer = await send(site, picture("PNG", (900, 300), GREEN))
    assert answer.status == 201, answer.text
    assert answer.json == {"id": str(site.schools["near"]), "logoUrl": address(site)}
    assert answer.headers["Location"] == address(site) == await url(site)
    status, headers, content = await fetch(site, address(site))
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(content)).convert("RGB")
    assert image.size == (320, 320)
    assert image.getpixel((160, 20)) == image.getpixel((160, 300)) == (255, 255, 255)
    for across in (4, 160, 315):
        seen: Any = image.getpixel((across, 160))
        assert all(abs(a - b) < 12 for a, b in zip(seen, GREEN, strict=True))
    assert (await fetch(site, address(site), **{"If-None-Match": headers["ETag"]}))[0] == 304


async def test_another_one_takes_its_place_and_a_deleted_one_is_gone(site: Site) -> None:
    assert (await send(site, picture("PNG", (50, 50), GREEN))).status == 201
    before = await fetch(site, address(site))
    assert (await send(site, picture("JPEG", (50, 50), "red"))).status == 201
    after = await fetch(site, address(site))
    assert before[1]["ETag"] != after[1]["ETag"]
    assert before[2] != after[2]
    assert (await site.ask("DELETE", address(site), site.token())).status == 204
    assert (await site.ask("DELETE", address(site), site.token())).status == 404
    assert (await fetch(site, address(site)))[0] == 404
    assert await url(site) is None
    changes = await site.fetch(
        "SELECT old_values ->> 'logo' IS NULL AS first, new_values ->> 'logo' IS NULL AS last FROM audit_logs"
        " WHERE resource_type = 'school' AND action = 'update' ORDER BY id"
    )
    assert [tuple(row) for row in changes] == [(True, False), (False, False), (False, True)]


async def test_an_address_elsewhere_stays_when_a_kept_one_goes(site: Site) -> None:
    assert (await send(site, picture())).status == 201
    school = f"{SCHOOLS}/{site.schools['near']}"
    assert (await site.ask("PUT", school, site.token(), {"logoUrl": address(site)})).status == 200
    elsewhere = "https://north.example/logo.png"
    assert (await site.ask("PUT", school, site.token(), {"logoUrl": elsewhere})).status == 200
    assert (await site.ask("DELETE", address(site), site.token())).status == 204
    assert await url(site) == elsewhere
    assert (await site.ask("PUT", school, site.token(), {"logoUrl": "/etc/passwd"})).status == 400


async def test_the_school_sees_it_and_its_administrators_change_it(site: Site) -> None:
    assert (await send(site, picture())).status == 201
    assert (await send(site, picture(), site.token("security"))).status == 403
    far = site.token("school_admin", "far")
    assert (await send(site, picture(), far)).status == 404
    assert (await fetch(site, address(site), far))[0] == 404
    assert (await site.ask("DELETE", address(site), far)).status == 404
    chief = site.token("super_admin", None)
    assert (await send(site, picture(), chief, "far")).status == 201
    assert (await fetch(site, address(site, "far"), far))[0] == 200
    rows = await site.fetch("SELECT school_id FROM school_logos")
    assert {row["school_id"] for row in rows} == set(site.schools.values())


@pytest.mark.parametrize(
    ("content", "status"), [(HEIC, 415), (b"<svg/>", 415), (b"", 400), (png_bomb(), 422), (INFECTED, 422)]
)
async def test_what_is_no_logo_is_refused(site: Site, content: bytes, status: int) -> None:
    answer = await send(site, content)
    assert answer.status == status, answer.text
    assert await site.fetch("SELECT FROM school_logos") == []
    assert await url(site) is None


async def test_nobody_looks_for_viruses_and_none_is_taken(settings: Callable[..., Settings], tmp_path: Path) -> None:
    away = settings(rate_anonymous=10_000, files_dir=tmp_path / "f", clamd_url="tcp://127.0.0.1:1", clamd_timeout=1)
    async with site_running(away) as site:
        answer = await send(site, picture())
        assert answer.status == 503, answer.text
        assert await site.fetch("SELECT FROM school_logos") == []
