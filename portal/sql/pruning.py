"""Which files and row groups a condition leaves: whether it can be true, and whether it can be false, of a range."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from sqlglot import exp

Value = str | Decimal | datetime
Range = tuple[Value, Value]
Outcome = tuple[bool, bool]
"""(can be true, can be false)."""
RangeOf = Callable[[exp.Column], Range | None]
KindOf = Callable[[exp.Column], str]

UNKNOWN: Outcome = (True, True)
_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}


def outcome(node: exp.Expr, range_of: RangeOf, kind_of: KindOf) -> Outcome:
    """What a condition can come to over rows whose columns lie in these ranges. What is not understood is unknown."""
    node = node.unnest()
    if isinstance(node, exp.And):
        a, b = (outcome(side, range_of, kind_of) for side in (node.this, node.expression))
        return a[0] and b[0], a[1] or b[1]
    if isinstance(node, exp.Or):
        a, b = (outcome(side, range_of, kind_of) for side in (node.this, node.expression))
        return a[0] or b[0], a[1] and b[1]
    if isinstance(node, exp.Not):
        can_be_true, can_be_false = outcome(node.this, range_of, kind_of)
        return can_be_false, can_be_true
    if isinstance(node, exp.Boolean):
        return bool(node.this), not node.this
    if isinstance(node, (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)):
        return _comparison(type(node), node.this, node.expression, range_of, kind_of)
    if isinstance(node, exp.Between):
        a = _comparison(exp.GTE, node.this, node.args["low"], range_of, kind_of)
        b = _comparison(exp.LTE, node.this, node.args["high"], range_of, kind_of)
        return a[0] and b[0], a[1] or b[1]
    if isinstance(node, exp.In) and node.expressions:
        each = [_comparison(exp.EQ, node.this, e, range_of, kind_of) for e in node.expressions]
        return any(o[0] for o in each), all(o[1] for o in each)
    if isinstance(node, exp.Like):
        return _like(node, range_of, kind_of)
    return UNKNOWN


def _comparison(kind: type[exp.Expr], left: exp.Expr, right: exp.Expr, range_of: RangeOf, kind_of: KindOf) -> Outcome:
    column, other = _column(left), right
    if column is None:
        kind, column, other = _FLIPPED[kind], _column(right), left
    if column is None:
        return UNKNOWN
    known, value = range_of(column), constant(other, kind_of(column))
    if known is None or value is None:
        return UNKNOWN
    try:
        return _compare(kind, known[0], known[1], value)
    except TypeError:
        return UNKNOWN


def _compare(kind: type[exp.Expr], low: Value, high: Value, value: Value) -> Outcome:
    below, above = low < value, high > value  # type: ignore[operator]
    touches, single = not (low > value or high < value), low == high == value  # type: ignore[operator]
    if kind is exp.EQ:
        return touches, not single
    if kind is exp.NEQ:
        return not single, touches
    if kind is exp.LT:
        return below, not high < value  # type: ignore[operator]
    if kind is exp.LTE:
        return not low > value, above  # type: ignore[operator]
    if kind is exp.GT:
        return above, not low > value  # type: ignore[operator]
    return not high < value, below  # type: ignore[operator]


def _like(node: exp.Like, range_of: RangeOf, kind_of: KindOf) -> Outcome:
    """A pattern's plain beginning bounds what can match."""
    column, pattern = _column(node.this), node.expression
    if column is None or not isinstance(pattern, exp.Literal) or kind_of(column) != "text":
        return UNKNOWN
    known = range_of(column)
    prefix = pattern.name.split("%")[0].split("_")[0]
    if known is None or not prefix or not isinstance(known[0], str) or not isinstance(known[1], str):
        return UNKNOWN
    return known[0][: len(prefix)] <= prefix <= known[1][: len(prefix)], True


def _column(node: exp.Expr) -> exp.Column | None:
    """A column, also behind a cast or date(), which keep the order of what is compared as its own kind."""
    node = node.unnest()
    if isinstance(node, exp.Cast) or (isinstance(node, exp.Anonymous) and node.name.lower() == "date"):
        inner = node.this if isinstance(node, exp.Cast) else node.expressions[0]
        kept = isinstance(node, exp.Anonymous) or node.to.this in (exp.DType.DATE, exp.DType.TIMESTAMP)
        column = inner.unnest()
        return _as_days(column) if kept and isinstance(column, exp.Column) else None
    return node if isinstance(node, exp.Column) else None


def _as_days(column: exp.Column) -> exp.Column:
    """The same column, to be read as days."""
    copied = column.copy()
    copied.meta["as_days"] = True
    return copied


def kind_of_type(athena: str) -> str:
    """`number`, `time`, `text` or `` by Athena's type."""
    name = athena.lower().split("(")[0].strip()
    if name in ("tinyint", "smallint", "int", "integer", "bigint", "decimal", "double", "float", "real"):
        return "number"
    if name in ("date", "timestamp"):
        return "time"
    return "text" if name in ("varchar", "string", "char") else ""


@lru_cache(65536)
def read(value: str | int | float | Decimal | None, kind: str) -> Value | None:
    """A bound or a literal as something to compare; None where it does not fit the kind."""
    try:
        if value is None:
            return None
        if kind == "number":
            number = Decimal(str(value))
            return None if number.is_nan() else number
        if kind == "time":
            return datetime.fromisoformat(str(value).replace(" UTC", "").replace("Z", "")).replace(tzinfo=None)
        return str(value) if kind == "text" else None
    except (ValueError, InvalidOperation):
        return None


def constant(node: exp.Expr, kind: str) -> Value | None:
    """The value of a literal, of a cast of one, or of a day counted from today."""
    node = node.unnest()
    if isinstance(node, exp.Literal):
        return read(node.name, kind) if node.is_string != (kind == "number") else None
    if isinstance(node, exp.Neg):
        inner = constant(node.this, kind)
        return -inner if isinstance(inner, Decimal) else None
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        return read(node.this.name, kind)
    if kind == "time":
        return _day(node)
    return None


def _day(node: exp.Expr) -> datetime | None:
    if isinstance(node, exp.CurrentDate):
        return datetime.combine(_today(), time())
    if isinstance(node, (exp.Add, exp.Sub)) and isinstance(node.expression, exp.Interval):
        start, unit, number = _day(node.this.unnest()), node.expression.args.get("unit"), node.expression.this
        if start is None or unit is None or unit.name.lower() != "day" or not number.name.lstrip("-").isdecimal():
            return None
        days = timedelta(days=int(number.name))
        return start + days if isinstance(node, exp.Add) else start - days
    return None


def _today() -> date:
    return datetime.now(UTC).date()
