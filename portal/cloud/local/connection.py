"""A connection to the engine as every child opens it."""

import duckdb


def connect() -> duckdb.DuckDBPyConnection:
    """In memory, with no thread of its own: in a fenced and limited child the engine aborts the process where it cannot
    start one."""
    return duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})
