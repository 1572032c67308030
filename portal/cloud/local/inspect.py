"""What the fenced child does with files that people brought: name of the task -> function.

A task takes its arguments (plain JSON) and the files' real paths, and answers plain JSON. It raises CloudError kinds
with words that name files as `args["names"]` does, never by path. This is the only place where such bytes are parsed.
"""

from collections.abc import Callable
from typing import Any

import duckdb

from portal.cloud.errors import Rejected
from portal.cloud.local import footers, inference

Task = Callable[[dict[str, Any], list[str]], dict[str, Any]]


def _guarded(task: Task) -> Task:
    def run(args: dict[str, Any], files: list[str]) -> dict[str, Any]:
        try:
            return task(args, files)
        except (duckdb.Error, OSError, UnicodeError) as error:
            names = args.get("names") or ["The file"]
            message = f"“{names[0]}” cannot be read as a table. Save it again as CSV, JSON lines or Parquet in UTF-8."
            raise Rejected("UNREADABLE_FILE", message) from error

    return run


TASKS: dict[str, Task] = {"infer": _guarded(inference.infer), "footers": _guarded(footers.footers)}
