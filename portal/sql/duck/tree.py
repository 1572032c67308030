"""Small tools that the rewrites share. A rewrite takes a node, its children rewritten, and gives its replacement."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from portal.sql.model import SqlError

Rewrite = Callable[[Any], exp.Expr | None]
"""None leaves the node as it is."""


def call(name: str, *arguments: exp.Expr | str | int | None) -> exp.Anonymous:
    """A call of a function or macro; strings and integers become literals, None is left out."""
    return exp.Anonymous(this=name, expressions=[literal(a) for a in arguments if a is not None])


def literal(value: exp.Expr | str | int) -> exp.Expr:
    if isinstance(value, exp.Expr):
        return value
    if isinstance(value, str):
        return exp.Literal.string(value)
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def cast(node: exp.Expr, kind: str) -> exp.Cast:
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


def as_(name: str) -> Rewrite:
    """The same arguments under another name."""
    return lambda node: call(name, *node.expressions)


def same(names: str) -> dict[str, Rewrite]:
    """Functions that mean the same under the same name."""
    return {name: as_(name) for name in names.split()}


def argument(node: exp.Anonymous, index: int) -> exp.Expr | None:
    return node.expressions[index] if index < len(node.expressions) else None


def has_type(node: exp.Expr | None, *kinds: exp.DType) -> bool:
    return node is not None and node.type is not None and node.type.this in kinds


def is_array(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Array) or has_type(node, exp.DType.ARRAY, exp.DType.LIST)


def text_of(node: exp.Expr | None) -> str | None:
    """The text of a string literal, else None."""
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def unavailable(what: str) -> SqlError:
    return SqlError("NOT_SUPPORTED", f"{what} is not available on the local cloud.")


def wrong_arguments(name: str, usage: str) -> SqlError:
    return SqlError("INVALID_PARAMETER", f"{name} is used as {usage}.")
