"""The engine's errors as Athena's: a stable code and a sentence for people.

Nothing of the engine's own text is passed on: it holds paths, rewritten SQL, and values of rows that a reader may not
see (a cast can fail on a row before the row filter drops it). Codes are Trino's StandardErrorCode where it has one:
https://github.com/trinodb/trino/blob/master/core/trino-spi/src/main/java/io/trino/spi/StandardErrorCode.java
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from portal.cloud.errors import Failure
from portal.cloud.local.failures import DISK, MEMORY, RESULT, TIME
from portal.cloud.local.types import athena_type
from portal.sql.model import SqlError

UNKNOWN = Failure(
    "GENERIC_USER_ERROR",
    "The query could not be carried out. Simplify it step by step to find the part that fails.",
)


@dataclass(frozen=True)
class _Rule:
    """Errors of these kinds whose text matches are this failure."""

    kinds: tuple[type[Exception], ...]
    pattern: str
    failure: Failure


_ANY = (duckdb.Error,)
_RULES = (
    _Rule((duckdb.OutOfMemoryException, MemoryError), r"max_temp_directory_size|offload", DISK),
    _Rule((duckdb.OutOfMemoryException, MemoryError), "", MEMORY),
    _Rule((duckdb.InterruptException,), "", TIME),
    _Rule(_ANY, r"(?i)execution time|timeout|timed out", TIME),
    _Rule((duckdb.IOException,), r"(?i)file too large|EFBIG", RESULT),
    _Rule((duckdb.IOException,), r"(?i)no space left", DISK),
    _Rule(_ANY, r"(?i)bad_alloc|failed to allocate|cannot allocate|out of memory", MEMORY),
    _Rule(
        _ANY,
        r"(?i)(?:division|modulo|divide) by zero",
        Failure("DIVISION_BY_ZERO", "A number was divided by zero. Use nullif(divisor, 0) to get NULL instead."),
    ),
    _Rule(
        _ANY,
        r"(?i)more than one row returned by a subquery",
        Failure(
            "SUBQUERY_MULTIPLE_ROWS", "A subquery that stands for one value gave several rows. Add LIMIT 1 or max()."
        ),
    ),
    _Rule(
        _ANY,
        r"(?i)subscript (?:is )?out of bounds|key not present in map",
        Failure(
            "INVALID_FUNCTION_ARGUMENT",
            "An array or a map has no such element. Use element_at(…) to get NULL instead of an error.",
        ),
    ),
    _Rule(
        (duckdb.OutOfRangeException,),
        "",
        Failure(
            "NUMERIC_VALUE_OUT_OF_RANGE", "A number became too large for its type. Cast to double or decimal first."
        ),
    ),
    _Rule(
        _ANY,
        r"(?i)malformed json|json.*(?:parse|transform)",
        Failure("INVALID_FUNCTION_ARGUMENT", "A text is not JSON. Use TRY(json_parse(…)) to get NULL for such rows."),
    ),
    _Rule(
        _ANY,
        r"(?i)\b(?:missing|unexpected|invalid|bad|no argument).*(?:\)|\]|repetition|perl|escape|regex|character class)",
        Failure("INVALID_FUNCTION_ARGUMENT", "A regular expression is not valid. Check its brackets and escapes."),
    ),
    _Rule(
        (duckdb.BinderException,),
        r"(?i)no function matches|could not choose|cannot (?:compare|mix|combine)|explicit type cast|implicit",
        Failure("TYPE_MISMATCH", "An operator or a function was given values of types it does not take. Add a CAST."),
    ),
    _Rule(
        (duckdb.CatalogException,),
        r"(?i)function with name",
        Failure("FUNCTION_NOT_FOUND", "A function of this statement is not available on the local cloud."),
    ),
    _Rule(
        (duckdb.CatalogException, duckdb.BinderException),
        r"(?i)table|column",
        Failure("SYNTAX_ERROR", "A table or column that the statement names is not there, or may not be read here."),
    ),
    _Rule(
        (duckdb.ParserException, duckdb.NotImplementedException),
        "",
        Failure("NOT_SUPPORTED", "A part of this statement is not available on the local cloud."),
    ),
    _Rule(
        (duckdb.PermissionException,),
        "",
        Failure("PERMISSION_DENIED", "The statement asked for something outside the tables it may read."),
    ),
    _Rule(
        (duckdb.IOException,),
        "",
        Failure(
            "HIVE_CANNOT_OPEN_SPLIT",
            "A file of a table could not be read: it is damaged, was replaced while the query ran, or is not of the "
            "table's format. Refresh the table and run the query again.",
        ),
    ),
    _Rule(
        (duckdb.InvalidInputException, duckdb.DataError, duckdb.ProgrammingError),
        "",
        Failure("INVALID_FUNCTION_ARGUMENT", "A function was given a value it does not take."),
    ),
)


def failure_of(error: Exception) -> dict[str, Any]:
    """What to tell people of an error, as the JSON of a Failure."""
    if isinstance(error, SqlError):
        return asdict(Failure(error.code, error.message, error.line, error.column))
    if isinstance(error, duckdb.ConversionException) or "Cannot cast " in str(error):
        return asdict(_cast(str(error)))
    for rule in _RULES:
        if isinstance(error, rule.kinds) and re.search(rule.pattern, str(error)):
            return asdict(rule.failure)
    return asdict(UNKNOWN)


_DESTINATIONS = {"INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "BOOL": "BOOLEAN"}
_KNOWN = r"(?:to|destination type|as|cast to) (INT\d+|BOOL|DOUBLE|FLOAT|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP|TIME)\b"


def _cast(text: str) -> Failure:
    """A value that could not be cast. The type is named where it is one that we know; the value is not."""
    found = re.search(_KNOWN, text)
    if found:
        kind = athena_type(_DESTINATIONS.get(found[1], found[1]))
    else:
        kind = next(
            (name for name in ("timestamp", "date", "time", "interval", "a whole number") if name in text.lower()),
            "its new type",
        )
    return Failure(
        "INVALID_CAST_ARGUMENT",
        f"A value cannot be read as {kind}. Use TRY_CAST to get NULL for such values, or filter them out first.",
    )
