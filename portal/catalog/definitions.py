"""A table's definition as people give it, checked for shape. Names and types are the provider's to judge."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.cloud import ports
from portal.problems import Invalid

FORMATS = ("csv", "jsonl", "json", "parquet")
COLUMNS_MAX = 10_000
OPTION_MAX = 300  # characters of a name or a value


def table_name(name: str) -> str:
    """Glue's longest name has 255 characters; the rest of its rules are the provider's."""
    if not 1 <= len(name) <= 255:
        raise Invalid.field("name", "A table's name has 1 to 255 lower-case letters, digits and underscores.")
    return name


def format_name(text: str) -> str:
    """A format, or "" where it is to be inferred."""
    chosen = text.strip().lower()
    if chosen and chosen not in FORMATS:
        raise Invalid.field("format", f"“{text[:40]}” is not a format. Use one of {', '.join(FORMATS)}.")
    return chosen


def columns(field: str, given: Sequence[Mapping[str, str]] | None) -> list[dict[str, str]] | None:
    """[{name, type, comment}], or None where they are to be inferred."""
    if given is None:
        return None
    if len(given) > COLUMNS_MAX:
        raise Invalid.field(field, f"A table has at most {COLUMNS_MAX:,} columns.")
    if any(not column.get("name") or not column.get("type") for column in given):
        raise Invalid.field(field, "Each column needs a name and a type.")
    return [
        {
            "name": column["name"].strip().lower(),
            "type": column["type"].strip(),
            "comment": column.get("comment", "")[:255],
        }
        for column in given
    ]


def options(given: Mapping[str, str] | None) -> dict[str, str]:
    """The format's dialect (ports.Table)."""
    chosen = dict(given or {})
    if len(chosen) > COLUMNS_MAX or any(len(text) > OPTION_MAX for pair in chosen.items() for text in pair):
        raise Invalid.field("options", "These are too many options, or too long ones.")
    return chosen


def as_ports(given: Sequence[Mapping[str, Any]]) -> tuple[ports.Column, ...]:
    return tuple(ports.Column(column["name"], column["type"], column.get("comment", "")) for column in given)
