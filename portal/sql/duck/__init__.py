"""Athena SQL written anew for DuckDB: same meaning, or refused by name before it runs.

`SETTINGS` and `MACROS` are statements to run on a connection first, `FUNCTIONS` are to be registered on it. Rewrites
lie by family in the modules beside this one; each is found by a function's name (CALLS) or a node's class (NODES).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha512
from typing import Any
from zlib import crc32

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from portal.sql.dialect import Athena
from portal.sql.duck import aggregates, casts, dates, json, nested, numbers, queries, text
from portal.sql.duck.tree import Rewrite, unavailable
from portal.sql.model import Analysis, Schema, SqlError
from portal.sql.naming import analyse, mapping
from portal.sql.parsing import parse

SETTINGS: tuple[str, ...] = (
    "SET TimeZone='UTC'",
    "SET ieee_floating_point_ops=true",
    "SET default_null_order='NULLS_LAST'",
)
"""What makes the engine count and sort as Trino does."""

_FAMILIES = (numbers, text, dates, nested, aggregates, json, casts)
_BODIES = tuple(macro for family in _FAMILIES for macro in family.MACROS) + nested.SUBSCRIPT
MACROS: tuple[str, ...] = tuple(
    f"CREATE OR REPLACE TEMP MACRO {body}" for body in (*_BODIES, *casts.quiet_macros(_BODIES))
)
"""Statements that define what the translated SQL calls (`t_…`)."""


@dataclass(frozen=True)
class ScalarFunction:
    """A function in Python, to be registered with these types (the engine's names of them). NULL gives NULL."""

    name: str
    call: Callable[..., Any]
    arguments: tuple[str, ...]
    returns: str


FUNCTIONS: tuple[ScalarFunction, ...] = (
    ScalarFunction("t_sha512", lambda value: sha512(value).digest(), ("BLOB",), "BLOB"),
    ScalarFunction("t_crc32", lambda value: crc32(value), ("BLOB",), "BIGINT"),
)

CALLS: dict[str, Rewrite] = {name: rewrite for family in _FAMILIES for name, rewrite in family.CALLS.items()}
NODES: dict[type[exp.Expr], Rewrite] = {kind: rewrite for family in _FAMILIES for kind, rewrite in family.NODES.items()}


def translate(sql: str, schema: Schema, database: str, parameters: Sequence[str] = ()) -> str:
    """One SELECT in Athena SQL as SQL for DuckDB, `?` replaced by `parameters` (SQL literals).

    Views `"database"."table"` must stand for the tables. SqlError as `parse` and `analyse`, and NOT_SUPPORTED, "… is
    not available on the local cloud", for what cannot be had.
    """
    return render(analyse(parse(sql, parameters), schema, database))


def render(analysis: Analysis) -> str:
    """The same for a statement that is resolved already."""
    try:
        tree = annotate_types(analysis.tree.copy(), schema=mapping(analysis.schema), dialect=Athena())
        holder = exp.Paren(this=tree)
        aggregates.averages(holder)
        aggregates.integer_sums(holder)
        queries.order_names(holder)
        queries.limits(holder)
        queries.unnest(holder)
        _rewrite(holder)
        text: str = holder.this.sql("duckdb", comments=False)
        return text
    except SqlError:
        raise
    except Exception:
        raise SqlError("NOT_SUPPORTED", "This statement cannot be run on the local cloud. Simplify it.") from None


def _rewrite(holder: exp.Expr) -> None:
    """Children before their parents, so that every rewrite sees what it will run on."""
    for node in reversed(list(holder.walk(bfs=True))):
        if isinstance(node, exp.Anonymous) and not node.name.startswith("t_"):
            replacement = _call(node)
        else:
            rewrite = NODES.get(type(node))
            replacement = rewrite(node) if rewrite else None
        if replacement is not None and replacement is not node:
            replacement.type = node.type
            node.replace(replacement)


_OWN = frozenset(
    ["unnest", "struct_extract", "list_transform", "len", "range", "greatest", "map_keys", "map_values", "string_agg"]
)


def _call(node: exp.Anonymous) -> exp.Expr | None:
    name = node.name.lower()
    rewrite = CALLS.get(name)
    if rewrite is None:
        if name in _OWN:
            return None
        raise unavailable(name)
    return rewrite(node)
