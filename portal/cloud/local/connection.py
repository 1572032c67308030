"""Connections to the engine for tasks that look into files."""

import duckdb

_kept: list[duckdb.DuckDBPyConnection] = []


def connect() -> duckdb.DuckDBPyConnection:
    """In memory, and without a thread of its own: a fenced child could not start one."""
    if _kept:
        return _kept[0].cursor()
    return duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})


def keep(connection: duckdb.DuckDBPyConnection) -> None:
    """Have connect() answer cursors of this one: behind the fence no new engine can be opened (it aborts the
    process)."""
    _kept[:] = [connection]
