"""Names of a result's columns: as Athena gives them, and as a Parquet file can hold them."""

from collections.abc import Sequence

from sqlglot import exp, parse_one

from portal.sql.dialect import Athena


def athena_names(sql: str, described: Sequence[str]) -> list[str]:
    """The names in Athena's way: lower-case, `_col<n>` from 0 where the statement gives none. `described` are the
    engine's names; they stand where the statement's own text does not name its columns one by one."""
    tree = parse_one(sql, dialect=Athena)
    query = tree.unnest() if isinstance(tree, exp.Subquery) else tree
    selects = query.selects if isinstance(query, exp.Query) else []
    own = [_given(select) for select in selects] if len(selects) == len(described) else list(described)
    if isinstance(query, exp.Values):
        own = [""] * len(described)
    return [name.lower() or f"_col{position}" for position, name in enumerate(own)]


def _given(select: exp.Expr) -> str:
    """A name that the text gives: an alias, a column, or a field of a row."""
    return select.alias_or_name if isinstance(select, (exp.Alias, exp.Column, exp.Dot)) else ""


def parquet_names(names: Sequence[str]) -> list[str]:
    """The same names made unique, whatever their case: a second `a` is `a_1`."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, count = name, 0
        while candidate.lower() in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
