"""Where in a person's own text something stands, and which name they may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from sqlglot import exp

from portal.sql.model import SqlError


def place(sql: str, node: exp.Expr | None) -> tuple[int | None, int | None]:
    """Line and column, from 1, of a node or of the first name within it; (None, None) where it is not known."""
    for part in node.walk(bfs=False) if node is not None else ():
        start = part.meta_get("start")
        if isinstance(start, int) and 0 <= start < len(sql):
            return at(sql, start)
    return None, None


def at(sql: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    return sql.count("\n", 0, offset) + 1, offset - sql.rfind("\n", 0, offset)


def error(code: str, message: str, sql: str, node: exp.Expr | None = None) -> SqlError:
    return SqlError(code, message, *place(sql, node))


def suggestion(name: str, known: Iterable[str]) -> str:
    """` Did you mean reviews?`, or nothing where no name is near."""
    near = get_close_matches(name.lower(), sorted(set(known)), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""
