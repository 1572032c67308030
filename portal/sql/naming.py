"""Every name resolved: which table, which column. What comes out reads exactly what `Analysis.reads` says."""

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from portal.sql import allowed
from portal.sql.dialect import Athena
from portal.sql.model import Analysis, Schema, SqlError, Statement, TableName
from portal.sql.places import error, suggestion
from portal.sql.types import athena_type

CATALOG = "awsdatacatalog"
_UNNAMED = "_unnamed_"


def tables_named(statement: Statement, database: str) -> set[TableName]:
    """The tables of the catalog that a statement names, for looking them up before `analyse`.

    A name of a WITH query is not among them. SqlError NOT_SUPPORTED for another catalog.
    """
    if statement.inner is not None:
        return tables_named(statement.inner, database)
    if statement.tree is None:
        return {(statement.database or database.lower(), statement.table)} if statement.table else set()
    return {_name(table, database) for table in _catalog_tables(statement.tree, statement.sql)}


def analyse(statement: Statement, schema: Schema, database: str) -> Analysis:
    """Resolve a statement of kind `select` (or the one within `explain`) against the tables that there are.

    SqlError TABLE_NOT_FOUND, COLUMN_NOT_FOUND, AMBIGUOUS_NAME with the place in the person's text and the nearest
    name; NOT_SUPPORTED where the statement cannot be resolved for certain.
    """
    if statement.inner is not None:
        return analyse(statement.inner, schema, database)
    if statement.tree is None:
        raise SqlError("NOT_SUPPORTED", "This statement is answered from the catalog.")
    try:
        return _analyse(statement, statement.tree.copy(), schema, database)
    except SqlError:
        raise
    except RecursionError:
        raise SqlError("STATEMENT_TOO_LARGE", "The statement is nested too deeply. Split it up.") from None
    except Exception:
        raise SqlError("NOT_SUPPORTED", "The names in this statement could not be resolved. Simplify it.") from None


def _analyse(statement: Statement, tree: exp.Expr, schema: Schema, database: str) -> Analysis:
    sql = statement.sql
    for table in _catalog_tables(tree, sql):
        _resolve_table(table, schema, database, sql)
    _limit_stars(tree, schema)
    _name_outputs(tree)
    try:
        tree = qualify(
            tree, schema=mapping(schema), dialect=Athena(), expand_alias_refs=False, validate_qualify_columns=False
        )
    except SqlglotError as problem:
        raise _column_error(str(problem), tree, schema, sql) from None
    _finish_names(tree)
    reads = _reads(tree, schema, sql)
    allowed.check(tree, "")
    columns = tuple(_outputs(tree))
    return Analysis(statement, tree, reads, columns, schema, database.lower())


def mapping(schema: Schema) -> MappingSchema:
    """The schema as sqlglot wants it."""
    tables: dict[str, dict[str, object]] = {}
    for (database, table), known in schema.items():
        tables.setdefault(database, {})[table] = {name.lower(): athena_type(kind) for name, kind in known.columns}
    return MappingSchema(dict(tables), dialect=Athena(), normalize=False)


def _catalog_tables(tree: exp.Expr, sql: str) -> Iterator[exp.Table]:
    """Tables that are not names of a WITH query in sight."""
    for table in tree.find_all(exp.Table):
        catalog = table.catalog.lower()
        if catalog and catalog != CATALOG:
            raise error("NOT_SUPPORTED", f"There is no catalog “{catalog}” here, only {CATALOG}.", sql, table)
        if "$" in table.name:
            raise error("NOT_SUPPORTED", f"“{table.name}” is a table of the system and not available.", sql, table)
        if table.db.lower() == "information_schema":
            raise error("NOT_SUPPORTED", "information_schema is not available. Use SHOW and DESCRIBE.", sql, table)
        if table.db or not _is_with_query(table):
            yield table


def _is_with_query(table: exp.Table) -> bool:
    """Whether an enclosing WITH defines the name: in one's own WITH only what stands before is in sight."""
    name = table.name.lower()
    node: exp.Expr | None = table
    within: exp.Expr | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            within = node
        listed = node.args.get("with_")
        for query in listed.expressions if listed else ():
            if query is within:
                break
            if query.alias.lower() == name:
                return True
        node = node.parent
    return False


def _name(table: exp.Table, database: str) -> TableName:
    return (table.db or database).lower(), table.name.lower()


def _resolve_table(table: exp.Table, schema: Schema, database: str, sql: str) -> None:
    name = _name(table, database)
    known = schema.get(name)
    if known is None:
        near = suggestion(name[1], [t for d, t in schema if d == name[0]])
        words = f"There is no table “{name[1]}” in the database “{name[0]}”, or none that you may know of.{near}"
        raise error("TABLE_NOT_FOUND", words, sql, table)
    table.set("catalog", None)
    table.set("db", exp.to_identifier(name[0], quoted=True))
    alias = table.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        _spell_out_aliases(table, alias, known.names, sql)


def _limit_stars(tree: exp.Expr, schema: Schema) -> None:
    """Refuse what would be spelled out to more columns than a statement may have, before memory goes into it."""
    stars = sum(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    width = sum(len(schema[_name(table, "")].columns) for table in tree.find_all(exp.Table) if table.db)
    if stars * width > allowed.MAX_NODES:
        raise SqlError("STATEMENT_TOO_LARGE", "A * here stands for too many columns. Name those you need.")


def _spell_out_aliases(table: exp.Table, alias: exp.TableAlias, names: tuple[str, ...], sql: str) -> None:
    """`t AS x(a, b)` is `(SELECT one AS a, two AS b FROM t) AS x`, in which every column is named."""
    aliases = [column.name.lower() for column in alias.args["columns"]]
    if len(aliases) != len(names):
        words = f"“{table.name}” has {len(names)} columns and {len(aliases)} names are given for them."
        raise error("SYNTAX_ERROR", words, sql, table)
    inner = table.copy()
    for part in ("alias", "joins", "laterals"):
        inner.set(part, None)
    columns = [
        exp.alias_(exp.column(exp.to_identifier(name, quoted=True)), exp.to_identifier(as_, quoted=True))
        for name, as_ in zip(names, aliases, strict=True)
    ]
    plain = exp.TableAlias(this=alias.this.copy()) if alias.this else None
    table.replace(
        exp.Subquery(this=exp.Select(expressions=columns).from_(inner), alias=plain, joins=table.args.get("joins"))
    )


def _name_outputs(tree: exp.Expr) -> None:
    """Give what has no name one of ours: sqlglot would name a constant by its text, and count otherwise than Athena."""
    for select in tree.find_all(exp.Select):
        for item in list(select.expressions):
            inner = item.unnest()
            if not isinstance(item, exp.Alias) and not isinstance(inner, (exp.Column, exp.Dot, exp.Star)):
                index = select.expressions.index(item)
                item.replace(exp.alias_(item.copy(), f"{_UNNAMED}{index}", quoted=True))


def _finish_names(tree: exp.Expr) -> None:
    """Names of the outermost columns as Athena gives them: `_col` and the place from 0 where there is none."""
    for place, item in enumerate(_first_select(tree).expressions):
        if item.alias.startswith(_UNNAMED):
            for column in tree.args["order"].find_all(exp.Column) if tree.args.get("order") else ():
                if not column.table and column.name == item.alias:
                    column.set("this", exp.to_identifier(f"_col{place}", quoted=True))
            item.set("alias", exp.to_identifier(f"_col{place}", quoted=True))


def _first_select(tree: exp.Expr) -> exp.Expr:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return tree


def _outputs(tree: exp.Expr) -> Iterable[str]:
    first = _first_select(tree)
    if isinstance(first, exp.Values):
        row = first.expressions[0]
        return (f"_col{place}" for place in range(len(row.expressions) if isinstance(row, exp.Tuple) else 1))
    return (item.alias_or_name for item in first.expressions)


def _reads(tree: exp.Expr, schema: Schema, sql: str) -> dict[TableName, frozenset[str]]:
    """Tables and columns in use. Every column must have been traced to its source, or the statement is refused."""
    found: dict[TableName, set[str]] = {}
    traced: set[int] = set()
    seen_tables: set[int] = set()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                found.setdefault((source.db, source.name), set())
                seen_tables.add(id(source))
        for column in scope.columns:
            if _trace(column, scope, found, schema, sql):
                traced.add(id(column))
    for column in tree.find_all(exp.Column):
        if id(column) not in traced and not _is_output(column):
            raise _not_found(column, tree, schema, sql)
    for table in tree.find_all(exp.Table):
        if (table.db and id(table) not in seen_tables) or (table.db and (table.db, table.name) not in schema):
            raise error("NOT_SUPPORTED", f"“{table.name}” cannot stand here.", sql, table)
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            raise error("NOT_SUPPORTED", "This * cannot be spelled out. Name the columns.", sql, star)
    return {name: frozenset(columns) for name, columns in found.items()}


def _trace(column: exp.Column, scope: Scope, found: dict[TableName, set[str]], schema: Schema, sql: str) -> bool:
    if not column.table:  # it was resolved to nothing: an engine might take it for a whole row
        return False
    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        name = (source.db, source.name)
        if name not in schema or column.name not in schema[name].names:
            return False
        found.setdefault(name, set()).add(column.name)
        return True
    if isinstance(source, Scope):
        return True
    return column.table in scope.lateral_sources or (
        scope.parent is not None and _trace(column, scope.parent, found, schema, sql)
    )


def _is_output(column: exp.Column) -> bool:
    """ORDER BY may use the names of the result."""
    order = column.find_ancestor(exp.Order, exp.Select, exp.SetOperation)
    if column.table or not isinstance(order, exp.Order):
        return False
    query = _first_select(order.parent) if order.parent is not None else None
    return isinstance(query, exp.Select) and column.name in {item.alias_or_name for item in query.selects}


def _column_error(problem: str, tree: exp.Expr, schema: Schema, sql: str) -> SqlError:
    """sqlglot's words name a column or a table; the person gets the place and the nearest name."""
    quoted = problem.split(":")[-1].strip().strip("'\"") if "Unknown" in problem else ""
    for part in tree.find_all(exp.Column):
        if quoted and quoted.lower() in (part.name.lower(), part.table.lower()):
            return _not_found(part, tree, schema, sql)
    if "Unknown output column" in problem:
        return SqlError("INVALID_PARAMETER", f"GROUP BY or ORDER BY names column {quoted}, and there are fewer.")
    if "alias already used" in problem.lower() or "already exists" in problem.lower():
        return SqlError("AMBIGUOUS_NAME", "Two tables have the same name here. Give one of them another alias.")
    return SqlError("NOT_SUPPORTED", "The names in this statement could not be resolved. Simplify it.")


def _not_found(column: exp.Column, tree: exp.Expr, schema: Schema, sql: str) -> SqlError:
    name = column.name.lower()
    used = {(t.db, t.name) for t in tree.find_all(exp.Table) if (t.db, t.name) in schema}
    given = [alias for alias in tree.find_all(exp.Alias) if column not in alias.find_all(exp.Column)]
    queries = [alias.alias for alias in given if not alias.alias.startswith(_UNNAMED)]
    known = [c for t in used for c in schema[t].names] + queries
    if not column.table and sum(name in schema[t].names for t in used) > 1:
        words = f"“{name}” stands for a column of more than one table. Write the table's name before it."
        return error("AMBIGUOUS_NAME", words, sql, column)
    if column.table and name in known:
        words = f"There is no table or alias “{column.table}” here that has a column “{name}”."
        return error("COLUMN_NOT_FOUND", words, sql, column)
    if not column.table and name in queries:
        words = (
            f"“{name}” is a name that SELECT gives; WHERE, GROUP BY and HAVING cannot use it. Repeat the expression."
        )
        return error("COLUMN_NOT_FOUND", words, sql, column)
    near = suggestion(name, [k for k in known if k != name])
    return error("COLUMN_NOT_FOUND", f"There is no column “{name}”.{near}", sql, column)
