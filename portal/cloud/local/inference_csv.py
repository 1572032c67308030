"""CSV: delimiter, quotes and header by what the first lines look like, types by a sample, and how well all rows fit."""

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from portal.cloud.errors import Rejected
from portal.cloud.local.columns import (
    SAMPLE_CELLS,
    SAMPLE_ROWS,
    check_width,
    clean,
    guess_types,
    not_null,
    wrong,
)
from portal.cloud.local.connection import connect
from portal.cloud.local.reading import scalar_sql, source_sql
from portal.cloud.local.sniffing import Sniffed, unreadable
from portal.cloud.local.types import parse, quoted
from portal.cloud.ports import Column, Table

DELIMITERS = ",;\t|^~"
_LINES = 1000  # looked at for the dialect
_EXAMPLES = 5
_ALL_COUNTED = 2 << 30  # bytes: of more than this only the first rows are checked, and the rows are not counted
_CHECKED_ROWS = 1_000_000
_SURPLUS = "_surplus"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")

Rows = list[list[str]]


def read(sniffed: Sequence[Sniffed], taken: Sequence[str]) -> dict[str, Any]:
    """As inference.infer; `taken` are names that columns may not have, those of the partition keys."""
    first = sniffed[0]
    delimiter, quote, width, rows = _dialect(first)
    for file in sniffed:
        _must_close_quotes(file, delimiter, quote)
    header = _has_header(rows, width)
    if header:
        width = max(width, len(rows[0]))
    check_width(first.name, width)
    _same_shape(sniffed, delimiter, quote, header, rows, width)
    raw_names = (rows[0] if header else [])[:width]
    names = clean(raw_names + [""] * (width - len(raw_names)), taken)
    options = {
        "delimiter": delimiter,
        "quote": quote,
        "escape": quote,
        "header": str(header).lower(),
        "encoding": first.encoding,
        "compression": first.compression,
        "null": "",
    }
    table = Table("", "", tuple(Column(name, "varchar") for name in names), "", "csv", (), options)
    with connect() as connection:
        typed = _typed(connection, table, [Path(file.path) for file in sniffed])
        table = replace(table, columns=tuple(Column(name, kind) for name, (kind, _) in typed.items()))
        count, bad, examples = _check(connection, table, sniffed)
    evidence = {name: why for name, (_, why) in typed.items()}
    if width == 1:
        evidence[names[0]] += " No delimiter was found: each line is one value."
    if first.encoding == "latin-1":
        evidence[names[0]] += " The file is not UTF-8: its text is read as Latin-1."
    return {
        "format": "csv",
        "columns": [[column.name, column.type] for column in table.columns],
        "options": options,
        "rows": count,
        "bad_rows": {"count": bad, "examples": examples},
        "evidence": evidence,
    }


# --- dialect ----------------------------------------------------------------------------------------------------------


def _dialect(file: Sniffed) -> tuple[str, str, int, Rows]:
    """Delimiter, quote, number of fields and the first rows: those of the dialect in which most rows agree."""
    best: tuple[float, int, str, str, Rows] | None = None
    for quote in ('"', "'") if _quotes_single(file.head) else ('"',):
        for delimiter in DELIMITERS:
            rows = _rows(file, delimiter, quote)
            if not rows:
                continue
            width, agreeing = Counter(len(row) for row in rows).most_common(1)[0]
            share = agreeing / len(rows)
            if width == 1 and len(rows[0]) > 1 and len(rows) <= 3:
                width = len(rows[0])
            if width > 1 and share >= 0.5 and (best is None or (share, width) > best[:2]):
                best = (share, width, delimiter, quote, rows)
    if best:
        return best[2], best[3], best[1], best[4]
    rows = _rows(file, ",", '"')
    _refuse_prose(file, rows)
    lines = [[line] for line in file.head.splitlines()[:_LINES] if line]
    return ",", '"', 1, rows if all(len(row) == 1 for row in rows) else lines


def _refuse_prose(file: Sniffed, rows: Rows) -> None:
    """One column is fine where each line is one value; lines of every length are a document or an unknown delimiter."""
    widths = Counter(len(row) for row in rows)
    if widths.get(1, 0) < len(rows) * 0.9:
        few = ", ".join(str(width) for width in sorted(widths)[:4])
        raise unreadable(
            f"“{file.name}” has no delimiter that fits: with commas its lines have {few} fields. "
            "Save it with commas, semicolons, tabs or | between the fields."
        )


def _must_close_quotes(file: Sniffed, delimiter: str, quote: str) -> None:
    """Rejected(UNREADABLE_FILE) where a quote swallows the rest of the file: its rows would silently be one value."""
    if not file.whole:
        return  # the reader itself refuses a value of millions of characters
    reader = csv.reader([*file.head.splitlines(keepends=True), "\n", "end"], delimiter=delimiter, quotechar=quote)
    start = end = 0
    last: list[str] = []
    for row in reader:
        start, end, last = end + 1, reader.line_num, row
    if last != ["end"]:
        raise unreadable(f"“{file.name}” opens a quote in line {start} that never closes. Close it and upload again.")


def _quotes_single(head: str) -> bool:
    return len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|]|\r?$)", head[:100_000], re.MULTILINE)) > 2 and (
        head.count("'") > head.count('"')
    )


def _rows(file: Sniffed, delimiter: str, quote: str) -> Rows:
    csv.field_size_limit(1 << 24)
    reader = csv.reader(file.head.splitlines(keepends=True), delimiter=delimiter, quotechar=quote)
    rows: Rows = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) >= _LINES:
                return rows
    except csv.Error:
        return rows
    return rows if file.whole or len(rows) < 2 else rows[:-1]  # the last line may be cut


def _has_header(rows: Rows, width: int) -> bool:
    """Names above values: text over numbers or dates, or texts that do not come again below."""
    first, below = rows[0], rows[1:200]
    kinds = [_kind(cell) for cell in first]
    if not below:
        return all(kind == "text" for kind in kinds)
    if kinds[0] == "text" and len(first) > 2 and all(re.fullmatch(r"(19|20)\d\d", cell) for cell in first[1:]):
        return True
    votes = 0
    for position, kind in enumerate(kinds[:width]):
        column = Counter(_kind(row[position]) for row in below if len(row) > position and row[position].strip())
        usual, often = column.most_common(1)[0] if column else ("blank", 0)
        if kind in ("blank", "text") and usual not in ("blank", "text") and often >= 0.8 * sum(column.values()):
            votes += kind == "text"
        elif kind not in ("blank", "text"):
            votes -= 1
    if votes:
        return votes > 0
    texts = [cell.strip() for cell in first if cell.strip()]
    again = any(
        len(row) > position and row[position].strip() == cell.strip() != ""
        for position, cell in enumerate(first)
        for row in below
    )
    return len(set(texts)) == len(texts) > 0 and max(map(len, texts)) <= 64 and not again


def _kind(cell: str) -> str:
    cell = cell.strip()
    if not cell:
        return "blank"
    if _NUMBER.fullmatch(cell):
        return "number"
    if _DAY.fullmatch(cell):
        return "date"
    return "boolean" if cell.lower() in ("true", "false") else "text"


def _same_shape(sniffed: Sequence[Sniffed], delimiter: str, quote: str, header: bool, rows: Rows, width: int) -> None:
    """Columns go by position, so all files must have the same ones in the same order. Rejected(MIXED_SCHEMAS)."""
    wanted = clean(rows[0]) if header else None
    for other in sniffed[1:]:
        theirs = _rows(other, delimiter, quote)
        usual = Counter(len(row) for row in theirs).most_common(1)[0][0] if theirs else 0
        if wanted is not None and (not theirs or clean(theirs[0]) != wanted):
            why = f"“{other.name}” begins with other column names than “{sniffed[0].name}”"
        elif wanted is None and usual != width:
            why = f"“{other.name}” has {usual} columns, “{sniffed[0].name}” has {width}"
        else:
            continue
        raise Rejected("MIXED_SCHEMAS", f"The files do not fit together: {why}. Keep each kind in a folder of its own.")


# --- types and fit ----------------------------------------------------------------------------------------------------


def _typed(connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path]) -> dict[str, tuple[str, str]]:
    rows = max(100, min(SAMPLE_ROWS, SAMPLE_CELLS // len(table.columns)))
    source = source_sql(table, files)
    connection.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {source} LIMIT {rows}")  # noqa: S608
    return guess_types(connection, "sample", [column.name for column in table.columns])


def _check(
    connection: duckdb.DuckDBPyConnection, table: Table, sniffed: Sequence[Sniffed]
) -> tuple[int | None, int, list[list[Any]]]:
    """All rows counted, those that do not fit counted, and the first few of them, by the reader that queries use."""
    several = len(table.columns) > 1  # in a single column a blank line is a row, and no field can be missing
    wide = replace(table, columns=(*table.columns, Column(_SURPLUS, "varchar"))) if several else table
    partly = sum(os.path.getsize(file.path) for file in sniffed) > _ALL_COUNTED
    total, bad = 0, 0
    examples: list[list[Any]] = []
    misfit = " OR ".join(f"({condition})" for condition in _misfits(table))
    for file in sniffed:
        source = source_sql(wide, [Path(file.path)], keep_blanks=several)
        if partly:
            source = f"(SELECT * FROM {source} LIMIT {_CHECKED_ROWS})"  # noqa: S608
        counted = connection.execute(f"SELECT count(*), count(*) FILTER ({misfit}) FROM {source}").fetchone()  # noqa: S608
        assert counted is not None
        total += counted[0]
        bad += counted[1]
        if counted[1] and len(examples) < _EXAMPLES:
            examples += _examples(connection, table, source, misfit, _EXAMPLES - len(examples))
        if partly and total >= _CHECKED_ROWS:
            break
    return (None if partly else total), bad, examples


def _misfits(table: Table) -> list[str]:
    ragged = [f"{quoted(_SURPLUS)} IS NOT NULL", f"{quoted(table.columns[-1].name)} IS NULL"]
    return (ragged if len(table.columns) > 1 else ["false"]) + [
        _misfit(column) for column in table.columns if column.type != "varchar"
    ]


def _misfit(column: Column) -> str:
    name = quoted(column.name)
    return f"({scalar_sql(name, parse(column.type))}) IS NULL AND {not_null(name)}"  # the rarer condition first


def _examples(
    connection: duckdb.DuckDBPyConnection, table: Table, source: str, misfit: str, most: int
) -> list[list[Any]]:
    names = [quoted(column.name) for column in table.columns]
    text = f"concat_ws('', {', '.join(names)})"
    breaks = f"length({text}) - length(replace({text}, chr(10), ''))"
    surplus = quoted(_SURPLUS) if len(names) > 1 else "NULL"
    typed = [column for column in table.columns if column.type != "varchar"]
    flags = ", ".join([f"({_misfit(column)})" for column in typed] or ["false"])
    rows = connection.execute(
        f"SELECT line, [{', '.join(names)}], {surplus}, [{flags}] FROM "  # noqa: S608 - names are quoted
        f"(SELECT *, row_number() OVER () + coalesce(sum({breaks}) OVER (ROWS UNBOUNDED PRECEDING), 0) - ({breaks}) "
        "AS line "
        f"FROM {source}) WHERE {misfit} LIMIT {most}"
    ).fetchall()
    first_line = 1 if table.options["header"] == "true" else 0
    return [[int(line) + first_line, *_explain(table, typed, *rest)] for line, *rest in rows]


def _explain(
    table: Table, typed: Sequence[Column], fields: list[str | None], surplus: str | None, flags: list[bool]
) -> list[str]:
    present = [field for field in fields if field is not None] + ([surplus] if surplus is not None else [])
    text = table.options["delimiter"].join(present)[:200]
    width = len(fields)
    if surplus is not None:
        return [text, f"It has more than the {width} fields of the other rows; what is too much is left out."]
    if fields[-1] is None and width > 1:
        return [text, f"It has {len(present)} fields and not {width}; the others are NULL."]
    column = next(column for column, flag in zip(typed, flags, strict=True) if flag)
    value = fields[[c.name for c in table.columns].index(column.name)] or ""
    return [text, f"“{value[:60]}” in {column.name} is not {wrong(column.type)}; it is NULL."]
