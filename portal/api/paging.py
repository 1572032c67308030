"""Lists: `?limit=&cursor=` → {"items": […], "next": cursor or null}. The cursor is opaque: a signed position."""

from collections.abc import Callable
from typing import Any

from django.core import signing
from django.db.models import Model, QuerySet
from ninja import Field, Schema

from portal.problems import Invalid

LIMIT_MAX = 1000


class PageQuery(Schema):
    """The two parameters that every list takes."""

    limit: int = Field(100, ge=1, le=LIMIT_MAX)
    cursor: str | None = None

    def position(self) -> Any:
        """What the cursor stands for, or None at the start."""
        if not self.cursor:
            return None
        try:
            return signing.loads(self.cursor, salt="cursor")
        except signing.BadSignature:
            raise Invalid.field("cursor", "This cursor is not one that was given out.") from None


def cursor(position: Any) -> str:
    """A position as a cursor."""
    return signing.dumps(position, salt="cursor")


def page(rows: "QuerySet[Any] | list[Any]", query: PageQuery, show: Callable[[Any], Any]) -> dict[str, Any]:
    """A page of rows that are ordered and do not move much: the position is an offset."""
    offset = query.position() or 0
    if not isinstance(offset, int):
        raise Invalid.field("cursor", "This cursor is of another list.")
    found: list[Model] = list(rows[offset : offset + query.limit + 1])
    more = len(found) > query.limit
    return {
        "items": [show(row) for row in found[: query.limit]],
        "next": cursor(offset + query.limit) if more else None,
    }
