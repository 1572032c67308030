"""As raw_zygote, and the engine's own locks are left out as well: what is refused then, the kernel refuses."""

import duckdb

from portal.cloud.local import engine
from tests.cloud.local.raw_zygote import main

__all__ = ["main"]


def _count_alone(connection: duckdb.DuckDBPyConnection, *_: object) -> None:
    connection.execute("SET enable_profiling='no_output'")


engine._lock = _count_alone
