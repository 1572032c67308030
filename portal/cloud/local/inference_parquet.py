"""Parquet: what the footers say, for all files together."""

from collections.abc import Sequence
from typing import Any

import duckdb

from portal.cloud.errors import Rejected
from portal.cloud.local.columns import check_width, clean
from portal.cloud.local.connection import connect
from portal.cloud.local.reading import literal
from portal.cloud.local.sniffing import Sniffed, unreadable
from portal.cloud.local.types import athena_type, storable

_WIDENED = {  # pairs that one file may have where another has more
    frozenset(("integer", "bigint")): "bigint",
    frozenset(("smallint", "integer")): "integer",
    frozenset(("smallint", "bigint")): "bigint",
    frozenset(("tinyint", "integer")): "integer",
    frozenset(("tinyint", "bigint")): "bigint",
    frozenset(("real", "double")): "double",
    frozenset(("unknown", "varchar")): "varchar",
}


def read(sniffed: Sequence[Sniffed], taken: Sequence[str]) -> dict[str, Any]:
    """As inference.infer. A column that only some files have is one of the table; rows there are NULL."""
    found: dict[str, tuple[str, str]] = {}  # name in the files -> type, file that had it first
    rows = 0
    with connect() as connection:
        for file in sniffed:
            schema, count = _schema(connection, file)
            rows += count
            for name, kind in schema:
                found[name] = _merge(name, kind, file.name, found.get(name))
    stored = [name for name in found if name.lower() not in taken]  # the folder's value stands for the column
    check_width(sniffed[0].name, len(stored))
    names = clean(stored, taken)
    options = {f"field.{name}": own for name, own in zip(names, stored, strict=True) if own.lower() != name}
    return {
        "format": "parquet",
        "columns": [[name, found[own][0]] for name, own in zip(names, stored, strict=True)],
        "options": options,
        "rows": rows,
        "bad_rows": {"count": 0, "examples": []},
        "evidence": dict.fromkeys(names, "The Parquet file says so."),
    }


def _schema(connection: duckdb.DuckDBPyConnection, file: Sniffed) -> tuple[list[tuple[str, str]], int]:
    source = f"read_parquet([{literal(file.path)}], hive_partitioning=false)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - quoted
        counted = connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608 - quoted
    except duckdb.Error as error:
        raise unreadable(
            f"“{file.name}” is a damaged Parquet file: its footer cannot be read. Write it again."
        ) from error
    return [(row[0], storable(athena_type(row[1]))) for row in described], counted[0] if counted else 0


def _merge(name: str, kind: str, file: str, known: tuple[str, str] | None) -> tuple[str, str]:
    if known is None or known[0] == kind:
        return known or (kind, file)
    wider = _WIDENED.get(frozenset((known[0], kind)))
    if wider is None:
        raise Rejected(
            "MIXED_SCHEMAS",
            f"The files do not fit together: the column “{name}” is {known[0]} in “{known[1]}” and {kind} in “{file}”. "
            "Write it with one type, or keep each kind in a folder of its own.",
        )
    return wider, known[1]
