"""Trino's types of expressions, where sqlglot's differ: literals, decimals and functions by Athena's name.

A type that is not known is left unknown; what depends on it is then decided while the query runs.
Source: https://trino.io/docs/current/functions/decimal.html and …/language/types.html
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot import exp

from portal.sql.functions import ARGUMENT, ARRAY_OF, ELEMENT, MAP, RETURNS, ROUNDED

INTEGERS = {exp.DType.TINYINT: 3, exp.DType.SMALLINT: 5, exp.DType.INT: 10, exp.DType.BIGINT: 19}
"""Integer types and the digits that a decimal needs to hold them."""

Precision = tuple[int, int]


@lru_cache(2048)
def athena_type(text: str) -> exp.DataType:
    """A type from Athena's name of it (`decimal(12,2)`, `array(varchar)`, Hive's `array<string>`). Do not change it."""
    return exp.DataType.build(text, dialect="trino", udt=False)


def precision(kind: exp.DataType | None) -> Precision | None:
    """(precision, scale) of a decimal or an integer type, else None."""
    if kind is None:
        return None
    if kind.this == exp.DType.DECIMAL:
        sizes = [int(size.name) for size in kind.expressions]
        return (sizes[0] if sizes else 38, sizes[1] if len(sizes) > 1 else 0)
    digits = INTEGERS.get(kind.this)
    return (digits, 0) if digits else None


def is_integer(node: exp.Expr) -> bool:
    return node.type is not None and node.type.this in INTEGERS


def is_decimal(node: exp.Expr) -> bool:
    return node.type is not None and node.type.this == exp.DType.DECIMAL


def decimal(size: Precision) -> exp.DataType:
    return athena_type(f"decimal({min(38, max(size[0], size[1], 1))},{size[1]})").copy()


def _literal(annotator: Any, node: exp.Literal) -> exp.Expr:
    text = node.name
    if node.is_string:
        return set_type(annotator, node, "varchar")
    if "e" in text.lower():
        return set_type(annotator, node, "double")
    if "." not in text:
        return set_type(annotator, node, "bigint" if int(text) > 2**31 - 1 else "int")
    whole, _, fraction = text.partition(".")
    return set_type(annotator, node, decimal((len(whole.lstrip("0")) + len(fraction), len(fraction))))


def _both(node: exp.Expr) -> tuple[Precision, Precision] | None:
    """Sizes of both sides where exact arithmetic on decimals is meant."""
    left, right = node.this, node.expression
    if not (is_decimal(left) or is_decimal(right)):
        return None
    a, b = precision(left.type), precision(right.type)
    return (a, b) if a and b else None


def _sum_size(a: Precision, b: Precision) -> Precision:
    scale = max(a[1], b[1])
    return max(a[0] - a[1], b[0] - b[1]) + scale + 1, scale


def _product_size(a: Precision, b: Precision) -> Precision:
    return a[0] + b[0], a[1] + b[1]


def _quotient_size(a: Precision, b: Precision) -> Precision:
    return a[0] + b[1] + max(b[1] - a[1], 0), max(a[1], b[1])


def _remainder_size(a: Precision, b: Precision) -> Precision:
    scale = max(a[1], b[1])
    return min(a[0] - a[1], b[0] - b[1]) + scale, scale


def _arithmetic(size: Callable[[Precision, Precision], Precision]) -> Callable[[Any, exp.Expr], exp.Expr]:
    def annotate(annotator: Any, node: exp.Expr) -> exp.Expr:
        both = _both(node)
        if both:
            return set_type(annotator, node, decimal(size(*both)))
        left, right = node.this.type, node.expression.type
        if left and right and left.this in INTEGERS and right.this in INTEGERS:
            return set_type(annotator, node, left if INTEGERS[left.this] >= INTEGERS[right.this] else right)
        kinds = {t.this for t in (left, right) if t}
        if kinds & {exp.DType.DOUBLE, exp.DType.FLOAT}:
            return set_type(annotator, node, "double" if kinds != {exp.DType.FLOAT} else "real")
        if kinds & {exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ} and exp.DType.INTERVAL in kinds:
            return set_type(annotator, node, left if left and left.this != exp.DType.INTERVAL else right)
        return set_type(annotator, node, None)

    return annotate


def common(kinds: list[exp.DataType | None]) -> exp.DataType | None:
    """The type that values of several types share (CASE, COALESCE, IF); None where it is not known."""
    known = [kind for kind in kinds if kind is not None and kind.this != exp.DType.NULL]
    if not known or any(kind.this == exp.DType.UNKNOWN for kind in known):
        return None
    if any(kind.this in (exp.DType.DOUBLE, exp.DType.FLOAT) for kind in known):
        return athena_type("double").copy()
    sizes = [precision(kind) for kind in known]
    exact = [size for size in sizes if size]
    if len(exact) == len(known):
        if all(kind.this in INTEGERS for kind in known):
            return max(known, key=lambda kind: INTEGERS[kind.this])
        scale = max(size[1] for size in exact)
        return decimal((max(size[0] - size[1] for size in exact) + scale, scale))
    return known[0] if all(kind.this == known[0].this for kind in known) else None


def _branches(annotator: Any, node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Case):
        values = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
    elif isinstance(node, exp.If):
        values = [node.args.get("true"), node.args.get("false")]
    else:
        values = [node.this, *node.expressions]
    return set_type(annotator, node, common([_kind(value) for value in values if value is not None]))


def _kind(node: exp.Expr) -> exp.DataType | None:
    return athena_type("null") if isinstance(node, exp.Null) else node.type


def _aggregate(annotator: Any, node: exp.Expr) -> exp.Expr:
    """sum(decimal(p,s)) is decimal(38,s), sum(integer) bigint; avg(decimal) keeps its type, avg(integer) is double."""
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    size = precision(argument.type)
    if isinstance(node, (exp.Min, exp.Max)):
        return set_type(annotator, node, argument.type if not node.expressions else None)
    if is_decimal(argument) and size:
        return set_type(annotator, node, decimal((38, size[1]) if isinstance(node, exp.Sum) else size))
    if isinstance(node, exp.Sum):
        return set_type(annotator, node, "bigint" if size else argument.type)
    return set_type(annotator, node, "double")


def _call(annotator: Any, node: exp.Anonymous) -> exp.Expr:
    rule = RETURNS.get(node.name.lower())
    first = node.expressions[0].type if node.expressions else None
    if rule == ARGUMENT:
        return set_type(annotator, node, first)
    if rule == ROUNDED:
        return set_type(annotator, node, rounded(first, len(node.expressions)))
    if rule == ARRAY_OF:
        return set_type(annotator, node, exp.DataType.build("array", expressions=[first.copy()]) if first else None)
    if rule == MAP:
        inner = [e.type.expressions[0] for e in node.expressions if e.type is not None and e.type.expressions]
        pair = [kind.copy() for kind in inner] if node.name.lower() == "map" and len(inner) == 2 else None
        return set_type(annotator, node, exp.DataType(this=exp.DType.MAP, expressions=pair, nested=True))
    if rule == ELEMENT:
        element = first.expressions[-1] if first is not None and first.expressions else None
        return set_type(annotator, node, element.copy() if isinstance(element, exp.DataType) else None)
    return set_type(annotator, node, rule)


def rounded(kind: exp.DataType | None, arguments: int) -> exp.DataType | None:
    """round(decimal) is whole, round(decimal, n) keeps the scale; other numbers keep their type."""
    size = precision(kind)
    if kind is None or kind.this != exp.DType.DECIMAL or not size:
        return kind
    return decimal((size[0] + 1, size[1]) if arguments > 1 else (size[0] - size[1] + 1, 0))


def set_type(annotator: Any, node: exp.Expr, kind: str | exp.DataType | None) -> exp.Expr:
    annotator._set_type(node, athena_type(kind).copy() if isinstance(kind, str) else kind)
    return node


ANNOTATORS: dict[type[exp.Expr], dict[str, Any]] = {
    exp.Anonymous: {"annotator": _call},
    exp.Literal: {"annotator": _literal},
    exp.Add: {"annotator": _arithmetic(_sum_size)},
    exp.Sub: {"annotator": _arithmetic(_sum_size)},
    exp.Mul: {"annotator": _arithmetic(_product_size)},
    exp.Div: {"annotator": _arithmetic(_quotient_size)},
    exp.Mod: {"annotator": _arithmetic(_remainder_size)},
    exp.Sum: {"annotator": _aggregate},
    exp.Avg: {"annotator": _aggregate},
    exp.Min: {"annotator": _aggregate},
    exp.Max: {"annotator": _aggregate},
    exp.Case: {"annotator": _branches},
    exp.If: {"annotator": _branches},
    exp.Coalesce: {"annotator": _branches},
}
