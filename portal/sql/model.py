"""The values that go in and out of `portal.sql`: plain, frozen, without Django and without an engine."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

TableName = tuple[str, str]
"""(database, table), both lower-case."""


class SqlError(Exception):
    """A statement is refused, in words for the person who wrote it.

    `code` is Athena's style: SYNTAX_ERROR, TABLE_NOT_FOUND, COLUMN_NOT_FOUND, FUNCTION_NOT_FOUND, AMBIGUOUS_NAME,
    PERMISSION_DENIED, TYPE_MISMATCH, NOT_SUPPORTED, INVALID_PARAMETER, STATEMENT_TOO_LARGE. `line` and `column` count
    from 1 in the person's own text, or are None.
    """

    def __init__(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True)
class TableSchema:
    """What a statement may name of a table.

    `columns` are (name, Athena's type) in the table's order, partition keys among them (last, as Athena shows them);
    `partition_keys` are the names of those that partition it. `format` is the table's (`parquet`, `csv`, …).
    """

    columns: tuple[tuple[str, str], ...]
    partition_keys: tuple[str, ...] = ()
    format: str = "parquet"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


Schema = Mapping[TableName, TableSchema]


@dataclass(frozen=True)
class Right:
    """What a person may read of a table: these columns (None is all), of the rows for which `row_filter` is true.

    `row_filter` is a predicate in Athena SQL over the table's own columns, withheld ones too, without subqueries.
    """

    columns: frozenset[str] | None = None
    row_filter: str | None = None


@dataclass(frozen=True)
class Statement:
    """One parsed statement.

    `kind` is `select`, `explain`, `show_databases`, `show_tables`, `show_columns`, `show_partitions` or `describe`.
    `tree` is set for `select`; `inner` for `explain`; `database`, `table` and `pattern` where the statement names them
    (a pattern is that of Athena's SHOW: `*` for any text, `|` for or). `parameters` is the number of `?`.
    """

    kind: str
    sql: str
    tree: exp.Expr | None = None
    parameters: int = 0
    inner: "Statement | None" = None
    database: str | None = None
    table: str | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Analysis:
    """A statement with every name resolved.

    `reads` is complete and minimal: a table that is only counted stands there with no column. `columns` are the
    names of the result, lower-case, `_col0` where the statement gives none. `tree` is qualified; do not change it.
    """

    statement: Statement
    tree: exp.Expr
    reads: Mapping[TableName, frozenset[str]]
    columns: tuple[str, ...]
    schema: Schema
    database: str


@dataclass(frozen=True)
class Warning:
    """Advice on a statement, and the bytes that following it would save where that is known."""

    message: str
    saves_bytes: int | None = None


@dataclass(frozen=True)
class TableScan:
    """What is read of one table: columns, partitions kept (None where it has none) of `partitions_total`, bytes."""

    database: str
    table: str
    columns: tuple[str, ...]
    partitions: int | None
    partitions_total: int | None
    bytes: int


@dataclass(frozen=True)
class ScanEstimate:
    """Bytes that a statement will scan. `exact` is False where it is "at most": the engine may skip at run time."""

    bytes: int
    exact: bool
    tables: tuple[TableScan, ...]
    warnings: tuple[Warning, ...]
