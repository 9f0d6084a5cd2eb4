"""The seed in a real database: everything that the demo needs is there, once, and secrets are kept only as hashes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from argon2 import PasswordHasher
from PIL import Image

from hub.config import Settings, decode_key, load_settings
from hub.demo.embedded import RunningPostgres, erase, start_postgres
from hub.demo.portraits import paint
from hub.demo.result import SeedResult
from hub.demo.seed import DENIED_PER_REASON, GRANTED_PER_SCHOOL, seed
from hub.domain.card import unpack
from hub.domain.clock import LocalDay, micros
from hub.domain.policy import Door, decide
from hub.domain.qr import BadSignature, MalformedCode, PublicKey, load_public_key, lookup_key, read_code
from hub.domain.vault import blind_index, column_place, unseal
from hub.domain.verdict import Reason
from hub.errors import SettingsError, StartError
from hub.rest.files.photos import read_photo
from hub.store.files import open_files
from hub.store.migrate import migrate
from hub.store.pg import Connection, Role, connect
from hub.store.queries import load_queries

pytestmark = pytest.mark.service

SECRET = "c2VlZCB0ZXN0IHNlY3JldCBrZXkgb2YgMzIgYnl0ZXM"
REASONS = {
    *("malformed_code", "bad_signature", "unknown_pass", "inactive_pass", "not_yet_valid"),
    *("expired_pass", "revoked_pass", "student_inactive", "student_suspended", "wrong_school"),
}
STUDENTS = 300


def silent(line: str) -> None:
    assert "\n" not in line


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    directory = tmp_path_factory.mktemp("seed")
    running = start_postgres(directory)
    yield running
    running.stop()
    erase(directory)


def settings_for(postgres: RunningPostgres, database: str = "passhub", secret: str | None = SECRET) -> Settings:
    return load_settings(database_url=postgres.url(database), secret_key=secret)


@pytest.fixture(scope="module")
def secrets_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secrets") / "secrets.json"


@pytest.fixture(scope="module")
def seeded(postgres: RunningPostgres, secrets_file: Path) -> SeedResult:
    """The one database that the tests below read, seeded for the first time."""

    async def make() -> SeedResult:
        await migrate(postgres.url())
        return await seed(settings_for(postgres), STUDENTS, progress=silent, secrets_file=secrets_file)

    return asyncio.run(make())


async def open_as_system(postgres: RunningPostgres) -> Connection:
    return await connect(settings_for(postgres), Role.hub_system)


async def public_keys(connection: Connection) -> dict[str, PublicKey]:
    rows = await connection.fetch("SELECT kid, public_key FROM signing_keys")
    return {row["kid"]: load_public_key(row["public_key"]) for row in rows}


def test_it_says_what_demo_json_holds(seeded: SeedResult) -> None:
    assert seeded.created
    described = seeded.for_demo_json()
    assert set(described) == {"accounts", "accessPoints", "codes"}
    roles = Counter((account["role"], account["schoolCode"]) for account in described["accounts"])
    expected = {
        (role, code) for role in ("school_admin", "staff", "security", "card_reader") for code in ("SBK", "HHC")
    }
    assert roles == Counter(expected | {("super_admin", None)})
    assert all(
        set(point) == {"id", "name", "schoolCode", "deviceKey", "accessType"} for point in described["accessPoints"]
    )
    assert Counter(code["schoolCode"] for code in described["codes"]["granted"]) == {
        "SBK": GRANTED_PER_SCHOOL,
        "HHC": GRANTED_PER_SCHOOL,
    }
    assert all(set(code) == {"qrCode", "passId", "schoolCode"} for code in described["codes"]["granted"])
    denied = Counter((code["reason"], code["schoolCode"]) for code in described["codes"]["denied"])
    assert denied == {(reason, school): DENIED_PER_REASON for reason in REASONS for school in ("SBK", "HHC")}
    assert len({code["qrCode"] for code in described["codes"]["denied"] if code["reason"] != "malformed_code"}) == 90


async def test_each_code_gets_from_index_and_policy_what_the_seed_says(
    postgres: RunningPostgres, seeded: SeedResult
) -> None:
    connection = await open_as_system(postgres)
    try:
        cards = {
            row["lookup_key"]: unpack(row["packed"])
            for row in await connection.fetch(load_queries("hub.index").load_passes)
        }
        schools = {
            row["code"]: row for row in await connection.fetch("SELECT code, number, timezone, now() FROM schools")
        }
        keys = await public_keys(connection)
    finally:
        await connection.close()

    def verdict(code: str, school: str) -> str:
        card = cards.get(lookup_key(code))
        if card is None:
            try:
                read_code(code, keys)
            except MalformedCode:
                return "malformed_code"
            except BadSignature:
                return "bad_signature"
            return "unknown_pass"
        row = schools[school]
        door = Door(row["number"], True, True, 3, 300.0, False)
        return decide(card, door, 1, LocalDay(ZoneInfo(row["timezone"])).at(micros(row["now"])), 0.0).name

    for code in (*seeded.codes.granted, *seeded.codes.denied):
        assert verdict(code.qr_code, code.school_code) == (code.reason or Reason.granted.name)
    for school, codes in seeded.crowd.items():
        assert len(codes) > GRANTED_PER_SCHOOL
        assert {verdict(code, school) for code in codes} == {"granted"}


@pytest.mark.usefixtures("seeded")
async def test_codes_are_genuine_and_say_whose_they_are(postgres: RunningPostgres) -> None:
    connection = await open_as_system(postgres)
    try:
        keys = await public_keys(connection)
        rows = await connection.fetch("SELECT p.id, p.school_id, p.qr_code, p.key_id FROM passes AS p")
    finally:
        await connection.close()
    assert len(rows) > STUDENTS
    for row in rows:
        claims = read_code(row["qr_code"], keys)
        assert (claims.school_id, claims.pass_id, claims.kid) == (row["school_id"], row["id"], row["key_id"])


async def test_secrets_are_hashed_or_sealed_in_the_database(postgres: RunningPostgres, seeded: SeedResult) -> None:
    secret = decode_key(SECRET)
    connection = await connect(settings_for(postgres), Role.hub_admin)
    try:
        hashes = {row["key_hash"]: str(row["access_point_id"]) for row in await connection.fetch("TABLE device_keys")}
        users = {row["email"]: row["password_hash"] for row in await connection.fetch("TABLE users")}
        key = await connection.fetchrow("TABLE signing_keys")
        student = await connection.fetchrow("SELECT * FROM students ORDER BY id LIMIT 1")
    finally:
        await connection.close()
    for point in seeded.access_points:
        assert point.device_key is not None
        assert point.device_key.startswith("phk_")
        assert hashes[hashlib.sha256(point.device_key.encode()).digest()] == point.id
    assert key is not None
    assert student is not None
    account = seeded.accounts[0]
    assert account.password is not None
    assert PasswordHasher().verify(users[account.email], account.password)
    assert len(unseal(secret, key["private_key"], key["kid"].encode())) == 32
    phone = unseal(secret, student["phone"], column_place("students", "phone", student["id"])).decode()
    assert student["phone_bidx"] == blind_index(secret, "phone", student["school_id"], phone)
    assert phone.startswith("+")
    for column in ("address", "emergency_contact_name", "emergency_contact_phone", "date_of_birth"):
        assert unseal(secret, student[column], column_place("students", column, student["id"]))


async def test_a_second_seed_adds_nothing_and_knows_the_secrets(
    postgres: RunningPostgres, seeded: SeedResult, secrets_file: Path
) -> None:
    async def counts() -> list[int]:
        connection = await connect(settings_for(postgres), Role.hub_admin)
        tables = (
            "schools",
            "departments",
            "users",
            "students",
            "passes",
            "access_points",
            "device_keys",
            "signing_keys",
        )
        try:
            return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
        finally:
            await connection.close()

    before = await counts()
    assert before[3] == STUDENTS
    again = await seed(settings_for(postgres), 9_999, progress=silent, secrets_file=secrets_file)
    assert await counts() == before
    assert not again.created
    assert again.accounts == seeded.accounts
    assert again.access_points == seeded.access_points
    assert again.codes.granted == seeded.codes.granted


@pytest.mark.usefixtures("seeded")
def test_the_secrets_are_its_owners_alone(secrets_file: Path) -> None:
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("seeded")
async def test_without_its_file_a_later_seed_knows_no_secrets(postgres: RunningPostgres) -> None:
    again = await seed(settings_for(postgres), STUDENTS, progress=silent)
    assert {account.password for account in again.accounts} == {None}
    assert {point.device_key for point in again.access_points} == {None}


async def test_two_seeds_at_once_make_one_set(postgres: RunningPostgres) -> None:
    await _make_database(postgres, "twice")
    settings = settings_for(postgres, "twice")
    both = await asyncio.gather(*(seed(settings, 80, progress=silent) for _ in range(2)))
    assert sorted(result.created for result in both) == [False, True]


async def test_lost_secrets_are_replaced_and_what_a_person_changed_is_not(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    await _make_database(postgres, "lost")
    settings = settings_for(postgres, "lost")
    first = await seed(settings, 80, progress=silent)
    kept = tmp_path / "secrets.json"
    found = await seed(settings, 80, progress=silent, secrets_file=kept)
    assert all(account.password for account in found.accounts)
    assert all(point.device_key for point in found.access_points)
    assert {p.device_key for p in found.access_points}.isdisjoint({p.device_key for p in first.access_points})
    connection = await connect(settings, Role.hub_admin)
    try:
        await connection.execute("UPDATE users SET password_hash = 'mine' WHERE email = $1", found.accounts[0].email)
    finally:
        await connection.close()
    last = await seed(settings, 80, progress=silent, secrets_file=kept)
    assert last.accounts[0].password is None
    assert last.accounts[1:] == found.accounts[1:]
    assert last.access_points == found.access_points


async def test_a_few_students_still_show_every_reason(postgres: RunningPostgres) -> None:
    await _make_database(postgres, "few")
    result = await seed(settings_for(postgres, "few"), 1, progress=silent)
    assert len(result.codes.granted) == 2 * GRANTED_PER_SCHOOL
    assert {code.reason for code in result.codes.denied} == REASONS
    assert len(result.codes.denied) == 2 * DENIED_PER_REASON * len(REASONS)


async def test_students_have_portraits_where_there_is_a_place_for_files(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    await _make_database(postgres, "portraits")
    settings = settings_for(postgres, "portraits").model_copy(update={"files_dir": tmp_path / "files"})
    await seed(settings, 80, progress=silent)
    files, connection = await open_files(settings), await connect(settings, Role.hub_admin)
    try:
        rows = await connection.fetch("SELECT id, photo_url FROM students ORDER BY id")
        assert [row["photo_url"] for row in rows] == [f"/api/v1/students/{row['id']}/photo" for row in rows]
        faces = set()
        for row in rows:
            large, small = [await read_photo(connection, files, row["id"], size) for size in (400, 96)]
            assert large is not None
            assert small is not None
            assert [Image.open(io.BytesIO(one)).size for one in (large, small)] == [(400, 400), (96, 96)]
            faces.add(large)
        assert len(faces) == len(rows) == 80
    finally:
        await connection.close()
        await files.close()


async def test_a_seed_that_fails_leaves_no_portrait(postgres: RunningPostgres, tmp_path: Path) -> None:
    await _make_database(postgres, "failed")
    settings = settings_for(postgres, "failed").model_copy(update={"files_dir": tmp_path / "files"})
    with pytest.raises(StartError, match="cannot write"):
        await seed(settings, 80, progress=silent, secrets_file=tmp_path / "nowhere" / "secrets.json")
    files, connection = await open_files(settings), await connect(settings, Role.hub_admin)
    try:
        assert (tmp_path / "files").exists()  # it had drawn them
        assert [kept.key async for kept in files.keys()] == []  # noqa: SIM118
        assert await connection.fetchval("SELECT count(*) FROM student_photos") == 0
    finally:
        await connection.close()
        await files.close()


async def test_those_whom_the_seed_has_not_drawn_are_painted_later_and_photos_stay(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    await _make_database(postgres, "painted")
    settings = settings_for(postgres, "painted")
    await seed(settings, 80, progress=silent)  # nowhere to keep a portrait
    settings = settings.model_copy(update={"files_dir": tmp_path / "files"})
    connection = await connect(settings, Role.hub_admin)
    try:
        own = await connection.fetchrow("SELECT id, school_id FROM students LIMIT 1")
        assert own is not None
        await connection.execute(
            "INSERT INTO student_photos (student_id, school_id, version, scan) VALUES ($1, $2, $1, 'waiting')", *own
        )
        await paint(settings)
        rows = await connection.fetch("SELECT id, photo_url FROM students WHERE id <> $1", own["id"])
        assert all(row["photo_url"].endswith(f"{row['id']}/photo") for row in rows)
        kept = await connection.fetchrow("SELECT version, scan FROM student_photos WHERE student_id = $1", own["id"])
        assert kept is not None
        assert (kept["version"], kept["scan"]) == (own["id"], "waiting")
        files = await open_files(settings)
        assert len({key.key async for key in files.keys()}) == 2 * len(rows) == 158  # noqa: SIM118
    finally:
        await connection.close()


@pytest.mark.usefixtures("seeded")
async def test_what_is_missing_is_told_in_one_line(postgres: RunningPostgres) -> None:
    await _make_database(postgres, "empty", migrated=False)
    with pytest.raises(StartError, match="passhub migrate"):
        await seed(settings_for(postgres, "empty"), 80, progress=silent)
    with pytest.raises(SettingsError, match="HUB_SECRET_KEY"):
        await seed(settings_for(postgres, secret=None), 80, progress=silent)
    with pytest.raises(StartError, match="does not open with HUB_SECRET_KEY"):
        await seed(settings_for(postgres, secret="b" * 43), 80, progress=silent)


async def test_people_of_a_table_that_is_in_the_way_are_told(postgres: RunningPostgres) -> None:
    await _make_database(postgres, "taken")
    settings = settings_for(postgres, "taken")
    connection = await connect(settings, Role.hub_admin)
    try:
        await connection.execute(
            "INSERT INTO users (email, password_hash, first_name, last_name) VALUES ($1, 'x', 'A', 'B')",
            "root@passhub.example",
        )
    finally:
        await connection.close()
    with pytest.raises(StartError, match="cannot seed this database") as failure:
        await seed(settings, 80, progress=silent)
    assert "\n" not in str(failure.value)
    connection = await connect(settings, Role.hub_admin)
    try:
        assert await connection.fetchval("SELECT count(*) FROM schools") == 0
    finally:
        await connection.close()


async def test_school_ids_are_time_ordered_uuids(seeded: SeedResult) -> None:
    assert {UUID(point.id).version for point in seeded.access_points} == {7}


async def _make_database(postgres: RunningPostgres, name: str, *, migrated: bool = True) -> None:
    owner = await asyncpg.connect(postgres.url())
    try:
        await owner.execute(f"CREATE DATABASE {name}")
    finally:
        await owner.close()
    if migrated:
        await migrate(postgres.url(name))
