"""CAST, TRY and types: https://trino.io/docs/current/functions/conversion.html"""

import re

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, call, cast, has_type
from portal.sql.types import INTEGERS

_FLOATS = (exp.DType.DOUBLE, exp.DType.FLOAT)
_TEXT = (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR)

MACROS = (
    "t_whole_text(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '[+-]?[0-9]+') THEN s "
    "ELSE error('Cannot cast a text to a whole number: it holds something else') END",
    "t_whole_text_or_null(s) AS CASE WHEN regexp_full_match(s, '[+-]?[0-9]+') THEN s END",
    "t_typeof(t) AS CASE t WHEN 'HUGEINT' THEN 'bigint' WHEN 'FLOAT' THEN 'real' WHEN 'BLOB' THEN 'varbinary' "
    "WHEN 'TIMESTAMP' THEN 'timestamp(3)' WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp(3) with time zone' "
    "WHEN '\"NULL\"' THEN 'unknown' ELSE lower(t) END",
)


def _cast(node: exp.Cast) -> exp.Expr | None:
    """varchar(n) cuts and char(n) pads; a double is written as Java writes it, and rounded half up to an integer."""
    kind, value = node.to, node.this
    if kind.this in _TEXT:
        text = _text(node, value)
        if not kind.expressions:
            return text
        size = kind.expressions[0].copy()
        cut = call("left", text or _plain(node, value), size)
        return call("rpad", cut, size.copy(), " ") if kind.this == exp.DType.CHAR else cut
    if kind.this in INTEGERS and has_type(value, *_TEXT):
        checked = "t_whole_text" if type(node) is exp.Cast else "t_whole_text_or_null"
        return type(node)(this=call(checked, value), to=kind.copy())
    if kind.this in INTEGERS and has_type(value, *_FLOATS):
        return type(node)(this=call("round", value), to=kind.copy())
    if kind.this == exp.DType.DECIMAL and not kind.expressions:
        return type(node)(this=value, to=exp.DataType.build("decimal(38,0)"))
    if kind.this == exp.DType.JSON:
        return call("to_json", value)
    return None


def _text(node: exp.Cast, value: exp.Expr) -> exp.Expr | None:
    if has_type(value, *_FLOATS):
        return call("t_double_text", cast(value, "DOUBLE"))
    if has_type(value, exp.DType.TIMESTAMP):
        return call("strftime", value, "%Y-%m-%d %H:%M:%S" + _fraction(value))
    if has_type(value, exp.DType.JSON):
        return call("json_extract_string", value, "$")
    return None if not node.to.expressions else _plain(node, value)


def _fraction(value: exp.Expr) -> str:
    """A column's timestamps have milliseconds in Athena; a literal has the digits that it was written with."""
    sizes = value.type.expressions if value.type is not None else []
    return {"0": "", "6": ".%f"}.get(sizes[0].name if sizes else "3", ".%g")


def _plain(node: exp.Cast, value: exp.Expr) -> exp.Expr:
    return type(node)(this=value, to=exp.DataType.build("text"))


CALLS: dict[str, Rewrite] = {
    "try": lambda node: call("try", quiet(node.expressions[0])),
    "typeof": lambda node: call("t_typeof", call("typeof", node.expressions[0])),
}

LOUD = (
    "t_idiv",
    "t_div",
    "t_mod",
    "t_ratio",
    "t_index",
    "t_key",
    "t_subscript",
    "t_split_part",
    "t_from_base",
    "t_whole_text",
)
"""Macros that raise errors. TRY cannot hold error(), so within it they fail by a cast that cannot be made."""


_TYPED = {
    "t_index": "list_extract(a, {})",
    "t_key": "list_extract(map_values(m), {})",
    "t_split_part": "CAST({} AS VARCHAR)",
    "t_whole_text": "CAST({} AS VARCHAR)",
}
"""How the cast that fails gets the type of the macro's other branch."""


def quiet(node: exp.Expr) -> exp.Expr:
    for inner in node.find_all(exp.Anonymous):
        if inner.name in LOUD:
            inner.set("this", inner.name + "_quiet")
    return node


def quiet_macros(macros: tuple[str, ...]) -> tuple[str, ...]:
    """The same macros for use within TRY."""
    found = []
    for macro in macros:
        header = re.match(r"(\w+)\((\w+)", macro)
        if header is None or header[1] not in LOUD:
            continue
        for name in LOUD:
            macro = macro.replace(f"{name}(", f"{name}_quiet(")
        failing = rf"CAST(CAST({header[2]} AS VARCHAR) || \1 AS INTEGER)"
        found.append(re.sub(r"error\(('[^']*')\)", _TYPED.get(header[1], "{}").format(failing), macro))
    return tuple(found)


def _comparison(node: exp.Binary) -> exp.Expr | None:
    """char(n) is compared without the blanks at its end."""
    if not (has_type(node.this, exp.DType.CHAR) or has_type(node.expression, exp.DType.CHAR)):
        return None
    return type(node)(this=call("rtrim", node.this, " "), expression=call("rtrim", node.expression, " "))


def _data_type(node: exp.DataType) -> exp.Expr | None:
    """A timestamp's precision is a type of another name in the engine; Athena's own is always milliseconds."""
    if node.this in _TIMES and node.expressions:
        return exp.DataType(this=node.this)
    return None


_TIMES = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIME, exp.DType.TIMETZ)

NODES: dict[type[exp.Expr], Rewrite] = {
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DataType: _data_type,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), _comparison),
}
