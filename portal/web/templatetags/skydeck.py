"""How values are written on pages: bytes, money, numbers, durations, states. The same words everywhere."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django import template
from django.utils import timezone

register = template.Library()
STATE_WORDS = {
    "queued": "Waiting", "submitted": "Starting", "running": "Running",
    "succeeded": "Done", "failed": "Failed", "cancelled": "Stopped",
}  # fmt: skip
STATE_ICONS = {
    "queued": "clock", "submitted": "loader", "running": "play",
    "succeeded": "check", "failed": "triangle-alert", "cancelled": "square",
}  # fmt: skip


@register.filter
def filesize(value: int | None) -> str:
    """Bytes as people read them, decimal units (as AWS bills)."""
    if value is None:
        return "–"
    size = float(value)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@register.filter
def usd(value: Decimal | str | int | None) -> str:
    """Dollars with as many places as are needed to not show a price as nothing."""
    if value is None:
        return "–"
    amount = Decimal(value)
    if amount == 0:
        return "$0.00"
    if abs(amount) < Decimal("0.000001"):
        return "< $0.000001"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    places = 2
    while places < 6 and round(amount, places) != round(amount, 6) and abs(amount) < Decimal(10) ** -(places - 2):
        places += 1
    return f"${amount:.{places}f}"


@register.filter
def number(value: Any) -> str:
    """A whole number with thousands separated."""
    return "–" if value is None else f"{value:,}"


@register.filter
def seconds(value: float | None) -> str:
    """A duration: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if value is None:
        return "–"
    if value < 0.1:
        return "< 0.1 s"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@register.filter
def state_word(state: str) -> str:
    return STATE_WORDS.get(str(state), str(state))


@register.filter
def state_icon(state: str) -> str:
    return STATE_ICONS.get(str(state), "circle")


KIND_WORDS = {
    "query.run": "Query", "training.run": "Training", "table.create": "New table",
    "table.refresh": "Refresh", "table.infer": "Reading a file",
}  # fmt: skip
KIND_ICONS = {"query.run": "square-terminal", "training.run": "brain"}


@register.filter
def kind_word(kind: str) -> str:
    return KIND_WORDS.get(kind, kind)


@register.filter
def kind_icon(kind: str) -> str:
    return KIND_ICONS.get(kind, "table-2")


@register.filter
def address(operation: Any) -> str:
    """The page of an operation."""
    folder = {"query.run": "/query", "training.run": "/training"}.get(operation.kind, "/tables/new")
    return f"{folder}/{operation.id}"


@register.filter
def took(operation: Any) -> float | None:
    """Seconds from its start to its end, or till now."""
    if operation.started_at is None:
        return None
    return float(((operation.finished_at or timezone.now()) - operation.started_at).total_seconds())


@register.filter
def cost_of(operation: Any) -> Any:
    """The cost's row, or None where it has none."""
    return getattr(operation, "cost", None)


@register.filter
def nano(amount: int | None) -> Decimal | None:
    """Nano-USD, as the database keeps them, in USD."""
    return None if amount is None else Decimal(amount) / 1_000_000_000


# --- cells of results -------------------------------------------------------------------------------------------------

NUMBER_TYPES = ("tinyint", "smallint", "int", "bigint", "float", "real", "double", "decimal")
CELL_MAX = 400  # characters of a cell on a page; the download has them all


@register.filter
def is_number(type_name: str) -> bool:
    """Is it one of Athena's types of numbers?"""
    return str(type_name).startswith(NUMBER_TYPES)


@register.filter
def cell(value: Any) -> str:
    """A cell as text: booleans as SQL writes them, nested values as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= CELL_MAX else f"{text[:CELL_MAX]}…"


@register.filter
def zip_with(left: Any, right: Any) -> list[tuple[Any, Any]]:
    return list(zip(left, right, strict=True))


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()


@register.filter
def slashed(name: str) -> str:
    """`database.table` as in the address of its page."""
    database, _, table = name.partition(".")
    return f"{quote(database, safe='')}/{quote(table, safe='')}"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long since, in one word or two; from a month on the date itself."""
    if moment is None:
        return "–"
    passed = (timezone.now() - moment).total_seconds()
    if passed < 60:
        return "just now"
    for unit, size, end in (("min", 60, 60), ("h", 3600, 24), ("days", 86400, 30)):
        if passed < size * end:
            count = int(passed // size)
            return f"{count} {'day' if unit == 'days' and count == 1 else unit} ago"
    return f"{timezone.localtime(moment):%-d %b %Y}"
