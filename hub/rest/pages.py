"""Lists: what every list takes and answers, and how a page of one is read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.errors import BadRequest
from hub.rest.body import odd_text
from hub.rest.faults import fault
from hub.store.keyset import After, Listing
from hub.store.pg import Connection, Record

if TYPE_CHECKING:
    from hub.rest.call import Call

T = TypeVar("T")

#: Moments further out can overflow in one zone or another.
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)

Search = Annotated[str, Meta(min_length=1, max_length=100, description="text that one of the searched fields holds")]


Limit = Annotated[int, Meta(ge=1, le=200, description="items of one page")]
CursorText = Annotated[str, Meta(max_length=1000, description="nextCursor of the page before")]
WithTotal = Annotated[bool, Meta(description="count all that match, too")]


class ListQuery(msgspec.Struct, kw_only=True, frozen=True):
    """What every list takes. A resource's own adds `sort`, as a Literal with its default, `q` if it can be searched,
    and a field for each filter of its Listing."""

    limit: Limit = 50
    cursor: CursorText | UnsetType = UNSET
    total: WithTotal = False


class PageInfo(msgspec.Struct, kw_only=True):
    """`nextCursor` is there while `hasMore`; `total` only when it was asked for."""

    hasMore: bool
    nextCursor: str | UnsetType = UNSET
    total: int | UnsetType = UNSET


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """Some items of a list."""

    data: list[T]
    page: PageInfo


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sort: str
    value: Any
    id: UUID


@dataclass(frozen=True)
class Asked:
    """One page, as a caller wants it: `limit` rows after `after`."""

    sort: str
    limit: int
    after: After | None
    filters: Mapping[str, Any]
    q: str | None


class Rows(Protocol):
    """Where a page's rows come from."""

    async def page(self, tx: Connection, asked: Asked) -> list[Record]: ...

    async def count(self, tx: Connection, asked: Asked) -> int: ...


@dataclass(frozen=True)
class Listed:
    """Rows as a Listing alone finds them. `base`: the parameters of its own query."""

    listing: Listing
    base: Sequence[Any] = ()

    async def page(self, tx: Connection, asked: Asked) -> list[Record]:
        sql, values = self.listing.page(
            asked.sort, asked.limit, base=self.base, after=asked.after, filters=asked.filters, q=asked.q
        )
        return list(await tx.fetch(sql, *values))

    async def count(self, tx: Connection, asked: Asked) -> int:
        sql, values = self.listing.count(base=self.base, filters=asked.filters, q=asked.q)
        total: int = await tx.fetchval(sql, *values)
        return total


async def read_page(
    call: Call[Any, Any],
    listing: Listing,
    make: Callable[[Record], T],
    *,
    base: Sequence[Any] = (),
    filters: Mapping[str, Any] | None = None,
    rows: Rows | None = None,
) -> Page[T]:
    """The page that the call's ListQuery asks for. `make` turns a row into an item; `base`: the parameters of the
    listing's own query; `filters` where they are not the query's own; `rows` where the listing alone does not find
    them. Raises BadRequest for a cursor that is not of this list and this order."""
    query = call.query
    q = getattr(query, "q", UNSET)
    after = None if query.cursor is UNSET else _decode(query.cursor, query.sort, listing)
    wanted = filters_of(query) if filters is None else filters
    asked = Asked(query.sort, query.limit + 1, after, wanted, None if q is UNSET else q)
    source = rows or Listed(listing, base)
    tx = await call.tx()
    found = await source.page(tx, asked)
    info = PageInfo(hasMore=len(found) > query.limit)
    if info.hasMore:
        found = found[: query.limit]
        info.nextCursor = _encode(found[-1], query.sort, listing)
    if query.total:
        info.total = await source.count(tx, asked)
    return Page(data=[make(row) for row in found], page=info)


def filters_of(query: Any) -> dict[str, Any]:
    """The filters that were given, by the names that clients use."""
    own = {*ListQuery.__struct_fields__, "sort", "q"}
    given = {name: getattr(query, name) for name in query.__struct_fields__ if name not in own}
    return {name: value for name, value in given.items() if value is not UNSET}


def _encode(row: Record, sort: str, listing: Listing) -> str:
    value = row[listing.sorts[sort.removeprefix("-")].name]
    packed = msgspec.json.encode(_Cursor(sort, value, row["id"]))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(text: str, sort: str, listing: Listing) -> After:
    """Checked like any other input: it decides no right, for rows are filtered by other means."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(packed, type=_Cursor)
        value: Any = msgspec.convert(cursor.value, listing.sorts[sort.removeprefix("-")].kind)
    except (binascii.Error, ValueError):
        raise _foreign() from None
    if cursor.sort != sort or _odd(value):
        raise _foreign()
    return After(value, cursor.id)


def _odd(value: Any) -> bool:
    """Whether no row can have it: half a character, a moment without a zone or at the end of what can be counted."""
    if isinstance(value, datetime):
        return value.tzinfo is None or not _FIRST < value < _LAST
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    return isinstance(value, str) and bool(odd_text(value))


def _foreign() -> BadRequest:
    message = "is not a cursor of this list in this order; leave it out to begin again"
    return BadRequest(f"cursor: {message}", [fault("cursor", message)])
