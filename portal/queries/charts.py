"""A sensible first chart for a result: {kind, x, y, color?}, where x, y and color name columns."""

from collections.abc import Sequence
from typing import Any

KINDS = ("bar", "line", "scatter", "histogram")
NUMBERS = ("tinyint", "smallint", "integer", "int", "bigint", "float", "real", "double", "decimal")
TIMES = ("date", "timestamp")
CATEGORIES_MAX = 40  # more bars than this cannot be read


def suggest(columns: Sequence[dict[str, Any]], total: int) -> dict[str, str] | None:
    """By the columns' types: over time a line, over names bars, of two numbers a scatter, of one a histogram."""
    numbers = [column["name"] for column in columns if _is(column, NUMBERS)]
    if not numbers or not total:
        return None
    times = [column["name"] for column in columns if _is(column, TIMES)]
    names = [column["name"] for column in columns if not _is(column, NUMBERS + TIMES)]
    if times:
        return {"kind": "line", "x": times[0], "y": numbers[0]}
    if names and total <= CATEGORIES_MAX:
        return {"kind": "bar", "x": names[0], "y": numbers[0]}
    if len(numbers) == 2 and total <= CATEGORIES_MAX:  # such as a count for each of 1 to 5 stars
        return {"kind": "bar", "x": numbers[0], "y": numbers[1]}
    if len(numbers) > 1:
        return {"kind": "scatter", "x": numbers[0], "y": numbers[1]}
    return {"kind": "histogram", "x": numbers[0], "y": ""}


def _is(column: dict[str, Any], types: Sequence[str]) -> bool:
    return str(column["type"]).startswith(tuple(types))


def chosen(chart: Any, columns: Sequence[dict[str, Any]]) -> dict[str, str] | None:
    """A kept chart, if it still fits the result's columns."""
    names = {column["name"] for column in columns}
    if not isinstance(chart, dict) or any(isinstance(chart.get(part), dict | list) for part in ("x", "y", "color")):
        return None
    if chart.get("kind") not in KINDS or chart.get("x") not in names:
        return None
    y = chart.get("y") or ""
    if y not in names and chart["kind"] != "histogram":
        return None
    color = chart.get("color") if chart.get("color") in names else ""
    return {"kind": chart["kind"], "x": chart["x"], "y": y, "color": color or ""}
