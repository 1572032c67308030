"""JSON: one object a line, or a list of objects."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from portal.cloud.local.columns import SAMPLE_ROWS, WORDS, check_width, clean, enough, sentence, wrong
from portal.cloud.local.connection import connect
from portal.cloud.local.reading import literal, scalar_sql
from portal.cloud.local.sniffing import Sniffed, unreadable
from portal.cloud.local.types import normalise, parse, quoted

_EXAMPLES = 5
_BROKEN = "(json IS NULL OR json_type(json) <> 'OBJECT')"
_SCALARS = {
    "UBIGINT": "bigint",
    "BIGINT": "bigint",
    "HUGEINT": "decimal(38,0)",
    "UHUGEINT": "decimal(38,0)",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
}
# A type -> how JSON may write its values.
_CANDIDATES = {
    "boolean": "'BOOLEAN'",
    "bigint": "'UBIGINT', 'BIGINT'",
    "double": "'UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT'",
    "date": "'VARCHAR'",
    "timestamp": "'VARCHAR'",
}


def read(sniffed: Sequence[Sniffed], taken: Sequence[str]) -> dict[str, Any]:
    """As inference.infer. A field that only some objects have is a column; elsewhere it is NULL."""
    first = sniffed[0]
    with connect() as connection:
        guessed = _fields(connection, sniffed, taken)
        fields = {name: kind for name, (kind, _) in guessed.items()}
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
        "evidence": dict(zip(names, (why for _, why in guessed.values()), strict=True)),
    }


def _shared(sniffed: Sequence[Sniffed]) -> str:
    first = sniffed[0]
    files = ", ".join(literal(str(Path(file.path))) for file in sniffed)
    by_line = first.format == "jsonl"
    return (
        f"[{files}], format={literal('newline_delimited' if by_line else 'array')}, hive_partitioning=false, "
        f"compression={literal(first.compression)}, maximum_object_size=33554432, ignore_errors={str(by_line).lower()}"
    )


def _fields(
    connection: duckdb.DuckDBPyConnection, sniffed: Sequence[Sniffed], taken: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """The fields of the sampled objects in order: name -> type and why."""
    connection.execute(
        f"CREATE TEMP TABLE sample AS SELECT json FROM read_json_objects({_shared(sniffed)}) LIMIT {SAMPLE_ROWS}"  # noqa: S608
    )
    connection.execute(f"DELETE FROM sample WHERE {_BROKEN}")  # noqa: S608
    row = connection.execute("SELECT json_group_structure(json) FROM sample").fetchone()
    structure = json.loads(row[0]) if row and row[0] else {}
    if not isinstance(structure, dict) or not structure:
        raise unreadable(
            f"“{sniffed[0].name}” has no objects with fields. A table needs a list of them: [{{…}}, {{…}}]."
        )
    check_width(sniffed[0].name, len(structure))
    return {
        name: (normalise(_nested(kind)), "Nested values.")
        if isinstance(kind, list | dict) and kind
        else _scalar(connection, name)
        for name, kind in structure.items()
        if name.lower() not in taken
    }


def _nested(kind: Any) -> str:
    if isinstance(kind, list) and kind:
        return f"array({_nested(kind[0])})"
    if isinstance(kind, dict) and kind:
        return f"row({', '.join(f'{quoted(name)} {_nested(part)}' for name, part in kind.items())})"
    return _SCALARS.get(str(kind), "varchar")


def _scalar(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, str]:
    """A type that all but a few of the values have as JSON, and for texts dates and times by how they look."""
    value = _value(name)
    text = f"({value} ->> '$')"
    written = f"json_type({value})"
    fits = ", ".join(
        f"count(*) FILTER ({written} IN ({types}) AND ({scalar_sql(text, parse(kind))}) IS NOT NULL)"
        for kind, types in _CANDIDATES.items()
    )
    row = connection.execute(f"SELECT count({text}), {fits} FROM sample").fetchone()  # noqa: S608 - quoted
    count, *found = row or (0,)
    if count == 0:
        return "varchar", "No value in the sample: kept as text."
    for kind, matching in zip(_CANDIDATES, found, strict=True):
        if enough(matching, count):
            return kind, sentence(matching, count, WORDS[kind])
    return "varchar", f"{count:,} sampled values share no narrower type than text."


def _value(name: str) -> str:
    """The field of the object in the column `json`, by a JSON pointer (RFC 6901): any name can be written so."""
    return f"(json -> {literal('/' + name.replace('~', '~0').replace('/', '~1'))})"


def _check(
    connection: duckdb.DuckDBPyConnection, sniffed: Sequence[Sniffed], fields: dict[str, str]
) -> tuple[int, int, list[list[Any]]]:
    misfits = {name: _misfit(name, kind) for name, kind in fields.items() if kind != "varchar"}
    total, bad = 0, 0
    examples: list[list[Any]] = []
    anything = " OR ".join([_BROKEN, *misfits.values()])
    for file in sniffed:
        source = f"read_json_objects({_shared([file])})"
        counted = connection.execute(f"SELECT count(*), count(*) FILTER ({anything}) FROM {source}").fetchone()  # noqa: S608
        assert counted is not None
        total += counted[0]
        bad += counted[1]
        if counted[1] and len(examples) < _EXAMPLES:
            flags = ", ".join([_BROKEN, *(f"coalesce({misfit}, false)" for misfit in misfits.values())])
            rows = connection.execute(
                f"SELECT line, json, [{flags}] FROM (SELECT json, row_number() OVER () AS line FROM {source}) "  # noqa: S608
                f"WHERE {anything} LIMIT {_EXAMPLES - len(examples)}"
            ).fetchall()
            examples += [[line, str(text or "")[:200], _explain(flags, misfits, fields)] for line, text, flags in rows]
    return total, bad, examples


def _misfit(name: str, kind: str) -> str:
    value = _value(name)
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
