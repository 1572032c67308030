"""The ports: what Skydeck asks of any cloud, in Skydeck's own words.

A provider is a folder beside this file (`local/`, `aws/`) with one class a port, in files of the same names. All values
that cross a port are frozen dataclasses of plain data. Errors are those of `errors.py` and no others. Names are those
of the field: bucket, key, partition, channel, instance type. Types of columns are Athena's names (`varchar`, `bigint`,
`decimal(12,2)`, `array(varchar)`, `row(a bigint)`), sizes are bytes, times are aware and in UTC, money is USD as
Decimal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from portal.cloud.values import (
    BadRows,
    Caller,
    Channel,
    Column,
    ColumnChunk,
    FileFacts,
    Inference,
    InstanceType,
    Limits,
    Listing,
    LogPage,
    MetricPoint,
    ObjectInfo,
    Output,
    Partition,
    PartTarget,
    PriceBook,
    RowGroup,
    RunState,
    RunStatus,
    SqlSpec,
    Table,
    TableRead,
    TrainingSpec,
)

__all__ = [
    "BadRows",
    "Caller",
    "Catalog",
    "Channel",
    "Cloud",
    "Column",
    "ColumnChunk",
    "FileFacts",
    "Inference",
    "InstanceType",
    "Limits",
    "Listing",
    "LogPage",
    "MetricPoint",
    "ObjectInfo",
    "ObjectStore",
    "Output",
    "PartTarget",
    "Partition",
    "PriceBook",
    "Prices",
    "RowGroup",
    "RunState",
    "RunStatus",
    "Runner",
    "SqlEngine",
    "SqlSpec",
    "Table",
    "TableRead",
    "Trainer",
    "TrainingSpec",
]


class ObjectStore(Protocol):
    """Buckets, objects and uploads in parts. Writes are atomic and durable: a reader sees all of an object or none."""

    def create_bucket(self, name: str) -> None:
        """Make a bucket. Rejected(INVALID_NAME) against S3's naming rules, Clash where it is there."""

    def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket. NotFound; Clash where objects are in it."""

    def list(self, bucket: str, prefix: str = "", delimiter: str = "", limit: int = 1000, after: str = "") -> Listing:
        """Objects and folders in key order, those after `after` (a key or a folder), at most `limit` of both
        together."""

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """What is known of one object. NotFound."""

    def open(self, bucket: str, key: str) -> BinaryIO:
        """A seekable reader over one object's bytes. NotFound. The caller closes it."""

    def put(self, bucket: str, key: str, body: BinaryIO, content_type: str = "application/octet-stream") -> ObjectInfo:
        """Write one object from a stream, replacing what was there in one step. Rejected(INVALID_NAME) for a bad
        key."""

    def delete(self, bucket: str, key: str) -> None:
        """Remove one object; nothing happens where there is none."""

    def start_upload(self, bucket: str, key: str, content_type: str) -> str:
        """Begin an upload in parts; the answer is the provider's upload id."""

    def part_target(self, bucket: str, key: str, upload: str, part: int) -> PartTarget:
        """Where part `part` (from 1) is to be sent."""

    def put_part(self, bucket: str, key: str, upload: str, part: int, body: BinaryIO) -> str:
        """Take a part's bytes (only where `part_target` gave no url); the answer is its etag. Idempotent by part
        number."""

    def parts(self, bucket: str, key: str, upload: str) -> dict[int, int]:
        """The parts that have arrived whole: number -> size."""

    def complete_upload(self, bucket: str, key: str, upload: str, sha256: str | None = None) -> ObjectInfo:
        """Join the parts in order of number into the object, in one step. Rejected(CHECKSUM_MISMATCH) and the upload
        stays open where `sha256` (hex, of the whole) is given and differs. Idempotent."""

    def abort_upload(self, bucket: str, key: str, upload: str) -> None:
        """Forget an upload and its parts; nothing happens where there is none."""

    def sweep_uploads(self, older_than: datetime) -> int:
        """Forget every upload that began before a time and was not completed; how many that were."""


class Catalog(Protocol):
    """Databases, tables and partitions, as the provider keeps them (Glue on AWS)."""

    def create_database(self, name: str) -> None:
        """Rejected(INVALID_NAME) against Glue's rules (lower case, digits, underscore), Clash where it is there."""

    def delete_database(self, name: str) -> None:
        """Remove an empty database. NotFound; Clash where tables are in it."""

    def databases(self) -> Sequence[str]:
        """All names, sorted."""

    def tables(self, database: str) -> Sequence[Table]:
        """All tables of a database, by name. NotFound."""

    def table(self, database: str, name: str) -> Table:
        """One table. NotFound."""

    def create_table(self, table: Table) -> Table:
        """Define a table over files that lie there; the answer carries its version. Clash, Rejected(INVALID_NAME,
        INVALID_TYPE). A location with Hive folders (`key=value/`) has its partitions found at once."""

    def delete_table(self, database: str, name: str) -> None:
        """Forget the definition; the files stay. NotFound."""

    def partitions(self, database: str, name: str) -> Sequence[Partition]:
        """All partitions, by values."""

    def refresh(self, database: str, name: str) -> Table:
        """Look for partitions and files anew (MSCK REPAIR); the answer carries the new version."""

    def infer(self, location: str) -> Inference:
        """Guess format, columns and partition keys of a file or prefix from its bytes, in a fenced process with a time
        limit. Rejected(EMPTY_FILE, UNREADABLE_FILE, MIXED_SCHEMAS) with words for people."""

    def files(self, database: str, name: str) -> Iterator[FileFacts]:
        """Every file of a table with its footer's facts."""


class Runner(Protocol):
    """Start, poll and stop, apart. Shared by SqlEngine and Trainer."""

    def poll(self, refs: Sequence[str], wait: float = 0.0) -> Sequence[RunStatus]:
        """The state of many refs in one call. With `wait` (seconds) a provider may hold the answer until any of them
        has
        ended or the seconds are over. A ref nobody knows is LOST."""

    def stop(self, ref: str) -> None:
        """Ask for the end; poll says when it came. Idempotent; nothing happens where it has ended."""


class SqlEngine(Runner, Protocol):
    """Athena SQL. A result is one Parquet file."""

    def start(self, spec: SqlSpec, token: str) -> str:
        """Begin; the answer is a ref. Idempotent by token: the same token again answers the same ref and starts
        nothing."""

    def open_result(self, ref: str) -> BinaryIO:
        """A seekable reader over the result's Parquet. NotFound."""

    def delete_result(self, ref: str) -> None:
        """Remove a result; nothing happens where there is none."""


class Trainer(Runner, Protocol):
    """Training jobs."""

    def start(self, spec: TrainingSpec, token: str) -> str:
        """As SqlEngine.start. Rejected(INSTANCE_UNAVAILABLE, BAD_SOURCE)."""

    def logs(self, ref: str, cursor: str = "", limit: int = 1000) -> LogPage:
        """What the job printed, from `cursor` on ("" is the start). NotFound."""

    def metrics(self, ref: str) -> Sequence[MetricPoint]:
        """All points logged so far, in order of time."""

    def outputs(self, ref: str) -> Sequence[Output]:
        """The files the job left under its model and output-data folders."""

    def open_output(self, ref: str, path: str) -> BinaryIO:
        """A reader over one output. NotFound, also for a path that leads out of the job's outputs."""

    def delete(self, ref: str) -> None:
        """Remove an ended job's log and outputs; nothing happens where there are none."""


class Prices(Protocol):
    """What things cost at list price, and whether this provider charges it."""

    charges: bool  # False on local: list price is shown, nothing is charged

    def book(self) -> PriceBook:
        """The list prices in force."""

    def instance_types(self) -> Sequence[InstanceType]:
        """This machine's own first, then the others by price."""


@dataclass(frozen=True)
class Cloud:
    """One connection, opened for one caller: a provider's five ports."""

    alias: str
    provider: str
    region: str
    store: ObjectStore
    catalog: Catalog
    sql: SqlEngine
    training: Trainer
    prices: Prices
