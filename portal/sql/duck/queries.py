"""Clauses: UNNEST, LIMIT, FETCH, VALUES. https://trino.io/docs/current/sql/select.html"""

from itertools import count

from sqlglot import exp

from portal.sql.duck.tree import call, has_type, literal

_fresh = count()


def unnest(tree: exp.Expr) -> None:
    """UNNEST of maps gives two columns, of several arrays is as long as the longest, WITH ORDINALITY counts from 1."""
    for node in list(tree.find_all(exp.Unnest)):
        if isinstance(node.parent, (exp.Join, exp.From, exp.Lateral)):
            _unnest(node)


def _unnest(node: exp.Unnest) -> None:
    alias, offset = node.args.get("alias"), node.args.get("offset")
    names = [column.copy() for column in alias.columns] if alias else []
    if isinstance(offset, exp.Expr):
        names.append(exp.to_identifier(offset.name, quoted=True))
    columns: list[exp.Expr] = []
    lengths: list[exp.Expr] = []
    for value in [_computed(node, value) for value in node.expressions]:
        lengths.append(call("cardinality" if _is_map(value) else "len", value.copy()))
        columns += _columns(value)
    if offset:
        longest = call("greatest", *lengths) if len(lengths) > 1 else lengths[0]
        ends = exp.Add(this=longest, expression=literal(1))
        columns.append(call("unnest", call("range", literal(1), ends)))
    if not names:
        names = [exp.to_identifier(f"_u{place}") for place in range(len(columns))]
    table = exp.TableAlias(this=alias.this.copy() if alias and alias.this else exp.to_identifier("_u"), columns=names)
    query = exp.Subquery(this=exp.Select(expressions=columns))
    if isinstance(node.parent, exp.From):
        query.set("alias", table)
        node.replace(query)
    else:
        node.replace(exp.Lateral(this=query, alias=table))


def _computed(node: exp.Unnest, value: exp.Expr) -> exp.Expr:
    """An array that is computed from one table's columns becomes a column of that table: UNNEST of a column keeps the
    order of rows and needs no join."""
    tables = {column.table for column in value.find_all(exp.Column)}
    select = node.find_ancestor(exp.Select)
    if isinstance(value, exp.Column) or len(tables) != 1 or select is None or value.find(exp.Query):
        return value
    alias, name = tables.pop(), f"t_list{next(_fresh)}"
    for place in [select.args.get("from_"), *(select.args.get("joins") or [])]:
        source = place.this if place is not None else None
        if not isinstance(source, (exp.Table, exp.Subquery)) or source.alias_or_name != alias:
            continue
        if source.args.get("joins") or (isinstance(place, exp.Join) and place.side):
            continue
        star = exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True))
        wide = exp.Select(expressions=[star, exp.alias_(value.copy(), name)]).from_(source.copy())
        source.replace(exp.Subquery(this=wide, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
        column = exp.column(name, table=alias, quoted=True)
        column.type = value.to if isinstance(value, exp.Cast) else value.type
        return column
    return value


def _columns(value: exp.Expr) -> list[exp.Expr]:
    if _is_map(value):
        return [call("unnest", call(f"map_{part}", value.copy())) for part in ("keys", "values")]
    fields = _fields(value)
    if fields:
        step = exp.to_identifier("t_row")
        return [
            call(
                "unnest",
                call(
                    "list_transform",
                    value.copy(),
                    exp.Lambda(this=call("struct_extract", step.copy(), place), expressions=[step.copy()]),
                ),
            )
            for place in fields
        ]
    return [call("unnest", value.copy())]


def _fields(value: exp.Expr) -> list[exp.Expr | str]:
    """Names of the fields where the array holds rows of known type; places where a row has no names."""
    kind = value.type
    if isinstance(value, exp.Cast):
        kind = value.to
    if isinstance(value, exp.Array) and value.expressions and _is_row(value.expressions[0]):
        return [literal(place + 1) for place in range(len(value.expressions[0].expressions))]
    inner = kind.expressions[0] if kind is not None and kind.this == exp.DType.ARRAY and kind.expressions else None
    if not isinstance(inner, exp.DataType) or inner.this != exp.DType.STRUCT:
        return []
    return [field.name.lower() for field in inner.expressions]


def _is_row(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "row"


def _is_map(value: exp.Expr) -> bool:
    if isinstance(value, exp.Cast):
        return bool(value.to.this == exp.DType.MAP)
    if isinstance(value, exp.Anonymous):
        return value.name.lower() in ("map", "map_from_entries", "map_agg", "map_concat", "map_filter", "histogram")
    return has_type(value, exp.DType.MAP)


def order_names(tree: exp.Expr) -> None:
    """Within an expression of ORDER BY a name of the result comes before a column: it is spelled out."""
    for select in tree.find_all(exp.Select):
        order = select.args.get("order")
        items = {item.alias: item.this for item in select.expressions if isinstance(item, exp.Alias)}
        for ordered in order.expressions if order else ():
            for column in list(ordered.this.find_all(exp.Column)):
                if column is not ordered.this and not column.table and column.name in items:
                    column.replace(exp.Paren(this=items[column.name].copy()))


def limits(tree: exp.Expr) -> None:
    """FETCH FIRST is LIMIT; WITH TIES keeps whoever ranks as the last; LIMIT ALL is no limit."""
    for query in list(tree.find_all(exp.Select, exp.SetOperation, exp.Subquery)):
        limit = query.args.get("limit")
        if isinstance(limit, exp.Limit) and limit.expression is not None and limit.expression.name.upper() == "ALL":
            query.set("limit", None)
        if not isinstance(limit, exp.Fetch):
            continue
        options = limit.args.get("limit_options")
        number = limit.args.get("count") or literal(1)
        if options is not None and options.args.get("with_ties") and isinstance(query, exp.Select):
            rank = exp.Window(this=call("rank"), order=query.args["order"].copy())
            query.set("qualify", exp.Qualify(this=exp.LTE(this=rank, expression=number.copy())))
            query.set("limit", None)
        else:
            query.set("limit", exp.Limit(expression=number.copy()))
