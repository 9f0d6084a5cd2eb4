"""Which column of a file is which field: by its name, or by the mapping that came with it."""

from __future__ import annotations

import msgspec

from hub.errors import BadRequest
from hub.resources.imports.cells import FIELDS, PLACES
from hub.rest.faults import Fault, fault, refusal
from hub.rest.sheets import unguarded

MOST_COLUMNS = 100
#: What the file of refused rows has before them; it may stay there when they are sent again.
FAULT_COLUMNS = ("importLine", "importFaults")
#: And what an export has beyond the fields of an import.
_PASSED_OVER = frozenset({*FAULT_COLUMNS, "id", "schoolId", "photoUrl", "createdAt", "updatedAt"})
_SAME = {
    **{field.name.lower(): field.name for field in FIELDS},
    "studentnumber": "studentId",
    "number": "studentId",
    "department": "departmentId",
    "birthday": "dateOfBirth",
    "birthdate": "dateOfBirth",
    "surname": "lastName",
    "givenname": "firstName",
    "familyname": "lastName",
}


def read_mapping(text: str) -> dict[str, str | None]:
    """{"column of the file": "field", "another": null}; null: not taken. Raises BadRequest."""
    try:
        mapping = msgspec.json.decode(text, type=dict[str, str | None])
    except msgspec.MsgspecError as error:
        raise BadRequest(f"mapping: {error}", [fault("mapping", str(error))]) from None
    unknown = [target for target in mapping.values() if target is not None and target not in PLACES]
    if unknown:
        raise refusal([fault("mapping", f"{one[:60]} is no field of a student") for one in unknown])
    return mapping


def columns_of(header: list[str], mapping: dict[str, str | None], off: frozenset[str]) -> list[str | None]:
    """The field of each column, None for those that are not taken. Raises BadRequest with all faults; `off`: fields
    that this school does not keep."""
    names = [unguarded(cell.strip()) for cell in header]
    while names and not names[-1]:
        names.pop()
    if len(names) > MOST_COLUMNS:
        raise refusal([fault("file", f"has {len(names)} columns; {MOST_COLUMNS} are taken at most")])
    given = {name.casefold(): target for name, target in mapping.items()}
    columns = [_field(name, given) for name in names]
    if not any(column in PLACES for column in columns):
        raise refusal([fault("file", "its first line must name the columns, with studentId, firstName and lastName")])
    faults = list(_faults(names, columns, off))
    faults += [
        fault("mapping", f"the file has no column {name[:60]}")
        for name in mapping
        if name.casefold() not in {one.casefold() for one in names}
    ]
    if faults:
        raise refusal(faults)
    return [column or None for column in columns]


def _field(name: str, mapping: dict[str, str | None]) -> str | None:
    """ "" for what is passed over, None for what nobody knows."""
    if name.casefold() in mapping:
        return mapping[name.casefold()] or ""
    if name in _PASSED_OVER:
        return ""
    return _SAME.get("".join(c for c in name if c not in " _-").lower())


def _faults(names: list[str], columns: list[str | None], off: frozenset[str]) -> list[Fault]:
    found: list[Fault] = []
    for place, (name, column) in enumerate(zip(names, columns, strict=True), 1):
        shown = name[:60] or f"column {place}"
        if column is None:
            found.append(fault(shown, "is not known; map it to a field, or to null to leave it out"))
        elif column and columns.index(column) != place - 1:
            found.append(fault(shown, f"{column} is there twice"))
        elif column in off:
            found.append(fault(shown, f"{column} is not kept by this school; map it to null to leave it out"))
    found += [
        fault(field.name, "is a column that is missing")
        for field in FIELDS
        if field.required and field.name not in columns
    ]
    return found
