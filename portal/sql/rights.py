"""What a person may read of what a statement reads; and the statement that reads no more than that."""

from collections.abc import Mapping

from sqlglot import exp

from portal.sql import allowed
from portal.sql.dialect import Athena
from portal.sql.model import Analysis, Right, SqlError, TableName, TableSchema
from portal.sql.naming import analyse
from portal.sql.parsing import parse
from portal.sql.places import error

Rights = Mapping[TableName, Right]


def restrict(analysis: Analysis, rights: Rights) -> str:
    """Athena SQL written from the tree: every table with its database, every column named, row filters in.

    A filtered table becomes a subquery under its alias that gives only the columns in use. SqlError
    PERMISSION_DENIED names the first table or column withheld. What the text reads, filters included, is
    `opens(analysis, rights)`.
    """
    _check(analysis, rights)
    tree = analysis.tree.copy()
    for table in list(tree.find_all(exp.Table)):
        name = (table.db, table.name)
        row_filter = rights[name].row_filter if table.db else None
        if row_filter is not None:
            _filter_rows(table, analysis, row_filter)
    text = tree.sql(Athena(), comments=False)
    marks = sum(1 for _ in tree.find_all(exp.Placeholder))
    if marks != analysis.statement.parameters:
        raise SqlError("INVALID_PARAMETER", "A ? cannot stand in a column that GROUP BY names by its number.")
    return text


def opens(analysis: Analysis, rights: Rights) -> dict[TableName, frozenset[str]]:
    """The columns of each table that the restricted statement reads: those in use and those that filters need."""
    needed = {}
    for name, columns in analysis.reads.items():
        row_filter = rights[name].row_filter
        more = _filter_columns(analysis.schema[name], name, row_filter) if row_filter is not None else frozenset()
        needed[name] = columns | more
    return needed


def _check(analysis: Analysis, rights: Rights) -> None:
    sql = analysis.statement.sql
    for name, columns in sorted(analysis.reads.items()):
        right = rights.get(name)
        if right is None:
            words = f"You may not read the table {name[0]}.{name[1]}. Ask its owner for access."
            raise error("PERMISSION_DENIED", words, sql, _first_table(analysis, name))
        if right.columns is None:
            continue
        for column in sorted(columns - right.columns):
            words = f"You may not read the column “{column}” of {name[0]}.{name[1]}. Leave it out or ask for access."
            raise error("PERMISSION_DENIED", words, sql, _first_column(analysis, column))


def _first_table(analysis: Analysis, name: TableName) -> exp.Expr | None:
    tables = analysis.tree.find_all(exp.Table)
    return next((t.this for t in tables if (t.db, t.name) == name), None)


def _first_column(analysis: Analysis, column: str) -> exp.Expr | None:
    return next((c.this for c in analysis.tree.find_all(exp.Column) if c.name == column), None)


def _filter_rows(table: exp.Table, analysis: Analysis, row_filter: str) -> None:
    """Put `(SELECT columns FROM table WHERE filter) AS alias` in the table's place."""
    name = (table.db, table.name)
    known = analysis.schema[name]
    used = sorted(analysis.reads[name], key=known.names.index)
    items: list[exp.Expr] = [
        exp.alias_(exp.column(column, table=name[1], quoted=True), column, quoted=True) for column in used
    ]
    if not items:
        items = [exp.alias_(exp.Literal.number(1), "_one", quoted=True)]
    inner = exp.Table(this=exp.to_identifier(name[1], quoted=True), db=exp.to_identifier(name[0], quoted=True))
    inner.set("alias", exp.TableAlias(this=exp.to_identifier(name[1], quoted=True)))
    query = exp.Select(expressions=items).from_(inner).where(_predicate(known, name, row_filter), copy=False)
    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
    table.replace(exp.Subquery(this=query, alias=alias, joins=table.args.get("joins")))


def _predicate(known: TableSchema, name: TableName, row_filter: str) -> exp.Expr:
    """A row filter, read and resolved against its own table alone. SqlError INVALID_PARAMETER."""
    try:
        source = exp.table_(name[1], db=name[0], quoted=True).sql(Athena())
        # Read as one text and checked below to be one condition: nothing of it is passed on as it stands.
        statement = parse("SELECT 1 FROM " + source + " WHERE (" + row_filter + "\n)")  # noqa: S608
        tree = analyse(statement, {name: known}, name[0]).tree
        where = tree.args["where"].this
        plain = len([value for value in tree.args.values() if value]) == 3
        if not plain or statement.parameters or where.find(exp.Query) or not isinstance(where, exp.Paren):
            raise SqlError("INVALID_PARAMETER", "")
        allowed.check(where, row_filter)
    except SqlError:
        words = f"The row filter of {name[0]}.{name[1]} is not a condition on that table's columns. Tell its owner."
        raise SqlError("INVALID_PARAMETER", words) from None
    return where


def _filter_columns(known: TableSchema, name: TableName, row_filter: str) -> frozenset[str]:
    return frozenset(column.name for column in _predicate(known, name, row_filter).find_all(exp.Column))
