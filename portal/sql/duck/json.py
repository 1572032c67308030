"""JSON: https://trino.io/docs/current/functions/json.html"""

import re

from sqlglot import exp

from portal.sql.duck.tree import Rewrite, argument, as_, call, cast, literal, text_of, unavailable

MACROS = (
    "t_json_scalar(j VARCHAR, p VARCHAR) AS CASE WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') "
    "THEN json_extract_string(j, p) END, (j JSON, p VARCHAR) AS "
    "CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(j, p) END",
    "t_json_extract(j VARCHAR, p VARCHAR) AS CASE WHEN json_valid(j) THEN json_extract(j, p) END, "
    "(j JSON, p VARCHAR) AS json_extract(j, p)",
    "t_json_contains(j, v) AS list_contains(json_extract_string(j, '$[*]'), CAST(v AS VARCHAR))",
    "t_json_size(j, p) AS CASE WHEN json_type(j, p) IS NULL THEN NULL WHEN json_type(j, p) = 'OBJECT' "
    "THEN len(json_keys(j, p)) WHEN json_type(j, p) = 'ARRAY' THEN json_array_length(j, p) ELSE 0 END",
    "t_json_is_scalar(j) AS json_type(j) NOT IN ('OBJECT', 'ARRAY')",
)

_PATH = re.compile(r"\$(?:\.\w+|\[\d+\]|\[\"[^\"]*\"\])*", re.ASCII)


def _path(node: exp.Expr | None) -> exp.Expr:
    """A JSON path of names and places; `lax` and `strict` before it are the standard's modes."""
    text = text_of(node)
    if text is None:
        raise unavailable("A JSON path that is not a literal")
    text = re.sub(r"^\s*(lax|strict)\s+", "", text).strip()
    if not _PATH.fullmatch(text):
        raise unavailable(f"The JSON path {text[:60]}")
    return literal(re.sub(r"\[\"([^\"]*)\"\]", r'."\1"', text))


def _at(name: str) -> Rewrite:
    def rewrite(node: exp.Anonymous) -> exp.Expr:
        return call(name, node.expressions[0], _path(argument(node, 1)))

    return rewrite


def _value(node: exp.JSONValue) -> exp.Expr:
    if node.args.get("on_condition") or node.args.get("returning"):
        raise unavailable("json_value with RETURNING or ON EMPTY, ON ERROR")
    return call("t_json_scalar", node.this, _path(node.args.get("path")))


def _query(node: exp.JSONExtract) -> exp.Expr:
    raise unavailable("json_query")


CALLS: dict[str, Rewrite] = {
    "json_extract": _at("t_json_extract"),
    "json_extract_scalar": _at("t_json_scalar"),
    "json_exists": _at("json_exists"),
    "json_size": _at("t_json_size"),
    "json_parse": lambda node: call("json", node.expressions[0]),
    "json_format": lambda node: cast(node.expressions[0], "VARCHAR"),
    "json_array_length": as_("json_array_length"),
    "json_array_contains": as_("t_json_contains"),
    "json_array_get": lambda node: call(
        "json_extract",
        node.expressions[0],
        exp.DPipe(this=exp.DPipe(this=literal("$["), expression=node.expressions[1]), expression=literal("]")),
    ),
    "is_json_scalar": as_("t_json_is_scalar"),
}

NODES: dict[type[exp.Expr], Rewrite] = {exp.JSONValue: _value, exp.JSONExtract: _query}
