"""Days and times: https://trino.io/docs/current/functions/datetime.html"""

import re
from collections.abc import Callable

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, argument, as_, call, cast, has_type, literal, same, text_of, unavailable
from portal.sql.duck.tree import wrong_arguments as wrong

MACROS = (
    "t_date_trunc(u VARCHAR, d DATE) AS CAST(date_trunc(u, d) AS DATE), "
    "(u VARCHAR, d TIMESTAMP) AS date_trunc(u, d), (u VARCHAR, d TIMESTAMPTZ) AS date_trunc(u, d)",
    "t_plus(d DATE, i) AS CAST(d + i AS DATE), (d TIMESTAMP, i) AS d + i, (d TIMESTAMPTZ, i) AS d + i, "
    "(d TIME, i) AS d + i, (d INTERVAL, i) AS d + i",
    "t_at_zone(d TIMESTAMP, z VARCHAR) AS (d AT TIME ZONE 'UTC') AT TIME ZONE z, "
    "(d TIMESTAMPTZ, z VARCHAR) AS d AT TIME ZONE z",
    "t_iso(d DATE) AS strftime(d, '%Y-%m-%d'), (d TIMESTAMP) AS strftime(d, '%Y-%m-%dT%H:%M:%S.%g'), "
    "(d TIMESTAMPTZ) AS strftime(d, '%Y-%m-%dT%H:%M:%S.%gZ')",
    "t_unit(n, u) AS CASE WHEN n = 0 THEN NULL WHEN n = 1 THEN '1 ' || u ELSE n || ' ' || u || 's' END",
    "t_seconds_text(s) AS array_to_string(list_filter([t_unit(s // 604800, 'week'), "
    "t_unit(s % 604800 // 86400, 'day'), t_unit(s % 86400 // 3600, 'hour'), t_unit(s % 3600 // 60, 'minute'), "
    "CASE WHEN s % 60 = 1 THEN '1 second' ELSE (s % 60) || ' seconds' END], lambda x: x IS NOT NULL), ', ')",
)

UNITS = {
    "millisecond": "to_milliseconds",
    "second": "to_seconds",
    "minute": "to_minutes",
    "hour": "to_hours",
    "day": "to_days",
    "week": "to_weeks",
    "month": "to_months",
    "quarter": "to_quarters",
    "year": "to_years",
}

_MYSQL = {
    "Y": "%Y",
    "y": "%y",
    "M": "%B",
    "b": "%b",
    "m": "%m",
    "c": "%-m",
    "d": "%d",
    "e": "%-d",
    "j": "%j",
    "H": "%H",
    "k": "%-H",
    "h": "%I",
    "I": "%I",
    "l": "%-I",
    "i": "%M",
    "s": "%S",
    "S": "%S",
    "f": "%f",
    "p": "%p",
    "T": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "W": "%A",
    "a": "%a",
    "v": "%V",
    "x": "%G",
    "%": "%%",
}
_JODA = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSSSSS": "%f",
    "SSS": "%g",
    "a": "%p",
    "EEEE": "%A",
    "EEE": "%a",
    "E": "%a",
    "xxxx": "%G",
    "ww": "%V",
    "e": "%u",
    "DDD": "%j",
    "D": "%-j",
    "y": "%Y",
    "Z": "%z",
    "ZZ": "%z",
}


def mysql_format(pattern: str) -> str:
    """date_format's letters are MySQL's; those that Trino refuses too (%D %U %u %V %w %X) are refused here."""

    def letter(found: re.Match[str]) -> str:
        if found[1] not in _MYSQL:
            raise unavailable(f"%{found[1]} in a date format")
        return _MYSQL[found[1]]

    return re.sub(r"%(.)", letter, pattern, flags=re.DOTALL)


def joda_format(pattern: str) -> str:
    """format_datetime's letters are Joda's: runs of a letter mean a field, text stands in quotes."""

    def piece(found: re.Match[str]) -> str:
        text = found[0]
        if text.startswith("'"):
            return (text[1:-1] or "'").replace("%", "%%")
        if text[0].isalpha():
            if text not in _JODA:
                raise unavailable(f"{text} in a date format")
            return _JODA[text]
        return text.replace("%", "%%")

    return re.sub(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']", piece, pattern)


def _formatted(name: str, convert: Callable[[str], str]) -> Callable[[exp.Anonymous], exp.Expr]:
    def rewrite(node: exp.Anonymous) -> exp.Expr:
        pattern = text_of(argument(node, 1))
        if pattern is None:
            raise unavailable(f"{node.name.lower()} with a pattern that is not a literal")
        return call(name, node.expressions[0], convert(pattern))

    return rewrite


def _unit(node: exp.Anonymous) -> str:
    unit = (text_of(argument(node, 0)) or "").lower()
    if unit not in UNITS:
        raise wrong(node.name.lower(), "with a unit in quotes first, one of " + ", ".join(UNITS))
    return unit


def _date_add(node: exp.Anonymous) -> exp.Expr:
    """A day stays a day, a month's end is kept within the month."""
    unit = _unit(node)
    return call("t_plus", node.expressions[2], call(UNITS[unit], cast(node.expressions[1], _count(unit))))


def _count(unit: str) -> str:
    return "DOUBLE" if unit in ("second", "millisecond") else "INTEGER" if unit != "hour" else "BIGINT"


def _date_diff(node: exp.Anonymous) -> exp.Expr:
    """Whole units that have passed, not boundaries crossed."""
    return call("date_sub", _unit(node), node.expressions[1], node.expressions[2])


def _date_trunc(node: exp.Anonymous) -> exp.Expr:
    return call("t_date_trunc", _unit(node), node.expressions[1])


def _interval(node: exp.Interval) -> exp.Expr:
    """`INTERVAL '3' DAY`, and the two spans that Trino has: YEAR TO MONTH, DAY TO SECOND."""
    unit, value = node.args.get("unit"), node.this
    text = text_of(value)
    if text is None or unit is None:
        raise wrong("INTERVAL", "INTERVAL '3' DAY")
    if isinstance(unit, exp.IntervalSpan):
        return _span(unit.this.name.upper(), text)
    name = unit.name.lower()
    if name not in UNITS or not re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        raise wrong("INTERVAL", "INTERVAL '3' DAY")
    if "." in text:
        if name != "second":
            raise wrong("INTERVAL", "with a whole number, as in INTERVAL '3' DAY")
        return call(UNITS[name], cast(literal(text), "DOUBLE"))
    return call(UNITS[name], int(text))


def _span(first: str, text: str) -> exp.Expr:
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if first == "YEAR":
        years, _, months = text.partition("-")
        return call("to_months", sign * (int(years) * 12 + int(months or 0)))
    found = re.fullmatch(r"(?:(\d+) ?)?(?:(\d+):(\d+)(?::(\d+)(\.\d+)?)?)?", text)
    if first != "DAY" or not found:
        raise wrong("INTERVAL", "INTERVAL '1 02:03:04' DAY TO SECOND")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    whole = sign * (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if not found[5]:
        return call("to_seconds", whole)
    return call("to_seconds", cast(literal(f"{'-' if sign < 0 else ''}{abs(whole)}{found[5]}"), "DOUBLE"))


def _is_interval(node: exp.Expr) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Anonymous):
        return inner.name in UNITS.values()
    if isinstance(inner, (exp.Neg, exp.Mul)):
        return any(_is_interval(child) for child in inner.iter_expressions())
    return has_type(inner, exp.DType.INTERVAL)


def _plus(node: exp.Add | exp.Sub) -> exp.Expr | None:
    """A day and an interval make a day; two days differ by an interval of days."""
    left, right = node.this, node.expression
    if _is_interval(right) and not _is_interval(left):
        return call("t_plus", left, right if isinstance(node, exp.Add) else exp.Neg(this=exp.Paren(this=right)))
    if isinstance(node, exp.Add) and _is_interval(left) and not _is_interval(right):
        return call("t_plus", right, left)
    if isinstance(node, exp.Sub) and has_type(left, exp.DType.DATE) and has_type(right, exp.DType.DATE):
        return call("to_days", cast(exp.Paren(this=node.copy()), "INTEGER"))
    return None


def _from_unixtime(node: exp.Anonymous) -> exp.Expr:
    if len(node.expressions) > 1:
        raise unavailable("from_unixtime with a time zone")
    return call("to_timestamp", cast(node.expressions[0], "DOUBLE"))


def _extract(node: exp.Extract) -> exp.Expr:
    return field(node.this.name.lower(), node.expression)


def field(name: str, value: exp.Expr) -> exp.Expr:
    found = _FIELDS.get(name)
    if found is None:
        raise unavailable(f"extract({name} …)")
    if name == "millisecond":
        return exp.Paren(this=exp.Mod(this=call("millisecond", value), expression=literal(1000)))
    return call(found, value)


_FIELDS = {
    **{
        name: name
        for name in ["year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "timezone_hour"]
    },
    "day_of_month": "day",
    "day_of_week": "isodow",
    "dow": "isodow",
    "day_of_year": "dayofyear",
    "doy": "dayofyear",
    "week": "week",
    "week_of_year": "week",
    "year_of_week": "isoyear",
    "yow": "isoyear",
    "timezone_minute": "timezone_minute",
}


def _field_call(node: exp.Anonymous) -> exp.Expr:
    return field(node.name.lower(), node.expressions[0])


CALLS: dict[str, Rewrite] = {
    **dict.fromkeys(_FIELDS, _field_call),
    **same("now"),
    "date": lambda node: cast(node.expressions[0], "DATE"),
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_trunc": _date_trunc,
    "date_format": _formatted("strftime", mysql_format),
    "date_parse": _formatted("strptime", mysql_format),
    "format_datetime": _formatted("strftime", joda_format),
    "parse_datetime": lambda node: cast(_formatted("strptime", joda_format)(node), "TIMESTAMPTZ"),
    "to_unixtime": as_("epoch"),
    "from_unixtime": _from_unixtime,
    "at_timezone": as_("t_at_zone"),
    "with_timezone": lambda node: exp.AtTimeZone(this=node.expressions[0], zone=node.expressions[1]),
    "to_iso8601": as_("t_iso"),
    "from_iso8601_date": lambda node: cast(node.expressions[0], "DATE"),
    "from_iso8601_timestamp": lambda node: cast(node.expressions[0], "TIMESTAMPTZ"),
    "last_day_of_month": as_("last_day"),
    "to_milliseconds": lambda node: cast(
        exp.Mul(this=call("epoch", *node.expressions), expression=literal(1000)), "BIGINT"
    ),
    "human_readable_seconds": lambda node: call("t_seconds_text", cast(node.expressions[0], "BIGINT")),
    "current_timezone": lambda node: literal("UTC"),
}


def _no_clock(name: str) -> exp.Expr:
    raise unavailable(name)


NODES: dict[type[exp.Expr], Rewrite] = {
    exp.Interval: _interval,
    exp.Add: _plus,
    exp.Sub: _plus,
    exp.Extract: _extract,
    exp.AtTimeZone: lambda node: call("t_at_zone", node.this, node.args["zone"]),
    exp.CurrentTimestamp: lambda node: call("now"),
    exp.CurrentDate: lambda node: call("current_date"),
    exp.CurrentTime: lambda node: _no_clock("current_time"),
    exp.Localtime: lambda node: _no_clock("localtime"),
    exp.Localtimestamp: lambda node: cast(call("now"), "TIMESTAMP"),
}
