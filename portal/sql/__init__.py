"""What a statement reads, writes and means: Athena SQL parsed, gated, rewritten. Pure functions, without Django."""

from portal.sql.model import (
    Analysis,
    Right,
    ScanEstimate,
    Schema,
    SqlError,
    Statement,
    TableName,
    TableScan,
    TableSchema,
    Warning,
)
from portal.sql.naming import analyse, tables_named
from portal.sql.parsing import parse
from portal.sql.rights import opens, restrict

__all__ = [
    "Analysis",
    "Right",
    "ScanEstimate",
    "Schema",
    "SqlError",
    "Statement",
    "TableName",
    "TableScan",
    "TableSchema",
    "Warning",
    "analyse",
    "opens",
    "parse",
    "restrict",
    "tables_named",
]
