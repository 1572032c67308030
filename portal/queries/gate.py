"""The gate: what of a statement a person may run, as their rights are now. Asked before the launch and at the start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from portal.access.model import Actor
from portal.catalog import services as catalog
from portal.cloud.ports import TableRead
from portal.problems import Denied
from portal.queries import answers
from portal.sql import (
    Analysis,
    Right,
    Schema,
    SqlError,
    Statement,
    TableName,
    TableSchema,
    analyse,
    opens,
    parse,
    restrict,
    tables_named,
)
from portal.sql.places import error


@dataclass(frozen=True)
class Read:
    """What a result shows of one table: these columns, of the rows that `row_filter` lets through, at this version."""

    database: str
    table: str
    columns: tuple[str, ...]
    version: str
    row_filter: str | None

    def as_json(self) -> dict[str, object]:
        return {**self.__dict__, "columns": list(self.columns)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> "Read":
        columns = data["columns"]
        assert isinstance(columns, list)
        return cls(**{**data, "columns": tuple(columns)})  # type: ignore[arg-type]

    @property
    def shows(self) -> tuple[object, ...]:
        """What it shows, whatever the version."""
        return (self.database, self.table, self.columns, self.row_filter)


@dataclass(frozen=True)
class Passed:
    """A statement that may run: its restricted text, what the engine may open, and what the result shows. What is
    answered `from_catalog` shows what this one person may know of, and is theirs alone."""

    analysis: Analysis
    restricted: str
    opens: tuple[TableRead, ...]
    reads: tuple[Read, ...]
    rights: Mapping[TableName, Right]
    from_catalog: bool = False


def examine(actor: Actor, sql: str, database: str, parameters: Sequence[str] = ()) -> Passed:
    """Parse, resolve, check and restrict. SqlError with line and column in the person's own text; PERMISSION_DENIED
    names the first table or column withheld. SHOW, DESCRIBE and EXPLAIN become a SELECT over the catalog's VALUES."""
    if "\x00" in "".join((database, *parameters)):
        raise SqlError("INVALID_PARAMETER", "The database or a value holds a NUL character. Remove it.")
    statement = parse(sql, parameters)
    if statement.kind == "select":
        return examine_select(actor, statement, database)
    if statement.kind == "explain":
        assert statement.inner is not None
        answer = answers.explain(examine_select(actor, statement.inner, database).analysis, actor.connection)
    else:
        answer = answers.show(actor, statement, database)
    return replace(examine_select(actor, parse(answer), database), from_catalog=True)


def examine_select(actor: Actor, statement: Statement, database: str) -> Passed:
    """examine(), for a parsed SELECT."""
    schema, granted, versions = catalog.schema_and_rights(actor, tables_named(statement, database))
    rights = {name: right for name, right in granted.items() if right.columns is None or right.columns}
    _refuse_withheld(statement, database, withheld=schema.keys() - rights.keys())
    analysis = _resolved(statement, schema, rights, database)
    restricted = restrict(analysis, rights)
    opened = opens(analysis, rights)
    return Passed(
        analysis=analysis,
        restricted=restricted,
        opens=tuple(TableRead(*name, tuple(sorted(opened[name])), versions[name]) for name in sorted(opened)),
        reads=tuple(
            Read(*name, tuple(sorted(columns)), versions[name], rights[name].row_filter)
            for name, columns in sorted(analysis.reads.items())
        ),
        rights=rights,
    )


def _resolved(statement: Statement, schema: Schema, rights: Mapping[TableName, Right], database: str) -> Analysis:
    """analyse(). What is told of a name that is not there (Did you mean …?) is told out of what the person may read."""
    try:
        return analyse(statement, schema, database)
    except SqlError as problem:
        if problem.code != "COLUMN_NOT_FOUND":
            raise
    return analyse(statement, {name: _visible(schema[name], rights[name]) for name in schema}, database)


def _visible(table: TableSchema, right: Right) -> TableSchema:
    columns = tuple(one for one in table.columns if right.columns is None or one[0] in right.columns)
    return replace(table, columns=columns)


def _refuse_withheld(statement: Statement, database: str, withheld: set[TableName]) -> None:
    """Before any column is resolved: a misspelt one must not tell the names of those that are there."""
    tables = statement.tree.find_all(exp.Table) if statement.tree else ()
    for name in sorted(withheld & tables_named(statement, database)):
        found = next((table.this for table in tables if table.name.lower() == name[1]), None)
        words = f"You may not read the table {name[0]}.{name[1]}. Ask its owner for access."
        raise error("PERMISSION_DENIED", words, statement.sql, found)


def still_readable(actor: Actor, reads: Sequence[Read]) -> None:
    """Denied unless the actor may see all that a result shows, as rights are now; also where a table is gone, since
    nobody can decide on it any more."""
    _, rights, _ = catalog.schema_and_rights(actor, {(read.database, read.table) for read in reads})
    for read in reads:
        right = rights.get((read.database, read.table))
        if right is None or not _covers(right, read):
            raise Denied(
                f"You may not read all that this result shows of {read.database}.{read.table}: access to it was not "
                "granted to you, was taken away, or the table is gone. Ask its owner for access."
            )


def _covers(right: Right, read: Read) -> bool:
    if right.row_filter is not None and right.row_filter != read.row_filter:
        return False
    return right.columns is None or (bool(right.columns) and right.columns.issuperset(read.columns))
