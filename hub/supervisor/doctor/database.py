"""PostgreSQL: reached with each address, as the role that it is to be; then everything that is asked over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hub.config import Settings, variable
from hub.errors import MigrationError, StoreUnavailable
from hub.store.migrate import check_version
from hub.store.pg import OwnConnection, PostgresError, Record, Role, connect
from hub.store.queries import load_queries
from hub.supervisor.doctor import rows, schema, server
from hub.supervisor.doctor.address import ESCAPE, UNREADABLE, Place, read_place, resolves
from hub.supervisor.doctor.asking import explain, one_row
from hub.supervisor.doctor.findings import Notes

Q = load_queries("hub.supervisor.doctor")

OWNER = variable("database_url")
STATEMENT_SECONDS = 2.0
CLOSE_SECONDS = 0.5
FIELDS = {
    Role.hub_api: "database_api_url",
    Role.hub_admin: "database_admin_url",
    Role.hub_system: "database_system_url",
}


async def examine(settings: Settings, bad: dict[str, str], notes: Notes, tables: Notes, contents: Notes) -> None:
    """`bad`: settings that could not be used. `tables` and `contents` are the parts that need PostgreSQL."""
    addresses = {role: _address(settings, role) for role in Role}
    named = {OWNER, *(variable(field) for field in FIELDS.values())}
    if None in addresses.values():
        if named & bad.keys():
            notes.skip("addresses", f"{', '.join(sorted(named & bad.keys()))} cannot be used")
        else:
            notes.fault(
                "addresses",
                "HUB_DATABASE_URL is not set",
                "set it to postgresql://owner:password@host/database; or set the three of the roles",
            )
    known = dict(address for address in addresses.values() if address is not None)
    if settings.database_url is not None:
        known[OWNER] = settings.database_url.get_secret_value()
    places = await _places(known, notes)
    leading = {role: (a[0], places[a[0]]) for role, a in addresses.items() if a is not None and a[0] in places}
    async with _connections(settings, leading, places, notes) as open_:
        where = " and ".join(dict.fromkeys(place.text for _, place in leading.values()))
        await _identify(settings, open_, where, notes)
        if Role.hub_system in open_:
            await server.examine(settings, open_[Role.hub_system], notes)
        await schema.examine(settings, open_.get(Role.hub_system), OWNER in places, tables)
        await rows.examine(settings, open_, contents, migrated=schema.is_migrated(tables))


def _address(settings: Settings, role: Role) -> tuple[str, str] | None:
    """The variable that says where a role's connections go, and the URL."""
    for field in (FIELDS[role], "database_url"):
        value = getattr(settings, field)
        if value is not None:
            return variable(field), value.get_secret_value()
    return None


async def _places(known: dict[str, str], notes: Notes) -> dict[str, Place]:
    """Where the addresses lead, by variable: those that can be read and whose host's name is known."""
    places = {name: read_place(url) for name, url in known.items()}
    readable = {name: place for name, place in places.items() if place is not None}
    found = dict(zip(readable, await asyncio.gather(*map(resolves, readable.values())), strict=True))
    for name in places:
        if name not in readable:
            notes.fault(name, UNREADABLE, ESCAPE)
        elif not found[name]:
            notes.fault(
                name,
                f"the host name {readable[name].host} is not known here",
                f"correct it in {name}, or see to this host's name service (/etc/resolv.conf)",
            )
    return {name: place for name, place in readable.items() if found[name]}


@asynccontextmanager
async def _connections(
    settings: Settings, leading: dict[Role, tuple[str, Place]], places: dict[str, Place], notes: Notes
) -> AsyncIterator[dict[Role, OwnConnection]]:
    """Those that could be made; what stands in the way of the others is noted, the same fault once.

    Addresses that stay silent are taken out of `places`: nobody waits there twice.
    """
    made = await asyncio.gather(*(_reach(settings, role) for role in leading))
    open_: dict[Role, OwnConnection] = {}
    faults: dict[tuple[str, str, str], list[Role]] = {}
    try:
        for (role, (name, place)), result in zip(leading.items(), made, strict=True):
            if isinstance(result, BaseException):
                says, do = explain(result, name)
                if isinstance(result, TimeoutError):
                    places.pop(name, None)
                faults.setdefault((name, f"{place.text}: {says}", do), []).append(role)
            else:
                open_[role] = result
        for (name, says, do), roles in faults.items():
            notes.fault(", ".join(roles) if len(roles) < len(Role) else name, says, do)
        yield open_
    finally:
        for connection in open_.values():
            with suppress(OSError, TimeoutError, PostgresError):
                await connection.close(timeout=CLOSE_SECONDS)


async def _reach(settings: Settings, role: Role) -> OwnConnection | BaseException:
    try:
        return await connect(settings, role, statement_timeout=STATEMENT_SECONDS, command_timeout=STATEMENT_SECONDS * 2)
    except StoreUnavailable as error:
        return error.__cause__ or error
    except ValueError as error:
        return error


async def _identify(settings: Settings, open_: dict[Role, OwnConnection], where: str, notes: Notes) -> None:
    """Who each connection really is, and of which version the server is."""
    found: dict[Role, Record] = {}
    for role, connection in open_.items():
        try:
            found[role] = await one_row(connection, Q.who)
        except (PostgresError, OSError, TimeoutError) as error:
            notes.fault(role, *explain(error, variable(FIELDS[role])))
    impostors = [_role_fault(role, who, notes) for role, who in found.items()]
    if len(found) == len(Role) and not any(impostors):
        notes.right("roles", "hub_api, hub_admin and hub_system are who they are to be; policies hold for each")
    borrowed = [variable(FIELDS[role]) for role in found if getattr(settings, FIELDS[role]) is None]
    if borrowed:
        who = found[next(role for role in found if variable(FIELDS[role]) == borrowed[0])]
        login = f"{who['login']}{', a superuser,' if who['login_superuser'] else ''}"
        notes.warn(
            "logins",
            f"{', '.join(borrowed)} not set: {login} logs in and takes the role, and could put it off again",
            "give hub_api, hub_admin and hub_system passwords (ALTER ROLE … PASSWORD) and set the variables",
        )
    if len({who["database"] for who in found.values()}) > 1:
        notes.fault("one database", "the roles' addresses lead to different databases", "have them lead to the same")
    if open_:
        _version(next(iter(open_.values())), where, any(who["standby"] for who in found.values()), notes)


def _role_fault(role: Role, who: Record, notes: Notes) -> bool:
    name = variable(FIELDS[role])
    if who["role"] != role:
        notes.fault(role, f"{name} logs in as {who['role']}", f"log in as {role} there: its policies are the limits")
    elif who["superuser"] or who["bypasses"]:
        word, undo = ("a superuser", "NOSUPERUSER") if who["superuser"] else ("BYPASSRLS", "NOBYPASSRLS")
        notes.fault(
            role,
            f"the role is {word}: no policy keeps one school's rows from another",
            f"ALTER ROLE {role} {undo}, as a superuser",
        )
    else:
        return False
    return True


def _version(connection: OwnConnection, where: str, standby: bool, notes: Notes) -> None:
    text = str(connection.get_settings().server_version).split(" ", 1)[0]
    try:
        check_version(connection.get_server_version().major)
    except MigrationError as error:
        notes.fault(
            "version", str(error), "upgrade it (pg_upgrade), or have the settings lead to another", version=text
        )
        return
    if standby:
        notes.fault(
            "version", f"PostgreSQL {text}, a standby: nothing can be written", "have the settings lead to the primary"
        )
        return
    notes.right("version", f"PostgreSQL {text} at {where}", version=text)
