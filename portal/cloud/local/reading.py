"""How a table's files are read: one SELECT over exactly these files, with exactly these columns and types.

The same text reads a file when it is inferred, counted, previewed and queried, so that what was shown is what is found.

What does not fit is treated as Athena's own readers do (LazySimpleSerDe, OpenX JSON):
- csv: columns go by position; a row with too few fields is filled with NULL, surplus fields are dropped, a value that
  is not of its column's type is NULL. No row is lost: count(*) is the number of rows whatever columns are read.
- jsonl: a line that is no JSON object is a row of NULLs; empty lines are no rows. json: as jsonl, over an array.
- parquet: columns go by name; one that a file lacks is NULL, a value that does not fit its type is NULL.

Options that are used. csv: `delimiter` `quote` `escape` `header` `encoding` `null` `compression`. json and jsonl:
`compression`. For json and parquet `field.<column>` is the name in the files where it is not the column's own.
Where a session reads timestamps with a zone it must have set TimeZone to UTC.
"""

from collections.abc import Sequence
from pathlib import Path

from portal.cloud.local.types import Type, duck_type, parse, quoted
from portal.cloud.ports import Column, Table

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_NO_TEXT = "\x1f\x1e"  # stands in no file that is read as text
_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_PATTERNS = {
    "tinyint": r"[+-]?\d+",
    "smallint": r"[+-]?\d+",
    "integer": r"[+-]?\d+",
    "bigint": r"[+-]?\d+",
    "real": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:nan|infinity|inf)",
    "double": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:nan|infinity|inf)",
    "decimal": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?",
    "boolean": r"(?i:true|false)",
    "date": _DATE,
    "timestamp": _DATE + r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?Z?",
}


def relation_sql(table: Table, files: Sequence[Path], columns: Sequence[str]) -> str:
    """A SELECT over exactly `files` that yields exactly `columns` (of the table's columns and partition keys, in the
    order given). Every file must lie in a folder of the table; without files there are no rows. With no `columns`, as
    count(*) needs, it yields one column named `_rows` so that rows can be counted. KeyError for an unknown column."""
    known = {column.name: column for column in (*table.columns, *table.partition_keys)}
    wanted = [known[name] for name in columns]
    if not files:
        empty = [f"CAST(NULL AS {duck_type(column.type)}) AS {quoted(column.name)}" for column in wanted]
        return f"SELECT {', '.join(empty or ['1 AS _rows'])} WHERE false"
    keys = {column.name for column in table.partition_keys}
    read = [
        f"{_key(table, column) if column.name in keys else _value(table, column)} AS {quoted(column.name)}"
        for column in wanted
    ]
    return f"SELECT {', '.join(read or ['1 AS _rows'])} FROM {source_sql(table, files)}"  # noqa: S608 - each part is quoted


def source_sql(table: Table, files: Sequence[Path], keep_blanks: bool = False) -> str:
    """The FROM of a table's files, before types: csv gives its columns as text, json each field as JSON text, parquet
    each column as it is stored, by the names in the files. With `keep_blanks` a csv field that is there but empty is an
    empty text, so that NULL tells that the field is missing."""
    shared = [f"[{', '.join(literal(str(file)) for file in files)}]"]
    if table.partition_keys:
        shared += ["hive_partitioning=true", "hive_types_autocast=false"]
    else:
        shared += ["hive_partitioning=false"]
    if table.format == "csv":
        return f"read_csv({', '.join(shared + _csv_options(table, keep_blanks))})"
    if table.format == "parquet":
        return _parquet(table, f"read_parquet({', '.join([*shared, 'union_by_name=true'])})")
    return f"read_json({', '.join(shared + _json_options(table))})"


def scalar_sql(text: str, kind: Type) -> str:
    """An expression that turns the text expression `text` into a value of a type that is not nested, or NULL."""
    if kind.name in ("varchar", "char"):
        return f"left({text}, {kind.numbers[0]})" if kind.numbers else text
    if kind.name == "varbinary":
        return f"TRY(from_base64({text}))"
    trimmed = f"trim({text}, ' \t')"
    fits = f"regexp_full_match({trimmed}, {literal(_PATTERNS[kind.name])})"
    return f"CASE WHEN {fits} THEN TRY_CAST({trimmed} AS {duck_type(str(kind))}) END"


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def field_of(table: Table, column: str) -> str:
    """The name that a column has in JSON and Parquet files."""
    return table.options.get(f"field.{column}", column)


def _value(table: Table, column: Column) -> str:
    kind = parse(column.type)
    if table.format == "csv":
        return scalar_sql(quoted(column.name), kind)
    name = quoted(field_of(table, column.name))
    if table.format == "parquet":
        text = f"TRY_CAST({name} AS {duck_type(column.type)})"
        return f"left({text}, {kind.numbers[0]})" if kind.name in ("varchar", "char") and kind.numbers else text
    return f"TRY_CAST({name} AS {duck_type(column.type)})" if kind.nested else scalar_sql(f"({name} ->> '$')", kind)


def _key(table: Table, column: Column) -> str:
    return quoted(column.name) if table.format == "parquet" else _partition_value(column)


def _partition_value(column: Column) -> str:
    # Folder names reach us encoded once by the store and once by Hive: the engine undoes the first. It also reads
    # HIVE_NULL as NULL; anything more than a function and a cast here would keep it from skipping files.
    text = f"url_decode({quoted(column.name)})"
    kind = parse(column.type)
    return text if kind.name == "varchar" else f"TRY_CAST({text} AS {duck_type(column.type)})"


def _csv_options(table: Table, keep_blanks: bool) -> list[str]:
    options = table.options
    quote = options.get("quote", '"')
    nulls = [_NO_TEXT] if keep_blanks else sorted({"", options.get("null", "")})
    names = ", ".join(f"{quoted(column.name)}: 'VARCHAR'" for column in table.columns)
    return [
        "auto_detect=false",
        f"columns={{{names}}}",
        f"delim={literal(options.get('delimiter', ','))}",
        f"quote={literal(quote)}",
        f"escape={literal(options.get('escape', quote))}",
        f"header={options.get('header', 'false')}",
        f"encoding={literal(options.get('encoding', 'utf-8'))}",
        f"compression={literal(options.get('compression', 'none'))}",
        f"nullstr=[{', '.join(literal(null) for null in nulls)}]",
        "null_padding=true",
        "strict_mode=false",
        "parallel=false",  # padding and quoted line breaks together are refused otherwise
    ]


def _json_options(table: Table) -> list[str]:
    names = ", ".join(f"{literal(field_of(table, column.name))}: 'JSON'" for column in table.columns)
    by_line = table.format == "jsonl"
    return [
        "auto_detect=false",
        "records=true",
        f"columns={{{names}}}",
        f"format={literal('newline_delimited' if by_line else 'array')}",
        f"compression={literal(table.options.get('compression', 'none'))}",
        f"ignore_errors={'true' if by_line else 'false'}",
        "maximum_object_size=33554432",
    ]


def _parquet(table: Table, read: str) -> str:
    """Columns that no file has are added as NULL by a union with an empty relation that has them all. Partition keys
    get their types below the union: above it a filter on them would not keep files from being read."""
    names = (f"CAST(NULL AS {duck_type(c.type)}) AS {quoted(field_of(table, c.name))}" for c in table.columns)
    keys = ", ".join(f"{_partition_value(key)} AS {quoted(key.name)}" for key in table.partition_keys)
    replaced = f" REPLACE ({keys})" if keys else ""
    return f"(SELECT {', '.join(names)} WHERE false UNION ALL BY NAME SELECT *{replaced} FROM {read})"  # noqa: S608 - each part is quoted
