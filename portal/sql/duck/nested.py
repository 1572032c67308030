"""Arrays, maps, rows and functions over them.

https://trino.io/docs/current/functions/array.html, …/map.html, …/lambda.html
"""

from itertools import count

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, argument, as_, call, cast, has_type, is_array, same, unavailable

MACROS = (
    "t_slice(a, s, n) AS list_slice(a, s, CASE WHEN s < 0 THEN len(a) + s + n ELSE s + n - 1 END)",
    "t_array_position(a, v) AS CASE WHEN a IS NULL OR v IS NULL THEN NULL ELSE coalesce(list_position(a, v), 0) END",
    "t_array_union(a, b) AS list_distinct(list_concat(a, b))",
    "t_array_except(a, b) AS list_distinct(list_filter(a, lambda x: NOT list_contains(b, x)))",
    "t_ngrams(a, n) AS list_transform(range(1, greatest(len(a) - n + 2, 1 + 1)), "
    "lambda i: list_slice(a, i, i + n - 1))",
    "t_index(a, i) AS CASE WHEN a IS NOT NULL AND (i > len(a) OR i < 1) "
    "THEN error('Array subscript is out of bounds') ELSE list_extract(a, i) END",
    "t_key(m, k) AS CASE WHEN m IS NOT NULL AND NOT map_contains(m, k) "
    "THEN error('Key not present in map') ELSE map_extract_value(m, k) END",
    "t_mapagg(l) AS map_from_entries(list_transform(list_distinct(list_transform(l, lambda e: e.k)), "
    "lambda kk: {'k': kk, 'v': list_filter(l, lambda e: e.k = kk)[1].v}))",
    "t_multimap(l) AS map_from_entries(list_transform(list_distinct(list_transform(l, lambda e: e.k)), "
    "lambda kk: {'k': kk, 'v': list_transform(list_filter(l, lambda e: e.k = kk), lambda e: e.v)}))",
    "t_join(a, d) AS array_to_string(list_transform(list_filter(a, lambda x: x IS NOT NULL), "
    "lambda x: CAST(x AS VARCHAR)), d)",
    "t_join_null(a, d, n) AS array_to_string(list_transform(a, lambda x: coalesce(CAST(x AS VARCHAR), n)), d)",
    "t_any(a, b) AS CASE WHEN list_contains(b, true) THEN true WHEN len(list_filter(b, lambda x: x IS NULL)) > 0 "
    "THEN NULL WHEN a IS NULL THEN NULL ELSE false END",
    "t_all(a, b) AS CASE WHEN list_contains(b, false) THEN false WHEN len(list_filter(b, lambda x: x IS NULL)) > 0 "
    "THEN NULL WHEN a IS NULL THEN NULL ELSE true END",
)

_fresh = count()


def replace_name(body: exp.Expr, names: dict[str, exp.Expr]) -> exp.Expr:
    """A function's body with its parameters replaced."""
    holder = exp.Paren(this=body.copy())
    for node in list(holder.walk()):
        name = node.name if isinstance(node, exp.Identifier) else None
        if isinstance(node, exp.Column) and not node.table:
            name = node.name
        if name in names and not isinstance(node.parent, (exp.Column, exp.Table, exp.TableAlias, exp.DataType)):
            if isinstance(node.parent, exp.Dot) and node.arg_key == "expression":
                continue
            node.replace(names[name].copy())
    return holder


def function(node: exp.Expr | None, usage: str) -> exp.Lambda:
    if not isinstance(node, exp.Lambda):
        raise unavailable(f"{usage} without a function written as x -> …")
    return node


def _body(node: exp.Lambda, *values: exp.Expr) -> exp.Expr:
    names = [parameter.name for parameter in node.expressions]
    return replace_name(node.this, dict(zip(names, values, strict=True)))


def _entry(key: exp.Expr, value: exp.Expr) -> exp.Struct:
    pairs = (("k", key), ("v", value))
    return exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(n), expression=e) for n, e in pairs])


def _part(name: str, part: str) -> exp.Expr:
    return exp.Dot(this=exp.to_identifier(name), expression=exp.to_identifier(part, quoted=True))


def _lambda(name: str, body: exp.Expr) -> exp.Lambda:
    return exp.Lambda(this=body, expressions=[exp.to_identifier(name)])


def _over_map(node: exp.Anonymous) -> exp.Expr:
    """map_filter, transform_keys and transform_values, over the map's entries."""
    name, step = node.name.lower(), f"t_e{next(_fresh)}"
    key, value = _part(step, "key"), _part(step, "value")
    body = _body(function(argument(node, 1), name), key, value)
    entries = call("map_entries", node.expressions[0])
    if name == "map_filter":
        return call("map_from_entries", call("list_filter", entries, _lambda(step, body)))
    entry = _entry(key, body) if name == "transform_values" else _entry(body, value)
    return call("map_from_entries", call("list_transform", entries, _lambda(step, entry)))


def _zip_with(node: exp.Anonymous) -> exp.Expr:
    step = f"t_e{next(_fresh)}"
    left, right = (call("struct_extract", exp.to_identifier(step), place) for place in (1, 2))
    body = _body(function(argument(node, 2), "zip_with"), left, right)
    return call("list_transform", call("list_zip", *node.expressions[:2]), _lambda(step, body))


def _match(test: str, negate: bool = False) -> Rewrite:
    """Three-valued: NULL where an element's test is unknown and no other decides."""

    def rewrite(node: exp.Anonymous) -> exp.Expr:
        function(argument(node, 1), node.name.lower())
        found = call(test, node.expressions[0], call("list_transform", node.expressions[0].copy(), node.expressions[1]))
        return exp.Paren(this=exp.Not(this=found)) if negate else found

    return rewrite


def _reduce(node: exp.Anonymous) -> exp.Expr:
    """reduce(array, start, (s, x) -> …, s -> …): the last function is applied to what the steps gave."""
    if len(node.expressions) != 4:
        raise unavailable("reduce without its last function")
    array, start, step, finish = node.expressions
    whole = call("list_reduce", array, function(step, "reduce"), start)
    return _body(function(finish, "reduce"), whole)


def _array_sort(node: exp.Anonymous) -> exp.Expr:
    if len(node.expressions) > 1:
        raise unavailable("array_sort with a comparator")
    return call("list_sort", node.expressions[0], "ASC", "NULLS LAST")


def _subscript(node: exp.Bracket) -> exp.Expr:
    """`a[i]` outside the array and `m[k]` of a key that is not there are errors in Trino."""
    value, index = node.this, node.expressions[0]
    if has_type(value, exp.DType.MAP) or (isinstance(value, exp.Anonymous) and value.name in _MAPS):
        return call("t_key", value, index)
    if has_type(value, exp.DType.STRUCT) or (isinstance(value, exp.Anonymous) and value.name == "row"):
        return call("struct_extract", value, index)
    if is_array(value):
        return call("t_index", value, index)
    return call("t_subscript", value, index)


_MAPS = {"map", "map_from_entries", "t_mapagg", "t_multimap", "map_concat", "t_split_to_map", "histogram"}
SUBSCRIPT = (
    "t_subscript(a, i INTEGER) AS t_index(a, i), (a, i BIGINT) AS t_index(a, i), (a, k VARCHAR) AS t_key(a, k)",
)


def _element_at(node: exp.Anonymous) -> exp.Expr:
    value, index = node.expressions
    if is_array(value):
        return call("list_extract", value, index)
    return call(
        "map_extract_value" if has_type(value, exp.DType.MAP) or _is_map(value) else "t_element", *node.expressions
    )


def _is_map(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name in _MAPS


def _array_join(node: exp.Anonymous) -> exp.Expr:
    return call("t_join_null" if len(node.expressions) == 3 else "t_join", *node.expressions)


def _sequence(node: exp.Anonymous) -> exp.Expr:
    low, high = node.expressions[:2]
    step = argument(node, 2)
    if step is None and has_type(low, exp.DType.DATE):
        step = call("to_days", 1)
    whole = call("generate_series", low, high, step)
    return cast(whole, "DATE[]") if has_type(low, exp.DType.DATE) else whole


CALLS: dict[str, Rewrite] = {
    **same("cardinality flatten map_from_entries map_entries map_keys map_values row"),
    "map": as_("map"),
    "map_concat": as_("map_concat"),
    "map_filter": _over_map,
    "transform_keys": _over_map,
    "transform_values": _over_map,
    "transform": as_("list_transform"),
    "filter": as_("list_filter"),
    "reduce": _reduce,
    "zip": as_("list_zip"),
    "zip_with": _zip_with,
    "any_match": _match("t_any"),
    "all_match": _match("t_all"),
    "none_match": _match("t_any", negate=True),
    "array_distinct": as_("list_distinct"),
    "array_sort": _array_sort,
    "array_max": as_("list_max"),
    "array_min": as_("list_min"),
    "array_join": _array_join,
    "array_position": as_("t_array_position"),
    "array_intersect": as_("list_intersect"),
    "array_union": as_("t_array_union"),
    "array_except": as_("t_array_except"),
    "array_remove": lambda node: call(
        "list_filter",
        node.expressions[0],
        _lambda("t_x", exp.NEQ(this=exp.to_identifier("t_x"), expression=node.expressions[1])),
    ),
    "arrays_overlap": as_("list_has_any"),
    "contains": as_("list_contains"),
    "element_at": _element_at,
    "slice": as_("t_slice"),
    "sequence": _sequence,
    "repeat": lambda node: call("repeat", exp.Array(expressions=[node.expressions[0]]), node.expressions[1]),
    "ngrams": as_("t_ngrams"),
}

NODES: dict[type[exp.Expr], Rewrite] = {
    exp.Bracket: _subscript,
    exp.Tuple: lambda node: (
        call("row", *node.expressions) if not isinstance(node.parent, (exp.In, exp.Values)) else None
    ),
}
