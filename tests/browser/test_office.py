"""What an office looks up and keeps, before the real program: numbers, documents, photos, templates, letters, keys."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import FilePayload, Route, expect

from hub.reader import Reader
from tests.acceptance.hub import Hub
from tests.acceptance.program import wait_for
from tests.acceptance.school import School
from tests.browser.office import CHIEF, Office, count
from tests.browser.window import Window
from tests.clamd import EICAR
from tests.integration.files.samples import PDF, picture

pytestmark = [pytest.mark.service, pytest.mark.asyncio(loop_scope="session")]

OF_NORTH = "(SELECT school_id FROM users WHERE email = 'admin@north.example')"


def _file(name: str, kind: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


@asynccontextmanager
async def scanner(program: Hub) -> AsyncIterator[None]:
    """Speaks as clamd does, and knows one virus."""

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = bytearray()
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(length)
        writer.write(b"stream: Test.Eicar FOUND\0" if EICAR in content else b"stream: OK\0")
        await writer.drain()
        writer.close()

    socket: Path = program.directory / "clamd.sock"
    server = await asyncio.start_unix_server(look, socket)
    async with server:
        yield
    await asyncio.to_thread(socket.unlink, missing_ok=True)


async def _student(office: Office, number: str, last_name: str) -> UUID:
    id_ = await office.one(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        f" VALUES ($1, 'Konrad', $2, {OF_NORTH}) RETURNING id",
        *(number, last_name),
    )
    assert isinstance(id_, UUID)
    return id_


def _arrive(school: School, ids: list[str]) -> None:
    """Until the log has these scans."""
    found = "SELECT count(*) FROM access_logs WHERE id = ANY ($1::uuid[])"
    wait_for(lambda: school.fetch(found, ids)[0][0] == len(ids), "the scans are in the log")


async def _downloaded(office: Office, button: str) -> bytes:
    """The file that a button gives."""
    page = office.window.page
    async with page.expect_download() as download:
        await page.get_by_role("button", name=button, exact=True).click()
    return await asyncio.to_thread(Path(await (await download.value).path()).read_bytes)


def _lines(file: bytes) -> list[str]:
    return file.decode("utf-8-sig").splitlines()


async def test_the_numbers_of_a_school(office: Office) -> None:
    page, door = office.window.page, office.school.doors[0]
    unseen = await _student(office, "Z-1941", "Zuse")
    await office.one(
        "UPDATE student_last_seen SET made_at = now() - interval '1 year' WHERE student_id = $1 RETURNING true", unseen
    )
    async with Reader(office.url, door.key) as reader:
        answers = [await reader.scan(code, direction="entry") for code in (*door.codes[:3], "revoked-North")]
    await asyncio.to_thread(_arrive, office.school, [str(answer.scan_id) for answer in answers])
    await asyncio.to_thread(count, office.school)
    entries = await office.one(f"SELECT sum(entries)::int FROM access_hourly_totals WHERE school_id = {OF_NORTH}")

    await office.go("/admin/analytics?notSeen=180", "Analytics")  # as nobody has asked: answers are kept a while
    await office.reads("Counted up to")
    tile = page.locator(".tile", has_text="Entries").locator(".value")
    await expect(tile).to_have_text(f"{entries}")
    chart = page.get_by_role("img", name=f"Entries an hour: {entries} entries")
    await expect(chart).to_be_visible()
    await office.reads("The pass was revoked")
    busiest = page.locator("section", has_text="Busiest hours").last
    await expect(busiest.locator("li").first).to_have_text(re.compile(r"^\w+day, \d\d:00–\d\d:00\s+\d+\s*$"))
    await page.get_by_role("button", name="90 days").click()
    await expect(page.get_by_role("img", name=f"Entries a day: {entries} entries")).to_be_visible()
    await page.get_by_label("Until").fill("2020-01-01")
    await page.get_by_label("Until").blur()
    await office.reads("The first day has to come before the last one")
    office.refused_once()
    await page.get_by_role("button", name="30 days").click()
    await page.get_by_label("For how long").select_option("For 90 days")
    _, *kept = _lines(await _downloaded(office, "CSV"))
    assert [line.split(",")[:3] for line in kept] == [["Z-1941", "Konrad", "Zuse"]]
    await page.get_by_role("button", name="Zuse, Konrad").click()
    await office.sees("Konrad Zuse")


async def test_a_schools_logo_is_kept_shown_and_taken_away(office: Office) -> None:
    page = office.window.page
    await office.go("/admin/schools", "North")
    shown = page.get_by_role("img", name="Logo")
    await expect(page.get_by_label("Address of the logo")).to_be_visible()
    await expect(shown).to_have_count(0)
    await page.get_by_label("Website").fill("https://north.example")
    async with scanner(office.program):
        await page.get_by_label("Logo", exact=True).set_input_files(_file("logo.png", "image/png", picture("PNG")))
        await expect(shown).to_be_visible()
    await expect(page.get_by_label("Address of the logo")).to_have_count(0)
    assert await office.one(f"SELECT count(*) FROM school_logos WHERE school_id = {OF_NORTH}") == 1
    await expect(page.get_by_label("Website")).to_have_value("https://north.example")  # what was typed stays
    await office.press("Save")
    await expect(page.get_by_text("Saved.")).to_be_visible()
    assert await office.one(f"SELECT website FROM schools WHERE id = {OF_NORTH}") == "https://north.example"
    assert await office.violations() == []
    await page.get_by_label("Website").fill("https://west.example")
    await office.press("Take it away")
    await expect(shown).to_have_count(0)
    assert await office.one(f"SELECT count(*) FROM school_logos WHERE school_id = {OF_NORTH}") == 0
    await expect(page.get_by_label("Address of the logo")).to_have_value("")
    await expect(page.get_by_label("Website")).to_have_value("https://west.example")


async def test_documents_are_kept_once_a_scanner_has_seen_them(office: Office) -> None:
    page = office.window.page
    student = await _student(office, "D-1", "Dossier")
    await office.go(f"/admin/students/{student}", "Konrad Dossier")
    await office.reads("No document yet")
    async with scanner(office.program):
        await office.press("Add documents")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Type").select_option("Certificate")
        files = [_file("a.pdf", "application/pdf", PDF), _file("virus.pdf", "application/pdf", PDF + EICAR)]
        await dialog.get_by_label("Files").set_input_files(files)
        await office.press("Add them")
        await expect(dialog.get_by_role("alert")).to_contain_text("A virus was found")
        assert ["a status of 422" in one for one in office.window.complaints] == [True]
        office.window.complaints.clear()
        assert await office.one("SELECT count(*) FROM documents WHERE student_id = $1", student) == 0
        await dialog.get_by_label("Files").set_input_files([files[0], _file("b.jpg", "image/jpeg", picture())])
        await office.press("Add them")
        await expect(dialog).to_have_count(0)
        await office.reads("b.jpg")
    await expect(page.locator("tbody tr", has_text="a.pdf")).to_contain_text("Nothing found")
    assert await _downloaded(office, "Download a.pdf") == PDF

    await office.press("Add documents")
    await dialog.get_by_label("Type").select_option("Letter")
    await dialog.get_by_label("Files").set_input_files([_file("late.pdf", "application/pdf", PDF)])
    await office.press("Add them")
    late = page.locator("tbody tr", has_text="late.pdf")
    await expect(late).to_contain_text("Waits for the scan")
    await office.reads("given to nobody until it was looked at")
    await expect(late.get_by_role("button", name="Download")).to_have_count(0)
    assert await office.violations() == []
    await page.get_by_role("button", name="Delete late.pdf").click()
    await (await office.top).get_by_role("button", name="Delete").click()
    await expect(late).to_have_count(0)
    names = "SELECT array_agg(file_name ORDER BY file_name) FROM documents WHERE student_id = $1"
    assert await office.one(names, student) == ["a.pdf", "b.jpg"]


async def test_photos_come_in_a_zip_and_those_left_out_are_named(office: Office) -> None:
    page = office.window.page
    student = await _student(office, "P-1", "Portrait")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("class/P-1.jpg", picture())
        archive.writestr("class/nobody.jpg", picture())
    await office.go("/admin/students/photos", "Import photos")
    await page.get_by_label("File", exact=True).set_input_files(
        _file("photos.zip", "application/zip", packed.getvalue())
    )
    async with scanner(office.program):
        await office.press("Import the photos")
        await office.reads("One picture was left out")
    await expect(page.locator("tbody td")).to_have_text(["class/nobody.jpg", "is named like no student's number"])
    _, *kept = _lines(await _downloaded(office, "Download the list (CSV)"))
    assert kept == ["class/nobody.jpg,is named like no student's number"]
    await office.go(f"/admin/students/{student}", "Konrad Portrait")
    photo = page.locator(".photo img")
    await expect(photo).to_have_js_property("naturalWidth", 400)
    await office.press("Take it away")
    await expect(photo).to_have_count(0)


async def test_a_template_is_made_changed_and_set_back(office: Office) -> None:
    page = office.window.page
    await office.go("/admin/passes/templates", "Templates of passes")
    await office.press("New template")
    await office.type(Name="Day guest", **{"Title_(optional)": "Guest of the day", "Days_(optional)": "2"})
    await (await office.top).get_by_label("Colour").fill("#ffcc00")
    preview = page.get_by_role("region", name="Preview")
    await expect(preview).to_contain_text("Guest of the day: North")
    await expect(preview.locator(".head")).to_have_css("background-color", "rgb(255, 204, 0)")
    await office.press("Create the template")
    await page.get_by_role("button", name="Day guest").click()
    await expect((await office.top).get_by_label("Colour")).to_have_value("#ffcc00")
    await office.press("As at first")
    await expect(preview).to_contain_text("Your pass: North")
    await office.press("Save")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    row = "SELECT (title, color, valid_days)::text FROM pass_templates WHERE name = 'Day guest'"
    assert await office.one(row) == '("",#1f4e79,)'


async def test_letters_say_what_became_of_them(office: Office) -> None:
    await office.one(
        "INSERT INTO pass_mails (id, school_id, pass_id, job_id, lookup_key, state, fault) SELECT gen_random_uuid(),"
        f" school_id, id, id, '', 'refused', 'no such mailbox' FROM passes WHERE school_id = {OF_NORTH}"
        " AND pass_number = 'granted-North-0' RETURNING true"
    )
    await office.go("/admin/passes/letters", "Letters")
    row = office.window.page.locator("tbody tr")
    await expect(row).to_contain_text("granted-North-0")
    await expect(row).to_contain_text("no such mailbox")
    await office.reads("tried again by “Send by mail”")
    await office.window.page.get_by_label("State").select_option("On its way")
    await office.reads("Nothing is like that")


async def test_a_new_key_signs_and_a_stolen_one_is_exchanged(window: Window, program: Hub, school: School) -> None:
    office, page = Office(window, program, school), window.page
    await office.sign_in(CHIEF)
    await office.go("/admin/signing-keys", "Signing keys")
    for _ in range(2):
        await office.press("New key")
        await expect(page.get_by_role("dialog")).to_contain_text("passes that are printed or on phones stay good")
        await (await office.top).get_by_role("button", name="New key").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
    signs = page.locator("tbody tr", has_text="Signs").filter(has_not_text="Retired")
    await expect(page.locator("tbody tr", has_text="Retired").first).to_be_visible()
    await expect(signs).to_have_count(1)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
        await office.go("/admin/signing-keys", "Signing keys")  # drawn in it, and not on the way to it
        await expect(signs).to_have_count(1)
        assert (scheme, await office.violations()) == (scheme, [])
    kid = await signs.locator("code").inner_text()
    one = "UPDATE passes SET key_id = $1 WHERE pass_number = 'granted-South-0' RETURNING qr_code"
    code = await office.one(one, kid)
    await signs.get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_contain_text("have to be printed or mailed again")
    assert await office.violations() == []
    await office.type(Reason="the backup was stolen")
    await office.press("It was stolen: sign anew")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Passes signed anew")
    found = await office.one("SELECT qr_code FROM passes WHERE pass_number = 'granted-South-0' AND key_id <> $1", kid)
    assert found not in {None, code}
    await page.keyboard.press("Escape")
    await office.reads("Because: the backup was stolen")


async def test_who_belongs_to_no_school_works_in_the_one_that_is_chosen(
    window: Window, program: Hub, school: School
) -> None:
    office, page = Office(window, program, school), window.page
    await office.one(
        "INSERT INTO students (student_id, first_name, last_name, school_id)"
        " SELECT 'M-1', code, 'Migrant', id FROM schools RETURNING true"
    )
    await office.sign_in(CHIEF)
    await office.go("/admin/students?q=migrant", "Students")
    await expect(page.locator("tbody tr")).to_contain_text(["Migrant, North"])  # the first, by name
    await office.go("/admin/departments", "Departments")
    await office.reads("Physics")
    await page.get_by_label("School").select_option("South")
    await office.reads("No departments yet")
    await page.get_by_role("link", name="Look up").click()
    await page.get_by_label("Name or number").fill("migrant")
    await expect(page.locator(".found li")).to_contain_text(["South Migrant"])


async def test_what_is_said_while_a_dialog_is_open_is_said_above_it(office: Office) -> None:
    page = office.window.page
    await page.add_init_script("navigator.clipboard.writeText = () => Promise.reject()")
    await office.go("/admin/access-points", "Access points")
    await office.press("New access point")
    await office.type(Name="Orangery")
    await office.press("Create it, and show its key")
    await office.press("Copy")
    said = page.get_by_role("alert").filter(has_text="Not copied")
    seen = """(it) => {
        const { x, y, width, height } = it.getBoundingClientRect();
        return it.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    assert await said.evaluate(seen)
    await said.get_by_role("button", name="Close").click()
    await expect(said).to_have_count(0)
    await office.press("Copy")
    await office.press("The reader has it")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(said).to_be_visible()  # a fault stays, on the page again
    await said.get_by_role("button", name="Close").click()
    await expect(said).to_have_count(0)


async def test_who_changes_what_somebody_else_has_changed_is_told_so(office: Office) -> None:
    student = await _student(office, "Z-1", "Zuse")
    await office.go(f"/admin/students/{student}", "Konrad Zuse")
    await office.press("Edit")
    await office.one("UPDATE students SET program = 'Computing' WHERE id = $1 RETURNING true", student)
    await office.type(First_name="Konrad Ernst")
    await office.press("Save")
    said = "Somebody else has changed this meanwhile. Reload the page, and make your change again."
    await expect((await office.top).get_by_role("alert")).to_have_text(said)
    assert [one[-25:] for one in office.window.complaints] == ["412 (Precondition Failed)"]
    office.window.complaints.clear()


async def test_signing_keys_are_for_super_admins(office: Office) -> None:
    await office.go("/admin/signing-keys", "There is no such page")
    await expect(office.window.page.get_by_role("link", name="Signing keys")).to_have_count(0)


async def test_what_is_sent_again_after_a_lost_answer_is_done_once(office: Office) -> None:
    page, keys = office.window.page, list[str | None]()

    async def lose(route: Route) -> None:
        """The hub does it, and its answer is lost."""
        keys.append(route.request.headers.get("idempotency-key"))
        await route.fetch()
        await route.abort("internetdisconnected")

    await office.go("/admin/passes", "Passes")
    await office.press("Visitor’s pass")
    await office.type(With_whom="Ada Admin", **{"Visitor’s_name": "Vera Visitor"})
    await page.route("**/api/v1/passes/visitors*", lose, times=1)
    send = page.get_by_role("dialog").locator("button[type=submit]")
    await send.click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    made = "SELECT count(*) FROM passes WHERE visitor_name = 'Vera Visitor'"
    assert await office.one(made) == 1
    async with page.expect_request("**/api/v1/passes/visitors*") as again:
        await send.click()
    keys.append((await again.value).headers.get("idempotency-key"))
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert keys[0] == keys[1] is not None
    assert await office.one(made) == 1
