"""One statement, run inside a child: views over what was granted, then the locks, then the statement into one file.

The order matters (what was tried): views first, while files may be opened; then the settings, the last of which forbid
to change any; the statement of the user last. A connection is made with no threads of its own, since the fence holds
only for threads that start after it.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from portal.cloud.local.failures import RESULT
from portal.cloud.local.names_of_result import athena_names, parquet_names
from portal.cloud.local.reading import literal, relation_sql
from portal.cloud.local.types import athena_type, quoted
from portal.cloud.ports import Column, Table
from portal.sql import duck
from portal.sql.model import SqlError, TableSchema

ROW_GROUP = 50_000  # rows: a page of a result decodes one row group, at 20 ms or so
SPILL_BYTES = 4 * 1024**3

# What the file format cannot keep as it is, by the engine's name of the type.
_STORED_AS = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)", "INTERVAL": "VARCHAR", "BIT": "VARCHAR"}


def warm() -> duckdb.DuckDBPyConnection:
    """A connection ready for a statement: settings, macros and functions of the dialect installed, no thread
    started."""
    connection = duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})
    for statement in (*duck.SETTINGS, *duck.MACROS):
        connection.execute(statement)
    for function in duck.FUNCTIONS:
        connection.create_function(function.name, function.call, list(function.arguments), function.returns)
    return connection


def run(task: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
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
    sql = duck.translate(task["sql"], _schema(tables), task["database"], tuple(task["parameters"]))
    for table, columns, files in tables:
        _create_view(connection, table, columns, [Path(file) for file in files])
    _lock(connection, task, [file for _, _, files in tables for file in files], target)
    began = time.monotonic()
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    types = [str(row[1]) for row in described]
    names = athena_names(task["sql"], [str(row[0]) for row in described])
    try:
        rows = _copy(connection, sql, parquet_names(names), types, target)
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


def _create_view(con: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[str], files: Sequence[Path]) -> None:
    schema, name = quoted(table.database), quoted(table.name)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    con.execute(f"CREATE VIEW {schema}.{name} AS {relation_sql(table, files, columns)}")


def _lock(connection: duckdb.DuckDBPyConnection, task: dict[str, Any], files: Sequence[str], target: Path) -> None:
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


def _copy(
    connection: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str], types: Sequence[str], target: Path
) -> int:
    """Write the result and count its rows. Columns are given names that a file can hold: unique and not empty."""
    aliases = ", ".join(quoted(name) for name in names)
    stored = ", ".join(
        f"CAST({quoted(name)} AS {_STORED_AS[kind]}) AS {quoted(name)}" if kind in _STORED_AS else quoted(name)
        for name, kind in zip(names, types, strict=True)
    )
    counted = connection.execute(
        f"COPY (SELECT {stored} FROM ({sql}) AS result({aliases})) TO {literal(str(target))} "  # noqa: S608
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}, USE_TMP_FILE false)"
    ).fetchone()
    return int(counted[0]) if counted else 0


def _bytes_read(connection: duckdb.DuckDBPyConnection) -> int:
    """Of the statement that ran last."""
    profile = json.loads(connection.get_profiling_information(format="json"))
    return int(profile["io"]["total_bytes_read"])


def _table(data: dict[str, Any]) -> Table:
    columns = tuple(Column(**column) for column in data["columns"])
    keys = tuple(Column(**column) for column in data["partition_keys"])
    return Table(**{**data, "columns": columns, "partition_keys": keys})


def _schema(tables: Sequence[tuple[Table, Sequence[str], Any]]) -> dict[tuple[str, str], TableSchema]:
    """What the statement may name: the granted columns alone."""
    return {
        (table.database, table.name): TableSchema(
            columns=tuple((c.name, c.type) for c in (*table.columns, *table.partition_keys) if c.name in columns),
            partition_keys=tuple(key.name for key in table.partition_keys if key.name in columns),
            format=table.format,
        )
        for table, columns, _ in tables
    }
