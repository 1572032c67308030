"""Numbers: https://trino.io/docs/current/functions/math.html and …/functions/bitwise.html"""

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, as_, call, cast, same
from portal.sql.types import INTEGERS, is_decimal, is_integer, precision

MACROS = (
    "t_idiv(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a // b END",
    "t_div(a TINYINT, b TINYINT) AS t_idiv(a, b), (a SMALLINT, b SMALLINT) AS t_idiv(a, b), "
    "(a INTEGER, b INTEGER) AS t_idiv(a, b), (a BIGINT, b BIGINT) AS t_idiv(a, b), (a DOUBLE, b DOUBLE) AS a / b",
    "t_mod(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a % b END",
    "t_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    "t_ratio(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') "
    "ELSE sign(a) * sign(b) * ((2 * abs(a) + abs(b)) // (2 * abs(b))) END",
    "t_point(w, s) AS CASE WHEN w < 0 THEN '-' ELSE '' END "
    "|| CAST(abs(w) // CAST(pow(10, s) AS HUGEINT) AS VARCHAR) || CASE WHEN s = 0 THEN '' ELSE '.' "
    "|| lpad(CAST(abs(w) % CAST(pow(10, s) AS HUGEINT) AS VARCHAR), CAST(s AS INTEGER), '0') END",
    "t_width_bucket(x, a, b, n) AS CASE WHEN a <= b THEN CASE WHEN x < a THEN 0 WHEN x >= b THEN n + 1 "
    "ELSE 1 + CAST(floor((x - a) * CAST(n AS DOUBLE) / (b - a)) AS BIGINT) END "
    "ELSE CASE WHEN x > a THEN 0 WHEN x <= b THEN n + 1 "
    "ELSE 1 + CAST(floor((a - x) * CAST(n AS DOUBLE) / (a - b)) AS BIGINT) END END",
    "t_from_base(s, b) AS list_reduce(list_transform(string_split(lower(s), ''), lambda ch: "
    "CASE WHEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', ch) BETWEEN 1 AND b "
    "THEN CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', ch) - 1 AS BIGINT) "
    "ELSE error('Not a valid number in this base') END), lambda x, y: x * b + y)",
    "t_sign(x BIGINT) AS CAST(sign(x) AS BIGINT), (x INTEGER) AS CAST(sign(x) AS INTEGER), "
    "(x DOUBLE) AS CAST(sign(x) AS DOUBLE)",
    "t_great_circle(a, b, c, d) AS 6371.01 * acos(least(1.0, sin(radians(a)) * sin(radians(c)) "
    "+ cos(radians(a)) * cos(radians(c)) * cos(radians(b - d))))",
    # Java's text of a double: plain from 0.001 to 10,000,000, else with an exponent. 17 digits at most, shortest first.
    "t_digits(t) AS rtrim(ltrim(replace(regexp_replace(t, 'e.*$', ''), '.', ''), '0'), '0')",
    "t_exponent(t) AS CASE WHEN strpos(t, 'e') > 0 THEN CAST(split_part(t, 'e', 2) AS INTEGER) "
    "WHEN starts_with(t, '0.') THEN length(ltrim(substr(t, 3), '0')) - length(t) + 1 "
    "ELSE strpos(t || '.', '.') - 2 END",
    "t_mantissa(d) AS left(d, 1) || '.' || CASE WHEN length(d) > 1 THEN substr(d, 2) ELSE '0' END",
    "t_double_text(x) AS CASE WHEN x IS NULL THEN NULL WHEN isnan(x) THEN 'NaN' "
    "WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END "
    "WHEN x = 0 OR (abs(x) >= 1e-3 AND abs(x) < 1e7) THEN CAST(x AS VARCHAR) "
    "ELSE CASE WHEN x < 0 THEN '-' ELSE '' END || t_mantissa(t_digits(CAST(abs(x) AS VARCHAR))) "
    "|| 'E' || t_exponent(CAST(abs(x) AS VARCHAR)) END",
)


def divide(node: exp.Div) -> exp.Expr:
    """Integers divide to integers, decimals to a decimal of Trino's scale, rounded half up; doubles as they are.

    https://trino.io/docs/current/functions/decimal.html#division
    """
    left, right = node.this, node.expression
    a, b = precision(left.type), precision(right.type)
    if a and b and (is_decimal(left) or is_decimal(right)):
        return exact_ratio(left, a[1], right, b[1], max(a[1], b[1]))
    if is_integer(left) and is_integer(right):
        return call("t_idiv", left, right)
    if any(n.type is not None and n.type.this in (exp.DType.DOUBLE, exp.DType.FLOAT) for n in (left, right)):
        return exp.Paren(this=exp.Div(this=cast(left, "DOUBLE"), expression=cast(right, "DOUBLE"), typed=False))
    return call("t_div", left, right)


def exact_ratio(left: exp.Expr, left_scale: int, right: exp.Expr, right_scale: int, scale: int) -> exp.Expr:
    """left / right as a decimal of `scale`, by whole numbers, so that no digit is lost on the way through a double."""
    above, below = _whole(left, left_scale, scale - left_scale + right_scale), _whole(right, right_scale, 0)
    return cast(call("t_point", call("t_ratio", above, below), scale), f"DECIMAL(38,{scale})")


def _whole(node: exp.Expr, scale: int, more: int) -> exp.Expr:
    """The unscaled integer of a decimal, with `more` zeros behind it."""
    whole = call("t_unscaled", cast(node, f"DECIMAL(38,{scale})")) if scale else cast(node, "HUGEINT")
    if more == 0:
        return whole
    return exp.Paren(this=exp.Mul(this=whole, expression=cast(exp.Literal.number("1" + "0" * more), "HUGEINT")))


def modulo(node: exp.Expr) -> exp.Expr:
    """mod by zero is an error for exact numbers, NaN for doubles."""
    left, right = (node.this, node.expression) if isinstance(node, exp.Mod) else tuple(node.expressions[:2])
    exact = precision(left.type) and precision(right.type)
    return call("t_mod", left, right) if exact else exp.Paren(this=exp.Mod(this=left, expression=right))


def _shift(operator: type[exp.Binary]) -> Rewrite:
    def rewrite(node: exp.Anonymous) -> exp.Expr:
        value, by = node.expressions
        return exp.Paren(this=operator(this=cast(value, "BIGINT"), expression=cast(by, "BIGINT")))

    return rewrite


def _bitwise(operator: type[exp.Binary]) -> Rewrite:
    def rewrite(node: exp.Anonymous) -> exp.Expr:
        return exp.Paren(this=operator(this=node.expressions[0], expression=node.expressions[1]))

    return rewrite


def _log(node: exp.Anonymous) -> exp.Expr:
    base, value = node.expressions
    return exp.Paren(this=exp.Div(this=call("ln", cast(value, "DOUBLE")), expression=call("ln", cast(base, "DOUBLE"))))


def _round(name: str) -> Rewrite:
    """Digits are dropped in value alone: round(decimal, n) keeps the decimal's scale."""

    def rewrite(node: exp.Anonymous) -> exp.Expr:
        found = call(name, *node.expressions)
        keep = node.type is not None and is_decimal(node) and len(node.expressions) > 1
        return exp.Cast(this=found, to=node.type.copy()) if keep and node.type is not None else found

    return rewrite


def _keep_integers(name: str) -> Rewrite:
    """floor, ceil and their like give an integer for an integer."""

    def rewrite(node: exp.Expr) -> exp.Expr:
        value: exp.Expr = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        rest = node.expressions[1:] if isinstance(node, exp.Anonymous) else []
        if value.type is not None and value.type.this in INTEGERS:
            return value
        return call(name, value, *rest)

    return rewrite


CALLS: dict[str, Rewrite] = {
    **same("abs acos asin atan atan2 cbrt cos cosh degrees exp ln log2 log10 pi radians sin sinh sqrt tan tanh"),
    **same("greatest least nullif power"),
    "pow": as_("power"),
    "log": _log,
    "sign": as_("t_sign"),
    "ceiling": _keep_integers("ceil"),
    "ceil": _keep_integers("ceil"),
    "floor": _keep_integers("floor"),
    "round": _round("round"),
    "truncate": _round("trunc"),
    "mod": modulo,
    "e": lambda node: exp.Literal.number("2.718281828459045e0"),
    "nan": lambda node: cast(exp.Literal.string("NaN"), "DOUBLE"),
    "infinity": lambda node: cast(exp.Literal.string("Infinity"), "DOUBLE"),
    "is_nan": as_("isnan"),
    "is_finite": as_("isfinite"),
    "is_infinite": as_("isinf"),
    "rand": lambda node: _random(node),
    "random": lambda node: _random(node),
    "width_bucket": as_("t_width_bucket"),
    "from_base": as_("t_from_base"),
    "to_base": lambda node: call("lower", call("to_base", *node.expressions)),
    "bitwise_and": _bitwise(exp.BitwiseAnd),
    "bitwise_or": _bitwise(exp.BitwiseOr),
    "bitwise_xor": lambda node: call("xor", *node.expressions),
    "bitwise_not": lambda node: exp.Paren(this=exp.BitwiseNot(this=node.expressions[0])),
    "bitwise_left_shift": _shift(exp.BitwiseLeftShift),
    "bitwise_right_shift": _shift(exp.BitwiseRightShift),
    "bitwise_right_shift_arithmetic": _shift(exp.BitwiseRightShift),
    "bit_count": lambda node: call("bit_count", cast(node.expressions[0], "BIGINT")),
    "great_circle_distance": as_("t_great_circle"),
}


def _random(node: exp.Anonymous) -> exp.Expr:
    """random(n) and random(m, n) are whole numbers; random() lies in [0, 1)."""
    if not node.expressions:
        return call("random")
    low = node.expressions[0] if len(node.expressions) == 2 else exp.Literal.number(0)
    high = node.expressions[-1]
    width = exp.Paren(this=exp.Sub(this=high, expression=low.copy()))
    step = call("floor", exp.Mul(this=call("random"), expression=width))
    return cast(exp.Paren(this=exp.Add(this=low, expression=step)), "BIGINT")


NODES: dict[type[exp.Expr], Rewrite] = {
    exp.Div: divide,
    exp.Mod: modulo,
    exp.Ceil: _keep_integers("ceil"),
    exp.Floor: _keep_integers("floor"),
}
