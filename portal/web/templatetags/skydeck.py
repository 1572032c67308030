"""How values are written on pages: bytes, money, numbers, durations, states. The same words everywhere."""

from decimal import Decimal
from typing import Any

from django import template

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
