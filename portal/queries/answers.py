"""SHOW, DESCRIBE and EXPLAIN, answered from the catalog under the reader's own rights: as a SELECT over VALUES, which
then takes the way of every other statement. Names of columns are those of Athena:
https://docs.aws.amazon.com/athena/latest/ug/ddl-sql-reference.html
"""

from collections.abc import Callable, Iterable, Sequence

from portal.access.model import Actor
from portal.catalog import services as catalog
from portal.sql import Analysis, SqlError, Statement
from portal.sql.estimate import scan
from portal.sql.parsing import MAX_BYTES

Row = Sequence[str]


def show(actor: Actor, statement: Statement, database: str) -> str:
    """A SELECT that gives what a SHOW or DESCRIBE asks for. Missing and Denied as the catalog's pages have them."""
    columns, rows = SHOWN[statement.kind](actor, statement, database.lower())
    matches = _matcher(statement.pattern)
    return values(columns, [row for row in rows if matches(row[0])])


def explain(analysis: Analysis, connection: str) -> str:
    """A SELECT that gives what a statement reads: a line a table."""
    found = scan(analysis, catalog.table_stats(connection, set(analysis.reads)))
    lines = []
    for table in found.tables:
        partitions = "" if table.partitions is None else f", {table.partitions} of {table.partitions_total} partitions"
        columns = ", ".join(table.columns) or "no column, rows are only counted"
        lines.append([f"Read {table.database}.{table.table}: {columns}{partitions}, {table.bytes:,} bytes"])
    lines.append([f"Reads {'' if found.exact else 'at most '}{found.bytes:,} bytes of tables"])
    lines.append([f"Answer: {', '.join(analysis.columns)}"])
    return values(["query plan"], lines)


def values(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Text cells as a statement; without rows, as one that gives none."""
    names = ", ".join(_quoted(column, '"') for column in columns)
    cells = rows or [["" for _ in columns]]
    tuples = ", ".join(f"({', '.join(_quoted(cell, chr(39)) for cell in row)})" for row in cells)
    sql = f"SELECT {names} FROM (VALUES {tuples}) AS answer({names})" + ("" if rows else " WHERE 1 = 0")  # noqa: S608
    if len(sql.encode()) > MAX_BYTES:
        raise SqlError(
            "NOT_SUPPORTED", "This list is too long for an answer. Narrow it by a pattern, or see the table's page."
        )
    return sql


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace("\x00", "").replace(mark, mark * 2) + mark


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    """Athena's pattern: `*` for any text, `|` for or; the whole name, whatever its case."""
    if pattern is None:
        return lambda name: True
    wanted = [part.strip().lower().split("*") for part in pattern.split("|")]
    return lambda name: any(_matches(name.lower(), pieces) for pieces in wanted)


def _matches(name: str, pieces: list[str]) -> bool:
    """Do the pieces follow one another in the name, the first at its beginning and the last at its end? Without a
    regular expression, which many `*` would make take for ever."""
    if len(pieces) == 1:
        return name == pieces[0]
    first, *middle, last = pieces
    if not name.startswith(first) or not name.endswith(last):
        return False
    place, end = len(first), len(name) - len(last)
    for piece in middle:
        if (found := name.find(piece, place, max(place, end))) < 0:
            return False
        place = found + len(piece)
    return place <= end


Shown = tuple[list[str], Iterable[Row]]


def _databases(actor: Actor, statement: Statement, database: str) -> Shown:
    return ["database_name"], [[found.name] for found in catalog.databases(actor)]


def _tables(actor: Actor, statement: Statement, database: str) -> Shown:
    known = catalog.tables(actor, statement.database or database)
    return ["tab_name"], [[found.table.name] for found in known]


def _columns(actor: Actor, statement: Statement, database: str) -> Shown:
    return ["field"], [[column[0]] for column in _described(actor, statement, database)]


def _describe(actor: Actor, statement: Statement, database: str) -> Shown:
    return ["col_name", "data_type", "comment"], _described(actor, statement, database)


def _described(actor: Actor, statement: Statement, database: str) -> list[Row]:
    name = (statement.database or database, statement.table or "")
    known = catalog.readable(actor, *name)
    keys = {key["name"] for key in known.partition_keys}
    return [
        [c["name"], c["type"], "; ".join(filter(None, [c["comment"], "partition key" if c["name"] in keys else ""]))]
        for c in known.columns
    ]


def _partitions(actor: Actor, statement: Statement, database: str) -> Shown:
    name = (statement.database or database, statement.table or "")
    keys = [key["name"] for key in catalog.get_table(actor, *name).partition_keys]
    rows = catalog.partitions(actor, *name)
    return ["partition"], [["/".join(f"{k}={v}" for k, v in zip(keys, row.values, strict=True))] for row in rows]


SHOWN: dict[str, Callable[[Actor, Statement, str], Shown]] = {
    "show_databases": _databases,
    "show_tables": _tables,
    "show_columns": _columns,
    "show_partitions": _partitions,
    "describe": _describe,
}
