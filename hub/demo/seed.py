"""Two believable schools in an empty database, once: `passhub seed` and `passhub demo`.

Everything is one transaction, so an interrupted seed leaves nothing behind; a second one finds the schools and adds
nothing. Names and dates are the same for the same `random_seed`; keys and passwords never are.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets as randomness
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.accounts.hashing import hasher
from hub.config import Settings, key_ring
from hub.demo.codes import Q, signing_key, unissued
from hub.demo.population import FEWEST_STUDENTS, split
from hub.demo.portraits import Gallery, has_place
from hub.demo.result import AccessPoint, Account, Code, Codes, Secrets, SeedResult, read_secrets, write_secrets
from hub.demo.rows import insert_population
from hub.demo.schools import SCHOOLS, School
from hub.domain.ids import new_id
from hub.domain.keyring import KeyRing
from hub.errors import StartError, StoreUnavailable
from hub.rest.files.holding import undone_on_failure
from hub.store.files import Files, open_files
from hub.store.pg import Connection, InterfaceError, PostgresError, Role, connect, connection_fault, is_outage

GRANTED_PER_SCHOOL = 20
DENIED_PER_REASON = 5
CROWD_PER_SCHOOL = 2_000
CODES = [school.code for school in SCHOOLS]
SCHOOL_ROLES = (
    ("school_admin", "admin", "Renate", "Öhlschläger"),
    ("staff", "office", "Tomás", "Ibáñez"),
    ("security", "guard", "Grace", "Okonkwo"),
    ("card_reader", "readers", "Card", "Readers"),
)
SUPER_ADMIN = ("super_admin", "root@passhub.example", "Ada", "Super")

__all__ = ["SeedResult", "seed"]


async def seed(
    settings: Settings,
    students: int,
    *,
    progress: Callable[[str], None],
    secrets_file: Path | None = None,
    random_seed: int = 1,
) -> SeedResult:
    """Makes both schools with `students` in all (and at least what shows every reason), unless they are there.

    With a `secrets_file` the passwords and device keys outlive this run: they are written there before the commit and
    read on later runs; what is missing there then is made anew. Without one, they are None on later runs.
    Where the settings name a place for files, some students get portraits there.
    `progress` gets one line a step. Raises SettingsError without a key for data, StartError when the database is not
    migrated or its signing key does not open, StoreUnavailable when it is away.
    """
    ring = key_ring(settings)
    students = max(students, FEWEST_STUDENTS * len(SCHOOLS))
    connection, files = await connect(settings, Role.hub_admin), await open_files(settings)
    try:
        return await _seed(
            connection, ring, files if has_place(settings) else None, students, progress, secrets_file, random_seed
        )
    except (PostgresError, InterfaceError, ConnectionError) as error:
        if is_outage(error):
            raise StoreUnavailable(f"PostgreSQL went away while seeding: {connection_fault(error)}") from error
        raise StartError(f"cannot seed this database: {error}") from error
    finally:
        await connection.close()
        await files.close()


async def _seed(
    connection: Connection,
    ring: KeyRing,
    files: Files | None,
    students: int,
    progress: Callable[[str], None],
    secrets_file: Path | None,
    random_seed: int,
) -> SeedResult:
    if not await connection.fetchval(Q.is_migrated):
        raise StartError("the database has no tables yet; run: passhub migrate")
    keys: list[str] = []  # of files that are to go where the transaction does not come to its end
    async with undone_on_failure(files, keys) if files else nullcontext(), connection.transaction():
        await connection.execute(Q.lock_seed)
        created = not await connection.fetch(Q.seeded_schools, CODES)
        if created:
            gallery = None if files is None else Gallery(files, keys, students, random_seed)
            known = await _create(connection, ring, gallery, students, progress, random_seed)
        else:
            progress("both schools are there already, nothing is added")
            known = read_secrets(secrets_file)
            if secrets_file is not None:
                known = await _replace_lost(connection, known)
        write_secrets(secrets_file, known)
    return await _result(connection, ring, created, known)


async def _create(
    connection: Connection,
    ring: KeyRing,
    gallery: Gallery | None,
    students: int,
    progress: Callable[[str], None],
    random_seed: int,
) -> Secrets:
    started = time.monotonic()
    known = Secrets({}, {}, {})
    school_ids = {school.code: new_id() for school in SCHOOLS}
    passwords = asyncio.create_task(_hash_passwords(known))
    drawing = None if gallery is None else asyncio.create_task(gallery.draw())
    try:
        key = await signing_key(connection, ring)
        for school in SCHOOLS:
            progress(f"{school.name}: departments and access points")
            await _insert_school(connection, school, school_ids[school.code], known)
        await passwords
        issuers = await _insert_users(connection, known, school_ids)
        total, people = 0, {}
        for school, count in zip(SCHOOLS, split(students, [school.share for school in SCHOOLS]), strict=True):
            id_, issuer = school_ids[school.code], issuers[school.code]
            people[school], passes = await insert_population(
                connection, school, id_, count, issuer, key, ring, progress, random_seed
            )
            total += passes
        if gallery is not None and drawing is not None:
            progress("portraits of some of them")
            await drawing
            for school, portrayed in people.items():
                await gallery.hang(connection, school, school_ids[school.code], portrayed)
    finally:
        passwords.cancel()
        if drawing is not None:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)  # its children end
    progress(f"{students:,} students with {total:,} passes in {time.monotonic() - started:.1f} s")
    return known


def _addresses() -> list[tuple[str, str, str, str, str | None]]:
    """E-mail address, role, first name, last name and school of every account."""
    role, email, first, last = SUPER_ADMIN
    accounts: list[tuple[str, str, str, str, str | None]] = [(email, role, first, last, None)]
    for school in SCHOOLS:
        for role, box, first, last in SCHOOL_ROLES:
            accounts.append((f"{box}@{school.domain}", role, first, last, school.code))
    return accounts


async def _hash_passwords(known: Secrets) -> None:
    """argon2 takes its time by design and lets go of the GIL: beside the database's work, not before it."""
    for email, *_ in _addresses():
        await _new_password(known, email)


async def _new_password(known: Secrets, email: str) -> None:
    password = randomness.token_urlsafe(15)
    known.hashes[email] = await asyncio.to_thread(hasher().hash, password)
    known.passwords[email] = password


def _new_device_key(known: Secrets, access_point: UUID) -> bytes:
    """The SHA-256 of a new key; its text goes to `known` only."""
    key = f"phk_{randomness.token_urlsafe(32)}"
    known.device_keys[str(access_point)] = key
    return _hash_key(key)


def _hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def _insert_school(connection: Connection, school: School, school_id: UUID, known: Secrets) -> None:
    await connection.execute(
        Q.insert_school,
        *(school_id, school.name, school.code, school.address, _office_phone(school)),
        *(f"office@{school.domain}", f"https://www.{school.domain}", school.timezone),
    )
    departments = school.departments
    await connection.execute(
        Q.insert_departments,
        *(school_id, [new_id() for _ in departments], [d.code for d in departments]),
        *([d.name for d in departments], [d.head for d in departments]),
    )
    points = [new_id() for _ in school.doors]
    await connection.execute(
        Q.insert_access_points,
        *(school_id, points, [door.name for door in school.doors], [door.location for door in school.doors]),
        *([f"{school.code.lower()}-{door.key}" for door in school.doors], [d.access_type for d in school.doors]),
    )
    hashes = [_new_device_key(known, point) for point in points]
    await connection.execute(
        Q.insert_device_keys, [new_id() for _ in points], [school_id] * len(points), points, hashes
    )


def _office_phone(school: School) -> str:
    return school.phone.format(100)


async def _insert_users(connection: Connection, known: Secrets, school_ids: dict[str, UUID]) -> dict[str, UUID]:
    """Inserts every account; returns by school the user who issues its passes."""
    roles = {row["name"]: row["id"] for row in await connection.fetch(Q.roles_by_name)}
    accounts = _addresses()
    missing = {role for _, role, *_ in accounts} - roles.keys()
    if missing:
        raise StartError(f"the database lacks the role {', '.join(sorted(missing))}; run: passhub migrate")
    ids = [new_id() for _ in accounts]
    emails, names, firsts, lasts, schools = zip(*accounts, strict=True)
    await connection.execute(
        Q.insert_users,
        *(ids, list(emails), [known.hashes[email] for email in emails], list(firsts), list(lasts)),
        *([roles[name] for name in names], [school_ids[code] if code else None for code in schools]),
    )
    return {code: id_ for id_, name, code in zip(ids, names, schools, strict=True) if code and name == "staff"}


async def _replace_lost(connection: Connection, known: Secrets) -> Secrets:
    """New passwords and device keys where the file does not know them. What a person changed since is left alone."""
    points = await connection.fetch(Q.access_points_of_schools, CODES)
    for row in points:
        key = known.device_keys.get(str(row["id"]))
        if key is None or _hash_key(key) not in row["key_hashes"]:
            key_hash = _new_device_key(known, row["id"])
            await connection.execute(Q.insert_device_keys, [new_id()], [row["school_id"]], [row["id"]], [key_hash])
    for row in await connection.fetch(Q.accounts_by_email, [email for email, *_ in _addresses()]):
        if row["email"] not in known.hashes:
            await _new_password(known, row["email"])
            await connection.execute(Q.replace_password, row["email"], known.hashes[row["email"]])
    return known


async def _result(connection: Connection, ring: KeyRing, created: bool, known: Secrets) -> SeedResult:
    accounts = [
        Account(row["email"], _password(known, row["email"], row["password_hash"]), row["role"], row["school_code"])
        for row in await connection.fetch(Q.accounts_by_email, [email for email, *_ in _addresses()])
    ]
    points = [
        AccessPoint(
            *(str(row["id"]), row["name"], row["school_code"]),
            *(known.device_keys.get(str(row["id"])), row["access_type"]),
        )
        for row in await connection.fetch(Q.access_points_of_schools, CODES)
    ]
    codes, crowd = await _codes(connection, ring)
    return SeedResult(created, accounts, points, codes, crowd)


def _password(known: Secrets, email: str, password_hash: str) -> str | None:
    return known.passwords.get(email) if known.hashes.get(email) == password_hash else None


async def _codes(connection: Connection, ring: KeyRing) -> tuple[Codes, dict[str, list[str]]]:
    """Codes by what they get today: passes expire and people change them, so this is asked on each run."""
    key = await signing_key(connection, ring)
    ids = {row["code"]: row["id"] for row in await connection.fetch(Q.seeded_schools, CODES)}
    granted: dict[str, list[Code]] = {code: [] for code in ids}
    denied: list[Code] = []
    for row in await connection.fetch(Q.codes_by_verdict, list(ids), CROWD_PER_SCHOOL):
        reason = None if row["verdict"] == "granted" else row["verdict"]
        code = Code(row["qr_code"], row["school_code"], str(row["pass_id"]), reason)
        (granted[row["school_code"]] if reason is None else denied).append(code)
    for school in SCHOOLS:
        if school.code not in ids:
            continue
        today = datetime.now(ZoneInfo(school.timezone)).date()
        made = unissued(key, ids[school.code], school.timezone, today, DENIED_PER_REASON)
        denied += [Code(text, school.code, reason=reason) for reason, texts in made.items() for text in texts]
        # The last ones, so that they are not among the twenty that the other school's readers are granted with.
        strangers = [code for other, codes in granted.items() if other != school.code for code in codes]
        denied += [
            Code(stranger.qr_code, school.code, stranger.pass_id, "wrong_school")
            for stranger in strangers[-DENIED_PER_REASON:]
        ]
    few = [code for codes in granted.values() for code in codes[:GRANTED_PER_SCHOOL]]
    return Codes(few, _few_of_each(denied)), {school: [c.qr_code for c in codes] for school, codes in granted.items()}


def _few_of_each(denied: list[Code]) -> list[Code]:
    """The first codes of each reason at each school."""
    taken: dict[tuple[str, str | None], int] = {}
    few = []
    for code in denied:
        place = (code.school_code, code.reason)
        taken[place] = taken.get(place, 0) + 1
        if taken[place] <= DENIED_PER_REASON:
            few.append(code)
    return few
