"""Forms keep what was typed and what a colleague saved, and offer what the hub will take; before the real program."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.acceptance.hub import Hub
from tests.acceptance.school import School
from tests.browser.office import CHIEF, Office
from tests.browser.window import Window

pytestmark = [pytest.mark.service, pytest.mark.asyncio(loop_scope="session")]

OF_NORTH = "(SELECT school_id FROM users WHERE email = 'admin@north.example')"


async def test_a_dialog_is_closed_by_a_click_behind_it_and_not_by_the_end_of_a_selection(office: Office) -> None:
    page = office.window.page
    await office.go("/admin/students", "Students")
    await office.press("New student")
    await office.type(First_name="Emmy")
    dialog, name = page.get_by_role("dialog"), page.get_by_role("dialog").get_by_label("First name")
    box = await name.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(5, 5)
    await page.mouse.up()
    await expect(name).to_have_value("Emmy")
    await page.mouse.click(5, 5)
    await expect(dialog).to_have_count(0)


async def test_what_is_shown_once_is_closed_by_its_button_alone(office: Office) -> None:
    page = office.window.page
    await office.go("/admin/access-points", "Access points")
    await office.press("New access point")
    await office.type(Name="Orangery")
    await office.press("Create it, and show its key")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("It is shown this once")
    for _ in range(3):
        await page.keyboard.press("Escape")
        await page.mouse.click(5, 5)
        await expect(dialog).to_contain_text("PASSHUB_KEY=")
    await expect(dialog.get_by_role("button", name="Close")).to_have_count(0)
    await office.press("The reader has it")
    await expect(dialog).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "title", "made", "meanwhile", "kept"),
    [
        (
            *("/admin/departments", "Departments"),
            f"INSERT INTO departments (school_id, name, code) VALUES ({OF_NORTH}, 'Botany', 'BOT') RETURNING true",
            "UPDATE departments SET head_name = 'Ada' WHERE code = 'BOT' RETURNING true",
            "SELECT (name, head_name)::text FROM departments WHERE code = 'BOT'",
        ),
        (
            *("/admin/passes/templates", "Templates of passes"),
            f"INSERT INTO pass_templates (school_id, name) VALUES ({OF_NORTH}, 'Botany') RETURNING true",
            "UPDATE pass_templates SET title = 'Ada' WHERE name = 'Botany' RETURNING true",
            "SELECT (name, title)::text FROM pass_templates WHERE title = 'Ada'",
        ),
        (
            *("/admin/roles", "Roles"),
            f"INSERT INTO roles (school_id, name) VALUES ({OF_NORTH}, 'Botany') RETURNING true",
            "UPDATE roles SET description = 'Ada' WHERE name = 'Botany' RETURNING true",
            "SELECT (name, description)::text FROM roles WHERE description = 'Ada'",
        ),
    ],
)
async def test_what_a_colleague_saved_meanwhile_is_not_overwritten(
    office: Office, path: str, title: str, made: str, meanwhile: str, kept: str
) -> None:
    page = office.window.page
    await office.one(made)
    await office.go(path, title)
    await page.get_by_role("button", name="Botany").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Biology")
    await office.one(meanwhile)
    await office.press("Save")
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody else has changed this")
    assert ["a status of 412" in one for one in office.window.complaints] == [True]
    office.window.complaints.clear()
    assert await office.one(kept) == "(Botany,Ada)"
    await page.keyboard.press("Escape")
    await page.reload()
    await page.get_by_role("button", name="Botany").click()
    await dialog.get_by_label("Name", exact=True).fill("Biology")
    await office.press("Save")
    await expect(dialog).to_have_count(0)
    assert await office.one(kept) == "(Biology,Ada)"


async def test_only_roles_that_may_be_given_are_offered(window: Window, program: Hub, school: School) -> None:
    office, page = Office(window, program, school), window.page
    await office.one(
        f"WITH made AS (INSERT INTO roles (school_id, name) VALUES ({OF_NORTH}, 'Locksmith') RETURNING id),"
        " rights AS (INSERT INTO role_permissions SELECT made.id, p.id FROM made, permissions p"
        " WHERE p.name LIKE 'signing_keys:%')"
        " INSERT INTO users (email, password_hash, first_name, last_name, role_id, school_id)"
        f" SELECT 'lock@north.example', '', 'Lucy', 'Lock', id, {OF_NORTH} FROM made RETURNING true"
    )
    await office.sign_in()
    await office.go("/admin/accounts", "Accounts")
    await office.press("Invite somebody")
    role = page.get_by_role("dialog").get_by_label("Role")
    await expect(role.locator("option", has_text="Guard")).to_have_count(1)
    for name in ("Super administrator", "Locksmith"):
        await expect(role.locator("option", has_text=name)).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Lucy Lock").click()
    card = page.get_by_role("dialog")
    await expect(card).to_contain_text("This account may do more than you")
    await expect(card.get_by_role("button", name="Save")).to_have_count(0)
    assert await office.violations() == []
    await office.go("/admin/roles", "Roles")
    await office.reads("Locksmith")
    await expect(page.get_by_role("button", name="Locksmith")).to_have_count(0)


async def test_a_super_admin_is_invited_by_another_one(window: Window, program: Hub, school: School) -> None:
    office = Office(window, program, school)
    await office.sign_in(CHIEF)
    await office.go("/admin/accounts", "Accounts")
    await office.press("Invite somebody")
    await office.type(First_name="Cara", Last_name="Chief", **{"E-mail_address": "cara@installation.example"})
    await (await office.top).get_by_label("Role").select_option("Super administrator")
    await office.press("Send the invitation")
    await expect(window.page.get_by_text("is on its way.")).to_be_visible()
    assert await office.one("SELECT school_id IS NULL FROM users WHERE email = 'cara@installation.example'") is True
