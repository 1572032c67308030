"""JSON: one object a line, or a list of objects."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from portal.cloud.local.columns import SAMPLE_ROWS, check_width, clean, wrong
from portal.cloud.local.reading import literal, scalar_sql
from portal.cloud.local.sniffing import Sniffed, unreadable
from portal.cloud.local.types import athena_type, parse, quoted, storable

_EXAMPLES = 5


def read(sniffed: Sequence[Sniffed], taken: Sequence[str]) -> dict[str, Any]:
    """As inference.infer. A field that only some objects have is a column; elsewhere it is NULL."""
    first = sniffed[0]
    with duckdb.connect() as connection:
        fields = _fields(connection, sniffed, taken)
        check_width(first.name, len(fields))
        names = clean(fields, taken)
        kinds = list(fields.values())
        rows, bad, examples = _check(connection, sniffed, fields)
    options = {f"field.{name}": own for name, own in zip(names, fields, strict=True) if own != name}
    return {
        "format": first.format,
        "columns": [[name, kind] for name, kind in zip(names, kinds, strict=True)],
        "options": {"compression": first.compression, **options},
        "rows": rows,
        "bad_rows": {"count": bad, "examples": examples},
        "evidence": {
            name: f"The values of “{own}” in the first {SAMPLE_ROWS:,} objects are {kind}."
            for name, (own, kind) in zip(names, fields.items(), strict=True)
        },
    }


def _shared(sniffed: Sequence[Sniffed]) -> str:
    first = sniffed[0]
    files = ", ".join(literal(str(Path(file.path))) for file in sniffed)
    by_line = first.format == "jsonl"
    return (
        f"[{files}], format={literal('newline_delimited' if by_line else 'array')}, hive_partitioning=false, "
        f"compression={literal(first.compression)}, maximum_object_size=33554432, ignore_errors={str(by_line).lower()}"
    )


def _fields(connection: duckdb.DuckDBPyConnection, sniffed: Sequence[Sniffed], taken: Sequence[str]) -> dict[str, str]:
    """The fields of the objects in order, with their types."""
    name = sniffed[0].name
    options = f"{_shared(sniffed)}, sample_size={SAMPLE_ROWS}, union_by_name=true, records=true"
    described = connection.execute(f"DESCRIBE SELECT * FROM read_json({options})").fetchall()  # noqa: S608 - quoted
    fields = {row[0]: storable(athena_type(row[1])) for row in described if row[0].lower() not in taken}
    if not fields:
        raise unreadable(f"“{name}” has no objects with fields. A table needs a list of them: [{{…}}, {{…}}].")
    return fields


def _check(
    connection: duckdb.DuckDBPyConnection, sniffed: Sequence[Sniffed], fields: dict[str, str]
) -> tuple[int, int, list[list[Any]]]:
    misfits = {name: _misfit(name, kind) for name, kind in fields.items() if kind != "varchar"}
    broken = "(json IS NULL OR json_type(json) <> 'OBJECT')"
    total, bad = 0, 0
    examples: list[list[Any]] = []
    anything = " OR ".join([broken, *misfits.values()])
    for file in sniffed:
        source = f"read_json_objects({_shared([file])})"
        counted = connection.execute(f"SELECT count(*), count(*) FILTER ({anything}) FROM {source}").fetchone()  # noqa: S608
        assert counted is not None
        total += counted[0]
        bad += counted[1]
        if counted[1] and len(examples) < _EXAMPLES:
            flags = ", ".join([broken, *(f"coalesce({misfit}, false)" for misfit in misfits.values())])
            rows = connection.execute(
                f"SELECT line, json, [{flags}] FROM (SELECT json, row_number() OVER () AS line FROM {source}) "  # noqa: S608
                f"WHERE {anything} LIMIT {_EXAMPLES - len(examples)}"
            ).fetchall()
            examples += [[line, str(text or "")[:200], _explain(flags, misfits, fields)] for line, text, flags in rows]
    return total, bad, examples


def _misfit(name: str, kind: str) -> str:
    value = f"(json -> {literal('$.' + quoted(name))})" if '"' not in name else "NULL"
    text = f"({value} ->> '$')"
    parsed = parse(kind)
    if parsed.nested:
        wanted = "'ARRAY'" if parsed.name == "array" else "'OBJECT'"
        return f"(json_type({value}) NOT IN ({wanted}, 'NULL'))"
    return f"({text} IS NOT NULL AND ({scalar_sql(text, parsed)}) IS NULL)"


def _explain(flags: list[bool], misfits: dict[str, str], fields: dict[str, str]) -> str:
    if flags[0]:
        return "It is not a JSON object; the row is all NULL."
    name = next(name for name, flag in zip(misfits, flags[1:], strict=True) if flag)
    return f"Its “{name}” is not {wrong(fields[name])}; it is NULL."
