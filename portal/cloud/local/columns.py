"""Names and types of columns, as they are guessed from what stands in them."""

import re
from collections.abc import Iterable, Sequence

import duckdb

from portal.cloud.local.reading import literal, scalar_sql
from portal.cloud.local.sniffing import unreadable
from portal.cloud.local.types import parse, quoted

MOST_COLUMNS = 2000
SAMPLE_ROWS = 20_000
SAMPLE_CELLS = 1_000_000
# Words for “no value”: they are NULL in a column that is not text, and never count against its type.
NULL_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", r"\N", "-", "?", "#N/A")
WORDS = {
    "boolean": "true or false",
    "bigint": "whole numbers",
    "double": "numbers",
    "date": "dates",
    "timestamp": "times",
}
_SHARE = 0.99  # of the values fit: the rest is shown as rows that do not


def check_width(name: str, count: int) -> None:
    """Rejected(UNREADABLE_FILE) where a table has more columns than a catalog or a person can use."""
    if count > MOST_COLUMNS:
        raise unreadable(
            f"“{name}” has {count:,} columns; {MOST_COLUMNS:,} is the most. Turn columns into rows, or split the file."
        )


def clean(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Names as Glue takes them: lower-case letters, digits and underscores, each once; an empty one is `column_3`."""
    used, cleaned = set(taken), []
    for position, name in enumerate(names, start=1):
        base = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")[:240] or f"column_{position}"
        unique, number = base, 2
        while unique in used:
            unique, number = f"{base}_{number}", number + 1
        used.add(unique)
        cleaned.append(unique)
    return cleaned


def not_null(text: str) -> str:
    """A condition: the text holds a value."""
    words = ", ".join(literal(word) for word in NULL_WORDS)
    return f"({text} IS NOT NULL AND trim({text}) <> '' AND trim({text}) NOT IN ({words}))"


def guess_types(
    connection: duckdb.DuckDBPyConnection, sample: str, columns: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """For each text column of the relation `sample` its Athena type and a sentence on why."""
    guessed = {}
    for start in range(0, len(columns), 50):
        some = columns[start : start + 50]
        measured = ", ".join(part for column in some for part in _measures(quoted(column)))
        row = connection.execute(f"SELECT {measured} FROM {sample}").fetchone()  # noqa: S608 - names are quoted
        width = len(_measures("x"))
        for index, column in enumerate(some):
            guessed[column] = _decide(*(row or ())[index * width : (index + 1) * width])
    return guessed


def _measures(text: str) -> list[str]:
    there = not_null(text)
    fits = [
        f"count(*) FILTER ({there} AND ({scalar_sql(text, parse(kind))}) IS NOT NULL)"
        for kind in ("boolean", "bigint", "double", "date", "timestamp")
    ]
    digits = rf"regexp_full_match(trim({text}), '[+-]?\d+')"
    return [
        f"count(*) FILTER ({there})",
        *fits,
        rf"count(*) FILTER (regexp_matches(trim({text}), '^([+]|-?0\d)'))",  # codes and telephone numbers
        f"count(*) FILTER ({digits})",
        f"max(length(trim({text}))) FILTER ({there})",
        rf"count(DISTINCT length(regexp_extract(trim({text}), '\.(\d*)$', 1))) FILTER ({there})",
        rf"max(length(regexp_extract(trim({text}), '\.(\d*)$', 1))) FILTER ({there})",
        rf"count(*) FILTER (regexp_full_match(trim({text}), '-?\d+\.\d+'))",
    ]


def _decide(
    count: int, boolean: int, whole: int, number: int, day: int, time: int,
    codes: int, digits: int, longest: int | None, scales: int, scale: int | None, fractions: int,
) -> tuple[str, str]:  # fmt: skip
    if count == 0:
        return "varchar", "No value in the sample: kept as text."
    if enough(boolean, count):
        return "boolean", sentence(boolean, count, "true or false")
    if codes and (enough(digits, count) or enough(number, count)):
        return (
            "varchar",
            f"{codes:,} of {count:,} sampled values begin with 0 or +: kept as text so that nothing is lost.",
        )
    if enough(whole, count):
        return "bigint", sentence(whole, count, "whole numbers")
    if enough(digits, count):
        if (longest or 0) <= 38:
            return "decimal(38,0)", sentence(digits, count, "whole numbers too large for bigint")
        return "varchar", "Whole numbers of more than 38 digits: kept as text."
    if fractions == count and scales == 1 and 16 < (longest or 0) <= 38:
        return f"decimal(38,{scale})", sentence(count, count, f"numbers of more than 15 digits with {scale} decimals")
    if enough(number, count):
        return "double", sentence(number, count, "numbers")
    if enough(day, count):
        return "date", sentence(day, count, "dates (YYYY-MM-DD)")
    if enough(time, count):
        return "timestamp", sentence(time, count, "dates with times")
    return "varchar", f"{count:,} sampled values share no narrower type than text."


def enough(fits: int, count: int) -> bool:
    """All values but a few fit: 1 in 100, or one of at least 20."""
    return fits >= count * _SHARE or (count >= 20 and fits == count - 1)


def sentence(fits: int, count: int, what: str) -> str:
    """Why a column has its type, in words."""
    share = "All" if fits == count else f"{int(fits / count * 1000) / 10:g} % of"
    return f"{share} {count:,} sampled values are {what}."


def wrong(kind: str) -> str:
    """What a value of this type is called, for a sentence on one that does not fit."""
    singular = {"bigint": "a whole number", "double": "a number", "boolean": "true or false", "date": "a date",
                "timestamp": "a time"}  # fmt: skip
    return singular.get(kind, "a number" if kind.startswith("decimal") else kind)
