"""Aggregates and window functions: https://trino.io/docs/current/functions/aggregate.html and …/window.html"""

from sqlglot import exp

from portal.sql.duck.numbers import exact_ratio
from portal.sql.duck.tree import Rewrite, argument, as_, call, cast, literal, same, unavailable
from portal.sql.types import is_decimal, is_integer, precision

_WRAPPERS = (exp.Filter, exp.Window, exp.IgnoreNulls, exp.RespectNulls)

MACROS = (
    # The factor turns the sample skewness that DuckDB gives into Trino's of the population.
    "t_skewness(x) AS skewness(x) * (count(x) - 2) / sqrt(count(x) * (count(x) - 1.0))",
)


def averages(tree: exp.Expr) -> None:
    """avg of a decimal is sum / count, exactly, in the argument's own scale: done first, around OVER and FILTER."""
    for average in list(tree.find_all(exp.Avg)):
        argument_ = average.this.expressions[0] if isinstance(average.this, exp.Distinct) else average.this
        size = precision(argument_.type)
        if not size or not is_decimal(argument_):
            continue
        outer: exp.Expr = average
        while isinstance(outer.parent, _WRAPPERS) and outer.arg_key == "this":
            outer = outer.parent
        total = _as(outer, average, exp.Sum(this=average.this.copy()))
        number = _as(outer, average, exp.Count(this=average.this.copy(), big_int=True))
        ratio = exact_ratio(total, size[1], number, 0, size[1])
        outer.replace(
            exp.Case(
                ifs=[exp.If(this=exp.EQ(this=number.copy(), expression=literal(0)), true=exp.Null())], default=ratio
            )
        )


def _as(outer: exp.Expr, average: exp.Expr, other: exp.Expr) -> exp.Expr:
    """A copy of the whole around another aggregate."""
    if outer is average:
        return other
    copied = outer.copy()
    inner = copied
    while isinstance(inner, _WRAPPERS):
        inner = inner.this
    inner.replace(other)
    return copied


def integer_sums(tree: exp.Expr) -> None:
    """sum of integers is a bigint."""
    for total in list(tree.find_all(exp.Sum)):
        inner = total.this.expressions[0] if isinstance(total.this, exp.Distinct) else total.this
        if not is_integer(inner):
            continue
        outer: exp.Expr = total
        while isinstance(outer.parent, _WRAPPERS) and outer.arg_key == "this":
            outer = outer.parent
        holder = cast(exp.Null(), "BIGINT")
        outer.replace(holder)
        holder.set("this", outer)


def _pairs(name: str) -> Rewrite:
    """map_agg and multimap_agg: a list of entries without NULL keys, made a map."""

    def rewrite(node: exp.Anonymous) -> exp.Expr | None:
        if isinstance(node.parent, (exp.Filter, exp.Window)):
            raise unavailable(f"{node.name.lower()} with FILTER or OVER")
        key, value = node.expressions
        pairs = (("k", key), ("v", value))
        entry = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier(n), expression=e) for n, e in pairs])
        known = exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null()))
        return call(name, exp.Filter(this=call("array_agg", entry), expression=exp.Where(this=known)))

    return rewrite


def _extreme(name: str) -> Rewrite:
    def rewrite(node: exp.Expr) -> exp.Expr:
        return call(name, node.this, node.expression, *_third(node))

    return rewrite


def _third(node: exp.Expr) -> list[exp.Expr]:
    number = node.args.get("count")
    return [number] if number is not None else []


def _listagg(node: exp.GroupConcat) -> exp.Expr:
    """listagg(x, s) WITHIN GROUP (ORDER BY y): the order stands behind the last argument here."""
    value, separator = node.this, node.args.get("separator") or literal("")
    if isinstance(value, exp.Order):
        return call("string_agg", value.this, exp.Order(this=separator, expressions=value.expressions))
    return call("string_agg", value, separator)


def _neighbour(kind: type[exp.Lag] | type[exp.Lead], node: exp.Anonymous) -> exp.Expr:
    """lag and lead as classes, so that IGNORE NULLS is written within their brackets."""
    return kind(this=node.expressions[0], offset=argument(node, 1), default=argument(node, 2))


def _percentile(node: exp.Anonymous) -> exp.Expr:
    if len(node.expressions) != 2:
        raise unavailable("approx_percentile with weights")
    return call("quantile_disc", *node.expressions)


CALLS: dict[str, Rewrite] = {
    **same("array_agg bool_and bool_or corr covar_pop covar_samp regr_intercept regr_slope count_if histogram"),
    **same("stddev stddev_pop stddev_samp var_pop var_samp variance row_number rank dense_rank ntile percent_rank"),
    **same("cume_dist grouping any_value"),
    "first_value": lambda node: exp.FirstValue(this=node.expressions[0]),
    "last_value": lambda node: exp.LastValue(this=node.expressions[0]),
    "nth_value": lambda node: exp.NthValue(this=node.expressions[0], offset=node.expressions[1]),
    "lag": lambda node: _neighbour(exp.Lag, node),
    "lead": lambda node: _neighbour(exp.Lead, node),
    "every": as_("bool_and"),
    "arbitrary": as_("any_value"),
    "approx_distinct": lambda node: call("approx_count_distinct", node.expressions[0]),
    "approx_percentile": _percentile,
    "bitwise_and_agg": as_("bit_and"),
    "bitwise_or_agg": as_("bit_or"),
    "bitwise_xor_agg": as_("bit_xor"),
    "max_by": as_("arg_max"),
    "min_by": as_("arg_min"),
    "skewness": as_("t_skewness"),
    "kurtosis": as_("kurtosis"),
    "geometric_mean": as_("geometric_mean"),
    "map_agg": _pairs("t_mapagg"),
    "multimap_agg": _pairs("t_multimap"),
    "listagg": as_("string_agg"),
}


NODES: dict[type[exp.Expr], Rewrite] = {
    exp.ArgMax: _extreme("arg_max"),
    exp.ArgMin: _extreme("arg_min"),
    exp.GroupConcat: _listagg,
}
