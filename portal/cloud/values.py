"""What crosses a port: frozen dataclasses of plain data, in Skydeck's own words.

Types of columns are Athena's names (`varchar`, `bigint`, `decimal(12,2)`, `array(varchar)`, `row(a bigint)`), sizes are
bytes, times are aware and in UTC, money is USD as Decimal.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath

from portal.cloud.errors import Failure

# --- who asks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """For whom a connection is opened: goes to the cloud's own audit trail (session tags on AWS)."""

    team: str
    username: str


# --- object store -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ObjectInfo:
    """One object. `etag` changes with the bytes and is opaque; `sha256` is hex where it is known."""

    key: str
    size: int
    modified: datetime
    etag: str
    content_type: str = "application/octet-stream"
    sha256: str | None = None


@dataclass(frozen=True)
class Listing:
    """A page of a listing in key order. `folders` are common prefixes ending in the delimiter; `next` is None at the
    end."""

    objects: tuple[ObjectInfo, ...]
    folders: tuple[str, ...]
    next: str | None


@dataclass(frozen=True)
class PartTarget:
    """Where the bytes of one part go. `url` is absolute (S3, presigned) or None where the portal takes them itself."""

    method: str
    url: str | None
    headers: dict[str, str]


# --- catalog ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column: a lower-case name and Athena's name of its type."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Partition:
    """A Hive partition: the values of the partition keys, in their order, as strings, and where its files lie."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class Table:
    """A table as the provider keeps it.

    `location` is `s3://bucket/prefix/` (that ends in `/`) or `s3://bucket/key` of one file. `format` is `csv`, `jsonl`,
    `json` or `parquet`. `options` hold the format's dialect: for csv `delimiter`, `quote`, `escape`, `header`
    ("true"/"false"), `encoding`, `null`. `version` is opaque and changes with any change of the definition, the
    partitions or the files as known.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    location: str
    format: str
    partition_keys: tuple[Column, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class ColumnChunk:
    """What a Parquet footer says of one column in one row group. `minimum` and `maximum` are ISO strings or numbers,
    or None."""

    column: str
    bytes: int
    minimum: str | int | float | None
    maximum: str | int | float | None


@dataclass(frozen=True)
class RowGroup:
    """One row group of a Parquet file."""

    rows: int
    chunks: tuple[ColumnChunk, ...]


@dataclass(frozen=True)
class FileFacts:
    """What is known of one file of a table without reading its rows. For other formats than Parquet `row_groups` is
    empty and `rows` None. `partition` holds the partition values of the file, in the order of the keys."""

    key: str
    size: int
    etag: str
    rows: int | None
    footer_bytes: int
    row_groups: tuple[RowGroup, ...]
    partition: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadRows:
    """Rows that do not fit: how many, and the first of them as (line number from 1, text, what is wrong)."""

    count: int
    examples: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True)
class Inference:
    """What a file or a prefix seems to hold. `evidence` gives for a column a sentence on why it has its type."""

    format: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    options: dict[str, str]
    rows: int | None
    bad_rows: BadRows
    evidence: dict[str, str]


# --- work that runs: queries and training -----------------------------------------------------------------------------


class RunState(StrEnum):
    """The state of work at a cloud. `LOST` means the cloud says that it is gone and may be started again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        return self not in (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True)
class RunStatus:
    """One answer of poll. `progress` is 0..1 or None. `facts` is plain JSON: for a query `rows` (int),
    `bytes_scanned` (int),
    `columns` ([{name, type}]) and `seconds` (float); for training `seconds`, `metrics` ({name: last value}),
    `exit_code`."""

    ref: str
    state: RunState
    progress: float | None = None
    failure: Failure | None = None
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TableRead:
    """One table that a statement may read: exactly these columns, at exactly this version."""

    database: str
    name: str
    columns: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class Limits:
    """Where a query is ended: seconds of wall time, bytes of memory, bytes of result."""

    seconds: int = 300
    memory_bytes: int = 2 * 1024**3
    result_bytes: int = 4 * 1024**3


@dataclass(frozen=True)
class SqlSpec:
    """A statement to run: restricted Athena SQL from the gate (every table qualified, every column named, row
    filters in),
    and all that it may read. `parameters` are bound to `?` in order, as Athena's ExecutionParameters (SQL literals)."""

    sql: str
    database: str
    reads: tuple[TableRead, ...]
    parameters: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Channel:
    """One input of a training job: the folder SM_CHANNEL_<NAME> holds the files under `prefix` of `bucket`; where that
    is itself the key of a file, this file alone."""

    name: str
    bucket: str
    prefix: str


@dataclass(frozen=True)
class TrainingSpec:
    """A training job in SageMaker's script mode. `source` is s3://bucket/key of a .py file, a .zip or a .tar.gz, or
    `template:<name>` for one that Skydeck ships. Hyperparameters reach the entry point as `--name value`."""

    name: str
    source: str
    entry_point: str
    channels: tuple[Channel, ...]
    hyperparameters: dict[str, str]
    instance_type: str
    instance_count: int
    max_runtime_s: int
    metrics: dict[str, str] = field(default_factory=dict)  # name -> regex with one group, matched on the log's lines


@dataclass(frozen=True)
class LogPage:
    """Lines of a log from a cursor on; `next` is the cursor for what comes after them."""

    lines: tuple[tuple[datetime, str], ...]
    next: str


@dataclass(frozen=True)
class MetricPoint:
    """A value that a job logged; `step` counts from 1 a name."""

    name: str
    step: int
    value: float
    at: datetime


@dataclass(frozen=True)
class Output:
    """A file that a job left: `path` is relative (`model/model.joblib`, `data/predictions.csv`)."""

    path: PurePosixPath
    size: int


# --- prices -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InstanceType:
    """A machine and its price. `available` says whether a job can be started on it through this connection; a machine
    of one's own has no price and `like` names the AWS type whose list price stands for it."""

    name: str
    vcpus: int
    memory_gib: float
    gpus: int
    gpu: str
    gpu_memory_gib: float
    available: bool
    usd_per_hour: Decimal | None
    spot_usd_per_hour: Decimal | None
    like: str = ""
    about: str = ""


@dataclass(frozen=True)
class PriceBook:
    """List prices of one region on one day, with where they were read."""

    region: str
    as_of: date
    source: str
    scan_usd_per_tb: Decimal
    scan_minimum_bytes: int
    storage_usd_per_gb_month: Decimal
