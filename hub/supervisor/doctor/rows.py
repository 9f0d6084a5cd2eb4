"""What the tables hold: keys that open and do not end, time zones that are known, scans that were refused,
and the audit that is sealed."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.config import Settings, key_ring
from hub.domain.keyring import KeyRing
from hub.domain.qr import SigningKey
from hub.domain.vault import SealBroken
from hub.store.pg import OwnConnection, Record, Role
from hub.store.queries import load_queries
from hub.supervisor.doctor import chain
from hub.supervisor.doctor.asking import asking, one_row
from hub.supervisor.doctor.findings import Notes, lasting, many, some

Q = load_queries("hub.supervisor.doctor")

WARN_DAYS = 30


async def examine(settings: Settings, open_: dict[Role, OwnConnection], notes: Notes, *, migrated: bool) -> None:
    admin, system = open_.get(Role.hub_admin), open_.get(Role.hub_system)
    if not migrated or admin is None or system is None:
        notes.skip("data", "PostgreSQL and its migrations first (above)")
        return
    with asking(notes, "signing keys"):
        await _signing_keys(settings, admin, notes)
    with asking(notes, "device keys"):
        await _device_keys(system, notes)
    with asking(notes, "time zones"):
        await _time_zones(system, notes)
    with asking(notes, "refused scans"):
        await _refused_scans(system, notes)
    with asking(notes, chain.CHECK):
        await chain.examine(settings, system, notes)


async def _signing_keys(settings: Settings, connection: OwnConnection, notes: Notes) -> None:
    keys = await connection.fetch(Q.signing_keys)
    if settings.secret_key is None and settings.data_keys is None:
        notes.skip("signing keys", f"{many(len(keys), 'key')}, and no usable HUB_SECRET_KEY to open with")
        return
    ring = key_ring(settings)
    shut = [f"{row['kid']} ({fault})" for row in keys if (fault := _does_not_open(row, ring)) is not None]
    if shut:
        notes.fault(
            "signing keys",
            f"{len(shut)} of {len(keys)} cannot be used with HUB_SECRET_KEY: {some(shut, 3)}",
            "set the HUB_SECRET_KEY that this database was made with (a backup of the settings has it)",
        )
    elif keys:
        notes.right("signing keys", f"{many(len(keys), 'key')}, opened with HUB_SECRET_KEY", keys=len(keys))
    else:
        notes.right("signing keys", "none yet: no pass was issued here", keys=0)


def _does_not_open(row: Record, ring: KeyRing) -> str | None:
    """Why a key cannot sign, None when it can."""
    try:
        SigningKey(row["kid"], ring.unseal(row["private_key"], row["kid"].encode()), row["public_key"])
    except (SealBroken, ValueError) as error:
        return str(error)
    return None


async def _device_keys(connection: OwnConnection, notes: Notes) -> None:
    keys = await connection.fetch(Q.ending_device_keys, WARN_DAYS)
    if not keys:
        notes.right("device keys", f"none in use ends within {WARN_DAYS} days")
        return
    ended = [f"{row['door']} since {row['ends']:%Y-%m-%d}" for row in keys if row["ended"]]
    last = [f"{row['door']} on {row['ends']:%Y-%m-%d}" for row in keys if not row["ended"] and not row["replaced"]]
    replaced = [f"{row['door']} on {row['ends']:%Y-%m-%d}" for row in keys if row["replaced"]]
    if ended:
        notes.warn(
            "device keys", f"{many(len(ended), 'door')} without a key: {some(ended, 3)}", "give their readers new keys"
        )
    if last:
        says = f"{many(len(last), 'key')} about to end, with none in their place: {some(last, 3)}"
        notes.warn("device keys", says, "give their readers new keys before")
    if replaced:
        says = f"{many(len(replaced), 'key')} about to end, with new ones in their place: {some(replaced, 3)}"
        notes.warn("device keys", says, "see that each reader has its new one; then revoke the old")


async def _time_zones(connection: OwnConnection, notes: Notes) -> None:
    schools = await connection.fetch(Q.time_zones)
    unknown = [f"{row['code']} ({row['timezone']})" for row in schools if not is_known(row["timezone"])]
    if unknown:
        notes.fault(
            "time zones",
            f"not known on this host, days are taken as UTC: {some(unknown)}",
            "correct schools.timezone (as in Europe/Berlin), or update this host's tzdata",
        )
    else:
        zones = len({row["timezone"] for row in schools})
        notes.right("time zones", f"{many(len(schools), 'school')} in {many(zones, 'zone')}, all known here")


def is_known(zone: str) -> bool:
    """Whether this host's tzdata has it; names that are none (`../x`) are not."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


async def _refused_scans(connection: OwnConnection, notes: Notes) -> None:
    found = await one_row(connection, Q.refused_scans)
    if not found["scans"]:
        notes.right("refused scans", "none: all that was answered is in access_logs, or on its way", scans=0)
        return
    notes.warn(
        "refused scans",
        f"{many(found['scans'], 'scan')} in access_logs_rejected, the oldest for {lasting(found['seconds'])}",
        "passhub rejected says why; once that is mended, passhub rejected --replay logs them",
        scans=found["scans"],
    )
