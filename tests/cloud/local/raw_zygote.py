"""A zygote whose children run the engine's own SQL as it is: for attacks that gate and translation would stop."""

from collections.abc import Sequence
from typing import Any

import duckdb

from portal.cloud.local import engine
from portal.cloud.local.zygote import main

__all__ = ["main"]


def _as_it_is(
    connection: duckdb.DuckDBPyConnection, task: dict[str, Any], tables: Sequence[engine.Granted]
) -> tuple[str, Sequence[str], list[str]]:
    described = connection.execute(f"DESCRIBE {task['sql']}").fetchall()
    return task["sql"], [str(row[0]) for row in described], [str(row[1]) for row in described]


engine.prepare = _as_it_is
