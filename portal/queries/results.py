"""A result page by page, from its Parquet: one group of rows is opened at a time, so memory does not grow with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from portal.access.model import Actor
from portal.cloud.errors import NotFound
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.costs.services import dollars, plain
from portal.operations.models import ENDED, Operation, State
from portal.problems import Conflict, Denied, Invalid, Missing
from portal.queries.cells import Cell, cells
from portal.queries.gate import Read, still_readable

BATCH = 1000  # rows decoded at once
ANSWER_BYTES = 32 * 1024**2  # of decoded cells in one answer; more than that and it ends early
BUFFER = 256 * 1024  # bytes read ahead a column


@dataclass(frozen=True)
class Rows:
    """A page of a result. `columns` are [{name, type}], types in Athena's names; `total` counts the whole result. Fewer
    rows than asked for come at the end, and where the cells are so large that an answer would be; go on behind them."""

    columns: list[dict[str, str]]
    rows: list[list[Cell]]
    total: int


def rows(actor: Actor, operation: Operation, offset: int = 0, limit: int = 100) -> Rows:
    """Rows `offset` to `offset` + `limit` (PAGE_ROWS_MAX at most). Denied where the actor may not read, or no longer,
    what the query read; Conflict where there is no result; Missing where it is gone."""
    if offset < 0 or not 0 <= limit <= settings.PAGE_ROWS_MAX:
        raise Invalid.field("limit", f"Ask for 0 to {settings.PAGE_ROWS_MAX:,} rows, from an offset of 0 or more.")
    with opened(actor, operation) as file:
        parquet = open_parquet(file)
        found = _page(parquet, offset, limit)
        return Rows(operation.result["columns"], found, parquet.metadata.num_rows)


@contextmanager
def opened(actor: Actor, operation: Operation) -> Iterator[BinaryIO]:
    """The result's file, after its rights are decided."""
    file = open_result(actor, operation)
    try:
        yield file
    finally:
        file.close()


def open_result(actor: Actor, operation: Operation) -> BinaryIO:
    """The result's file, which the caller closes. Rights are decided anew, each time."""
    if operation.params.get("from_catalog") and operation.owner_id != actor.user_id:
        raise Denied(f"What the catalog answered {operation.owner.username} is theirs alone. Run it yourself.")
    if actor.connection != operation.connection:  # there a table of the same name may be another
        raise Denied(f"This query ran on another connection. Switch to the team {operation.team.slug} to read it.")
    still_readable(actor, [Read.from_json(read) for read in operation.params["reads"]])
    if operation.state not in ENDED:
        raise Conflict("This query has not ended yet. Its rows are there when it has.", code="not_ended")
    if operation.state != State.SUCCEEDED:
        raise Conflict("This query has no result: it failed or was stopped. Run it again.", code="no_result")
    cloud = connect(operation.connection, Caller(actor.team, actor.username))
    try:
        return cloud.sql.open_result(operation.result["ref"])
    except NotFound:
        raise Missing("The result of this query is no longer kept. Run it again.") from None


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """Read page by page, not a whole column at once."""
    return pq.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)


def batches(parquet: pq.ParquetFile, offset: int = 0) -> Iterator[pa.RecordBatch]:
    """Batches of at most BATCH rows from row `offset` on; groups of rows before it are not opened."""
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        if offset >= count:
            offset -= count
            continue
        for batch in parquet.iter_batches(BATCH, row_groups=[group], use_threads=False):
            if offset < batch.num_rows:
                yield batch.slice(offset)
            offset = max(0, offset - batch.num_rows)


def _page(parquet: pq.ParquetFile, offset: int, limit: int) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    size = 0
    for batch in batches(parquet, offset) if limit else ():
        size += batch.nbytes
        found += by_row(batch.slice(0, limit - len(found)))
        if len(found) >= limit or size > ANSWER_BYTES:
            break
    return found


def by_row(batch: pa.RecordBatch) -> list[list[Cell]]:
    """The cells of a batch, a list a row."""
    return [list(row) for row in zip(*(cells(column) for column in batch.columns), strict=True)]


def usd(amount: int) -> str:
    """Nano-USD as the API writes money."""
    return plain(dollars(amount))
