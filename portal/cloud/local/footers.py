"""Parquet footers: how many rows, and for each column of each row group its bytes and its bounds.

https://parquet.apache.org/docs/file-format/metadata/
"""

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from portal.cloud.errors import Rejected

_LONGEST_BOUND = 200  # characters: longer ones may have been cut by the writer, and cut ones are no bounds


def footers(args: dict[str, Any], files: list[str]) -> dict[str, Any]:
    """`args["names"]` name the files for people. Answers {"files": [{rows, footer_bytes, row_groups: [{rows, chunks:
    [{column, bytes, minimum, maximum}]}]}]} in the order given. Rejected(UNREADABLE_FILE)."""
    return {"files": [_footer(path, name) for path, name in zip(files, args["names"], strict=True)]}


def _footer(path: str, name: str) -> dict[str, Any]:
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        message = f"“{name}” is not a whole Parquet file. Write or upload it again, then refresh the table."
        raise Rejected("UNREADABLE_FILE", message) from error
    owners = _owners(metadata)
    groups = [_row_group(metadata.row_group(index), owners) for index in range(metadata.num_row_groups)]
    return {"rows": metadata.num_rows, "footer_bytes": metadata.serialized_size + 8, "row_groups": groups}


def _owners(metadata: Any) -> list[str]:
    """For each leaf of the schema the name of the column it belongs to: a nested column has several leaves."""
    columns = sorted(metadata.schema.to_arrow_schema().names, key=len, reverse=True)
    leaves = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    return [next((name for name in columns if leaf == name or leaf.startswith(f"{name}.")), leaf) for leaf in leaves]


def _row_group(group: Any, owners: list[str]) -> dict[str, Any]:
    chunks: dict[str, dict[str, Any]] = {}
    for index, owner in enumerate(owners):
        chunk = group.column(index)
        if owner in chunks:
            chunks[owner]["bytes"] += chunk.total_compressed_size
            chunks[owner].update(minimum=None, maximum=None)
            continue
        low, high = _bounds(chunk) if chunk.path_in_schema == owner else (None, None)
        chunks[owner] = {"column": owner, "bytes": chunk.total_compressed_size, "minimum": low, "maximum": high}
    return {"rows": group.num_rows, "chunks": list(chunks.values())}


def _bounds(chunk: Any) -> tuple[str | int | float | None, str | int | float | None]:
    try:
        statistics = chunk.statistics
        if statistics is None or not statistics.has_min_max:
            return None, None
        low, high = _plain(statistics.min), _plain(statistics.max)
    except (pa.ArrowException, UnicodeError, ValueError, OverflowError):
        return None, None  # a bound that cannot be shown is no bound
    return (None, None) if low is None or high is None else (low, high)


def _plain(value: Any) -> str | int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")  # Parquet keeps UTC
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, str) and len(value) <= _LONGEST_BOUND else None
