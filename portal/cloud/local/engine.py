"""One statement, run inside a child: views over what was granted, then the locks, then the statement into one file.

The order matters (what was tried): views first, while files may be opened; then the settings, the last of which forbid
to change any; the statement of the user last. A connection is made with no threads of its own, since the fence holds
only for threads that start after it.
"""

import itertools
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from portal.cloud.local.failures import RESULT
from portal.cloud.local.reading import literal, relation_sql
from portal.cloud.local.types import athena_type, quoted
from portal.cloud.ports import Column, Table
from portal.sql import duck
from portal.sql.model import SqlError, TableSchema
from portal.sql.naming import analyse
from portal.sql.parsing import parse

ROW_GROUP = 50_000  # rows: a page of a result decodes one row group, at 20 ms or so
SPILL_BYTES = 4 * 1024**3

# What the file format cannot keep as it is, by the engine's name of the type.
_STORED_AS = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)", "INTERVAL": "VARCHAR", "BIT": "VARCHAR"}


Connection = duckdb.DuckDBPyConnection


def load() -> None:
    """Load what translating loads on first use, so that children have it from the start."""
    duck.translate("SELECT 1", {}, "default")


def reseed(connection: Connection) -> None:
    """Give a connection that was forked random numbers of its own."""
    connection.execute("SELECT setseed(?)", [random.SystemRandom().uniform(-1, 1)])


Granted = tuple[Table, Sequence[str], Sequence[str]]
"""A table, the columns that may be read of it, and its files."""


def warm() -> Connection:
    """A connection ready for a statement: settings, macros and functions of the dialect installed, no thread
    started."""
    connection = duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})
    for statement in (*duck.SETTINGS, *duck.MACROS):
        connection.execute(statement)
    for function in duck.FUNCTIONS:
        connection.create_function(function.name, function.call, list(function.arguments), function.returns)
    return connection


def run(task: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """Carry out a task: `tables` [{table, columns, files}], `sql`, `database`, `parameters`, `folder` (for the result
    and for what spills), `memory`, `seconds`, `threads`, `result_bytes`. Leaves `folder`/result.parquet.

    The answer: `columns` [{name, type}] with Athena's names and types, `rows`, `seconds`, `bytes_scanned`. The last
    counts what the engine read from the tables' files while the statement ran: the column chunks it needed, of the row
    groups it did not skip, and the footers; a file of text counts as far as it was read. Not counted: the footers read
    once more to describe the tables before it. The operating system's cache makes no difference to it.
    """
    folder = Path(task["folder"])
    target = folder / "result.parquet"
    tables = [(_table(entry["table"]), entry["columns"], entry["files"]) for entry in task["tables"]]
    for table, columns, files in tables:
        _create_view(connection, table, columns, [Path(file) for file in files])
    _lock(connection, task, [file for _, _, files in tables for file in files], target)
    began = time.monotonic()
    sql, names, types = prepare(connection, task, tables)
    try:
        rows = _copy(connection, sql, names, types, target)
    except duckdb.IOException:
        if target.exists() and target.stat().st_size >= task["result_bytes"]:
            raise SqlError(RESULT.code, RESULT.message) from None
        raise
    if target.stat().st_size > task["result_bytes"]:
        raise SqlError(RESULT.code, RESULT.message)
    return {
        "columns": [{"name": name, "type": athena_type(kind)} for name, kind in zip(names, types, strict=True)],
        "rows": rows,
        "bytes_scanned": _bytes_read(connection),
        "seconds": round(time.monotonic() - began, 4),
    }


def prepare(
    connection: Connection, task: dict[str, Any], tables: Sequence[Granted]
) -> tuple[str, Sequence[str], list[str]]:
    """The task's statement in the engine's dialect, with the names (Athena's) and the types (the engine's) of its
    columns. SqlError where it is not to be had, or names what was not granted."""
    analysis = analyse(parse(task["sql"], tuple(task["parameters"])), _schema(tables), task["database"])
    sql = duck.render(analysis)
    types = [str(row[1]) for row in connection.execute(f"DESCRIBE ({sql})").fetchall()]
    return sql, analysis.columns, types


def _create_view(con: Connection, table: Table, columns: Sequence[str], files: Sequence[Path]) -> None:
    schema, name = quoted(table.database), quoted(table.name)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    con.execute(f"CREATE VIEW {schema}.{name} AS {relation_sql(table, files, columns)}")


def _lock(connection: Connection, task: dict[str, Any], files: Sequence[str], target: Path) -> None:
    """Forbid all that the statement does not need. After this no setting can be changed."""
    spill = target.parent / "spill"
    for setting in (
        f"allowed_paths=[{', '.join(literal(str(path)) for path in (*files, target))}]",
        f"temp_directory={literal(str(spill))}",
        f"max_temp_directory_size='{SPILL_BYTES}B'",
        f"memory_limit='{task['memory'] * 4 // 5}B'",  # the rest is for strings, which it does not count
        f"threads={task['threads']}",
        f"max_execution_time={int(task['seconds'] * 1000)}",
        "autoinstall_known_extensions=false",
        "autoload_known_extensions=false",
        "allow_community_extensions=false",
        "allow_persistent_secrets=false",
        "allow_extension_repositories='forbidden'",
        "python_enable_replacements=false",
        "enable_profiling='no_output'",
        "TimeZone='UTC'",
        "enable_external_access=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET {setting}")


def _copy(connection: Connection, sql: str, names: Sequence[str], types: Sequence[str], target: Path) -> int:
    """Write the result and count its rows. Columns are given names that a file can hold: unique and not empty."""
    columns = [quoted(name) for name in _unique(names)]
    aliases = ", ".join(columns)
    stored = ", ".join(
        f"CAST({column} AS {_STORED_AS[kind]}) AS {column}" if kind in _STORED_AS else column
        for column, kind in zip(columns, types, strict=True)
    )
    counted = connection.execute(
        f"COPY (SELECT {stored} FROM ({sql}) AS result({aliases})) TO {literal(str(target))} "  # noqa: S608
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}, USE_TMP_FILE false)"
    ).fetchone()
    return int(counted[0]) if counted else 0


def _unique(names: Sequence[str]) -> list[str]:
    """The names as a file can hold them: a second `a` is `a_1`."""
    unique: list[str] = []
    for name in names:
        candidates = (name if count == 0 else f"{name}_{count}" for count in itertools.count())
        unique.append(next(candidate for candidate in candidates if candidate not in unique))
    return unique


def _bytes_read(connection: Connection) -> int:
    """Of the statement that ran last; one that reads no file has no such figure."""
    profile = json.loads(connection.get_profiling_information(format="json"))
    return int(profile.get("io", {}).get("total_bytes_read", 0))


def _table(data: dict[str, Any]) -> Table:
    columns = tuple(Column(**column) for column in data["columns"])
    keys = tuple(Column(**column) for column in data["partition_keys"])
    return Table(**{**data, "columns": columns, "partition_keys": keys})


def _schema(tables: Sequence[Granted]) -> dict[tuple[str, str], TableSchema]:
    """What the statement may name: the granted columns alone."""
    return {
        (table.database, table.name): TableSchema(
            columns=tuple((c.name, c.type) for c in (*table.columns, *table.partition_keys) if c.name in columns),
            partition_keys=tuple(key.name for key in table.partition_keys if key.name in columns),
            format=table.format,
        )
        for table, columns, _ in tables
    }
