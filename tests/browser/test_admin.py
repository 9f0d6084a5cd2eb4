"""The administration's pages in front of the real program: what an office does in a day, without a line of curl."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import ViewportSize, expect

from hub.reader import Reader
from tests.acceptance.hub import Hub
from tests.acceptance.school import School, guard
from tests.browser.office import Office
from tests.browser.window import Window

pytestmark = [pytest.mark.service, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).resolve().parents[2]
FILE = b"""studentId;firstName;lastName;email;yearOfStudy;departmentId
N-1001;Ada;Byron;ada.byron@school.example;1;PHY
N-1002;Grace;Hopper;not-an-address;2;LAW
N-1003;Alan;Turing;alan@school.example;99;PHY
N-1004;Edsger;Dijkstra;edsger@school.example;3;PHY
"""
#: Every list and form, with words that are there when it is whole.
PAGES = {
    "/admin/analytics": "Not seen",
    "/admin/students": "found",
    "/admin/students/import": "Check the file",
    "/admin/students/photos": "Import the photos",
    "/admin/students/roll-over": "Step 1",
    "/admin/passes": "found",
    "/admin/passes/templates": "found",
    "/admin/passes/letters": "found",
    "/admin/access-points": "found",
    "/admin/wall-screens": "Screens that show what happens",
    "/admin/accounts": "found",
    "/admin/roles": "Access points",
    "/admin/schools": "What is kept of students",
    "/admin/departments": "Physics",
    "/admin/audit": "Session: Signed in",
    "/admin/jobs": "Every kind",
}


async def test_every_page_is_among_them() -> None:
    """But those of one thing, and the signing keys, which are a super admin's: test_office.py."""
    declared = set(re.findall(r'path: "(/admin/[a-z/-]+)"', (ROOT / "dashboards/guard/src/admin/pages.ts").read_text()))
    assert declared == PAGES.keys() | {"/admin/signing-keys"}


async def test_a_student_is_made_gets_a_pass_and_is_found_again(office: Office) -> None:
    await office.go("/admin/students", "Students")
    await office.press("New student")
    await office.type(Number="x", First_name="Emmy", Last_name="Noether")
    await office.press("Create the student")
    number = (await office.top).get_by_label("Number")
    await expect(number).to_be_focused()  # what is wrong is said beside its field
    await expect(number).to_have_attribute("aria-invalid", "true")
    office.refused_once()
    await office.type(Number="N-1882")
    await office.press("Create the student")
    await office.sees("Emmy Noether")
    await office.press("Issue a pass")
    await office.window.page.get_by_role("dialog").get_by_role("button", name="Issue a pass").click()
    await office.reads("Issued")
    picture = office.window.page.get_by_alt_text("Code of the pass")
    await expect(picture).to_be_visible()
    await expect(picture).not_to_have_js_property("naturalWidth", 0)
    await office.go("/admin/students?q=Nöther", "Students")  # as she is written elsewhere
    await office.window.page.get_by_role("button", name="Noether, Emmy").click()
    await office.sees("Emmy Noether")
    await office.reads("Active")
    code = await office.one(
        "SELECT qr_code FROM passes p JOIN students s ON s.id = p.student_id WHERE s.student_id = 'N-1882'"
    )
    async with Reader(office.url, office.school.doors[0].key) as reader:
        assert (await reader.scan(str(code), direction="entry")).decision == "granted"


async def test_a_student_leaves_and_comes_back(office: Office) -> None:
    await office.go("/admin/students?q=lovelace", "Students")
    await office.window.page.locator("tbody button").first.click()
    await office.sees("Ada Lovelace")
    await office.press("Delete")
    await (await office.top).get_by_role("button", name="Delete").click()
    await office.reads("No pass of theirs opens a door")
    await office.press("Restore")
    await expect(office.window.page.get_by_role("button", name="Issue a pass")).to_be_visible()


async def test_an_import_is_mended_and_sent_again(office: Office) -> None:
    await office.go("/admin/students/import", "Import students")
    page = office.window.page
    await page.get_by_label("File", exact=True).set_input_files(
        {"name": "students.csv", "mimeType": "text/csv", "buffer": FILE}
    )
    await office.press("Check the file")
    await office.reads("2 rows are at fault")
    assert await office.one("SELECT count(*) FROM students WHERE student_id LIKE 'N-100%'") == 0
    await office.press("Import the 2 good rows")
    await office.reads("Imported")
    assert await office.one("SELECT count(*) FROM students WHERE student_id LIKE 'N-100%'") == 2
    await page.get_by_label("Line 3, email").fill("grace@school.example")
    await page.get_by_label("Line 4, yearOfStudy").fill("100")  # still wrong
    await office.press("Send 2 mended rows")
    await office.reads("One row is at fault")
    await expect(page.get_by_label("Line 4, yearOfStudy")).to_have_value("100")
    await page.get_by_label("Line 4, yearOfStudy").fill("4")
    await office.press("Send the mended row")
    await office.reads("No row is at fault")
    rows = await asyncio.to_thread(
        office.school.fetch,
        "SELECT s.student_id, s.email, s.year_of_study, d.code FROM students s JOIN departments d"
        " ON d.id = s.department_id WHERE s.student_id LIKE 'N-100%' ORDER BY 1",
    )
    assert [tuple(row) for row in rows] == [
        ("N-1001", "ada.byron@school.example", 1, "PHY"),
        ("N-1002", "grace@school.example", 2, "LAW"),
        ("N-1003", "alan@school.example", 4, "PHY"),
        ("N-1004", "edsger@school.example", 3, "PHY"),
    ]


async def test_a_file_whose_letters_may_be_two_is_asked_about(office: Office) -> None:
    await office.go("/admin/students/import", "Import students")
    page = office.window.page
    content = "studentId;firstName;lastName\nN-2001;Hélène;Lefèvre\n".encode("cp1252")
    await page.get_by_label("File", exact=True).set_input_files(
        {"name": "eleves.csv", "mimeType": "text/csv", "buffer": content}
    )
    await office.press("Check the file")
    await office.reads("Hélène (cp1252) or Hélčne (cp1250)")
    office.refused_once()
    await page.get_by_label("How the letters of the file are written").select_option("Western Europe (cp1252)")
    await office.press("Check the file")
    await office.press("Import one row")
    await office.reads("Imported")
    assert await office.one("SELECT first_name FROM students WHERE student_id = 'N-2001'") == "Hélène"


async def test_a_reader_is_enrolled(office: Office) -> None:
    await office.go("/admin/access-points", "Access points")
    await office.press("New access point")
    await office.type(Name="Greenhouse")
    await office.press("Create it, and show its key")
    dialog = office.window.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("It is shown this once")
    lines = (await dialog.locator("pre").inner_text()).split("\n")
    assert lines[0] == f"PASSHUB_URL={office.url}"
    key = lines[1].removeprefix("PASSHUB_KEY=")
    async with Reader(office.url, key) as reader:
        assert (await reader.scan("nobody's code", direction="entry")).reason == "malformed_code"
    await expect(dialog.get_by_role("img", name="What the reader needs")).to_be_visible()
    await office.press("The reader has it")
    await office.window.page.get_by_role("button", name="Greenhouse").click()
    await office.sees("Greenhouse")
    await office.press("New key")
    await (await office.top).get_by_role("button", name="New key").click()
    await expect(dialog.locator("pre")).to_contain_text("PASSHUB_KEY=")
    assert key not in await dialog.locator("pre").inner_text()


async def test_a_screen_on_a_wall_is_paired_watches_and_is_revoked(office: Office) -> None:
    browser = office.window.page.context.browser
    assert browser is not None
    context = await browser.new_context(viewport={"width": 1920, "height": 1080})
    wall = Window(await context.new_page())
    await wall.watch()
    await wall.page.clock.install()
    await wall.page.goto(office.url + "/wall")
    code = wall.page.locator("#code")
    await expect(code).to_have_text(re.compile(r"^[2-9A-Z]{4} [2-9A-Z]{4}$"))
    await office.go("/admin/wall-screens", "Wall screens")
    await office.press("Pair a screen")
    await office.type(Code=(await code.inner_text()).lower(), Where_it_hangs="Lodge")
    await office.press("Let it in")
    await expect(office.window.page.locator("tbody tr", has_text="Lodge")).to_be_visible()
    await wall.page.clock.fast_forward(11_000)  # it asks every ten seconds
    await wall.says("Live")
    async with Reader(office.url, office.school.doors[0].key) as reader:
        await reader.scan("revoked-North", direction="entry")
        await expect(wall.page.locator("#newest .name")).to_have_text("Ada Lovelace")
    await wall.page.reload()  # its cookie is enough
    await wall.says("Live")
    await expect(wall.page.locator(".school")).to_have_text("North Lodge")
    await office.go("/admin/wall-screens", "Wall screens")
    await expect(office.window.page.locator("tbody tr", has_text="Lodge")).to_contain_text("Paired")
    await office.window.page.locator("tbody").get_by_role("button", name="Lodge").click()
    await office.type(Where_it_hangs="Hall")
    await office.press("Save")
    await office.window.page.locator("tbody").get_by_role("button", name="Hall").click()
    await office.press("Revoke")
    await (await office.top).get_by_role("button", name="Revoke").click()
    await office.reads("No screens yet")
    revoked = wall.page.get_by_role("alert").filter(has_text="This screen was revoked")
    await expect(revoked).to_be_visible()
    await expect(code).to_be_visible()
    await expect(wall.page.locator("#newest")).to_have_count(0)
    await wall.page.reload()
    await expect(revoked).to_be_visible()
    assert wall.complaints == []
    await context.close()


async def test_passes_are_issued_to_a_department_and_one_is_revoked(office: Office) -> None:
    await asyncio.to_thread(
        office.school.execute,
        "INSERT INTO students (student_id, first_name, last_name, school_id, department_id)"
        " SELECT 'L-' || n, 'Portia', 'Law', school_id, id FROM departments, generate_series(1, 3) n"
        " WHERE code = 'LAW'",
    )
    await office.go("/admin/passes", "Passes")
    await office.press("Issue passes")
    await (await office.top).get_by_label("Department").select_option("Law")
    await office.press("Begin")
    dialog = office.window.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Done")
    made = "SELECT count(*) FROM passes p JOIN students s ON s.id = p.student_id WHERE s.student_id LIKE 'L-%'"
    assert await office.one(made) == 3
    await dialog.locator(".end").get_by_role("button", name="Close").click()
    await office.window.page.locator("tbody tr", has_text="Portia Law").first.get_by_role("button").click()
    await office.press("Revoke")
    await office.type(Reason="found in the street")
    await (await office.top).get_by_role("button", name="Revoke").click()
    await office.reads("Revoked: found in the street")
    assert await office.one(made + " AND p.status = 'revoked'") == 1


async def test_a_year_is_counted_and_then_rolled_over(office: Office) -> None:
    await asyncio.to_thread(
        office.school.execute,
        "INSERT INTO students (student_id, first_name, last_name, school_id, program, year_of_study)"
        " SELECT 'Y-' || n, 'Yuri', 'Year', school_id, 'Botany', n FROM departments, generate_series(1, 3) n"
        " WHERE code = 'LAW'",
    )
    await office.go("/admin/students/roll-over", "New school year")
    steps = office.window.page.locator("ol > li")
    await steps.nth(0).get_by_label("Programme").fill("Botany")
    await steps.nth(0).get_by_label("Year of study").fill("3")
    await steps.nth(1).get_by_label("Everybody").uncheck()
    await steps.nth(1).get_by_label("Programme").fill("Botany")
    await office.press("Count")
    await office.reads("This is what would happen")
    years = "SELECT array_agg(year_of_study ORDER BY student_id) FROM students WHERE program = 'Botany'"
    assert await office.one(years) == [1, 2, 3]
    await office.press("Do it")
    await office.reads("It is done")
    assert await office.one(years) == [2, 3, 3]
    assert await office.one("SELECT status FROM students WHERE student_id = 'Y-3'") == "graduated"


async def test_somebody_is_invited_with_a_role_of_the_schools_own(office: Office) -> None:
    await office.go("/admin/roles", "Roles")
    await office.press("New role")
    await office.type(Name="Librarian")
    top = await office.top
    await top.get_by_role("group", name="Students").get_by_label("see").check()
    await office.press("Create the role")
    await office.reads("Librarian")
    await office.go("/admin/accounts", "Accounts")
    await office.press("Invite somebody")
    await office.type(First_name="Libby", Last_name="Reed", **{"E-mail_address": "libby@north.example"})
    await (await office.top).get_by_label("Role").select_option("Librarian")
    await office.press("Send the invitation")
    await office.reads("Libby Reed")
    await office.reads("Not accepted yet")


async def test_what_a_school_keeps_is_what_a_form_asks(office: Office) -> None:
    await office.go("/admin/schools", "North")
    await office.window.page.get_by_label("Gender").select_option("Off")
    await office.window.page.get_by_label("Programme").select_option("Required")
    await office.press("Save")
    await expect(office.window.page.get_by_text("Saved.")).to_be_visible()
    await office.go("/admin/students", "Students")
    await office.press("New student")
    dialog = office.window.page.get_by_role("dialog")
    await expect(dialog.get_by_label("Programme")).to_have_attribute("required", "")
    assert await dialog.get_by_label("Gender").count() == 0
    await asyncio.to_thread(office.school.execute, "UPDATE schools SET settings = '{}' WHERE code = 'North'")


async def test_who_lacks_a_permission_sees_neither_entry_nor_page(window: Window, program: Hub, school: School) -> None:
    office = Office(window, program, school)
    await office.sign_in(guard("North"))
    menu = window.page.get_by_role("navigation")
    await expect(menu.get_by_role("link", name="Passes")).to_be_visible()
    for name in ("Students", "Access points", "Accounts", "School", "Departments", "Audit log", "Jobs", "Analytics"):
        await expect(menu.get_by_role("link", name=name)).to_have_count(0)
    for path in PAGES.keys() - {"/admin/passes"}:
        await office.go(path, "There is no such page")
    await office.go("/admin/passes", "Passes")
    await office.reads("found")
    await expect(window.page.get_by_role("button", name="Issue passes")).to_have_count(0)


async def test_it_speaks_german(window: Window, program: Hub, school: School) -> None:
    office = Office(window, program, school)
    await office.sign_in()
    await window.page.evaluate("localStorage.setItem('passhub.language', 'de')")
    await office.go("/admin/students", "Lernende")
    await office.reads("gefunden")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_has_a_violation(office: Office, theme: str) -> None:
    page = office.window.page
    await page.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    for path, said in PAGES.items():
        await page.goto(office.url + path)
        await office.reads(said)
        assert (path, await office.violations()) == (path, [])
    for path, button in (
        *(("/admin/students", "New student"), ("/admin/passes", "Issue passes")),
        ("/admin/passes/templates", "New template"),
        ("/admin/wall-screens", "Pair a screen"),
    ):
        await page.goto(office.url + path)
        await office.press(button)
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert (button, await office.violations()) == (button, [])
    for path in ("/admin/students", "/admin/passes", "/admin/access-points"):
        await page.goto(office.url + path)
        await page.locator("tbody button").first.click()
        await expect(page).not_to_have_url(office.url + path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert (path, await office.violations()) == (path, [])


@pytest.mark.parametrize("width", [390, 1920])
async def test_no_page_is_wider_than_the_window(office: Office, width: int) -> None:
    await office.window.page.set_viewport_size(ViewportSize(width=width, height=900))
    for path, said in PAGES.items():
        await office.window.page.goto(office.url + path)
        await office.reads(said)
        assert (path, await office.window.page.evaluate("document.documentElement.scrollWidth")) <= (path, width)
