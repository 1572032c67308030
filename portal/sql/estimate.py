"""How many bytes a statement will scan, before it runs.

Columns in use × the sizes of their chunks, in the partitions and row groups that the conditions leave; every reference
to a WITH query counts, as it is read each time. https://docs.aws.amazon.com/athena/latest/ug/performance-tuning.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.scope import Scope, traverse_scope

from portal.sql.dialect import Athena
from portal.sql.model import Analysis, Right, ScanEstimate, TableName, TableScan, TableSchema, Warning
from portal.sql.pruning import Range, kind_of_type, outcome, read
from portal.sql.stats import Bound, Part, TableStats

_WIDE = 8
_PARQUET_SHARE = 0.35
"""Parquet's size as a share of the same rows in CSV: a cautious figure of our own for text-heavy tables."""


@dataclass
class _Use:
    """One place where a table is read: how often, which columns, under which conditions."""

    name: TableName
    alias: str
    columns: frozenset[str]
    conditions: tuple[exp.Expr, ...]
    times: int


def scan(
    analysis: Analysis, stats: Mapping[TableName, TableStats], rights: Mapping[TableName, Right] | None = None
) -> ScanEstimate:
    """The estimate by table, with advice, which names no column that `rights` withhold. A table without statistics
    counts nothing and makes it inexact."""
    tree = _pushed_down(analysis)
    scans: dict[TableName, TableScan] = {}
    warnings: list[Warning] = []
    exact = not any(map(_prunes, analysis.tree.find_all(exp.Limit, exp.Fetch, exp.Join, exp.In, exp.Exists)))
    for use in _uses(tree):
        known = stats.get(use.name)
        schema = analysis.schema[use.name]
        if known is None:
            exact = False
            warnings.append(Warning(f"The size of {use.name[1]} is not known yet."))
            continue
        found = _scan(use, schema, known)
        readable = rights[use.name].columns if rights else None
        warnings += _advice(use, schema, known, found, analysis, readable)
        scans[use.name] = _joined(scans.get(use.name), found)
    tables = tuple(scans[name] for name in sorted(scans))
    return ScanEstimate(sum(table.bytes for table in tables), exact, tables, tuple(dict.fromkeys(warnings)))


def _prunes(node: exp.Expr) -> bool:
    """Whether the engine may stop or skip for it while it runs."""
    if isinstance(node, exp.Join):
        return not isinstance(node.this, exp.Unnest)
    return not isinstance(node, exp.In) or node.args.get("query") is not None


def _pushed_down(analysis: Analysis) -> exp.Expr:
    """The tree with unused columns gone and conditions beside their tables, as Athena's planner leaves it."""
    tree = analysis.tree.copy()
    try:
        for exists in tree.find_all(exp.Exists):
            inner = exists.this.unnest()
            if isinstance(inner, exp.Select) and not inner.args.get("group") and not inner.args.get("distinct"):
                inner.set("expressions", [exp.alias_(exp.Literal.number(1), "_one")])
        tree = pushdown_projections(tree)
        return pushdown_predicates(tree, dialect=Athena())
    except SqlglotError:
        return analysis.tree  # without it the estimate is only higher


def _uses(tree: exp.Expr) -> list[_Use]:
    scopes = list(traverse_scope(tree))
    if not scopes:  # VALUES alone
        return []
    times = {id(scope): 0 for scope in scopes}
    times[id(scopes[-1])] = 1
    uses: list[_Use] = []
    for scope in reversed(scopes):  # sources stand before what refers to them
        count = times[id(scope)]
        for alias, (_, source) in scope.selected_sources.items():
            if isinstance(source, Scope):
                times[id(source)] = times.get(id(source), 0) + count
            elif isinstance(source, exp.Table) and source.db:
                uses.append(_use(scope, alias, source, count))
        for inner in (*scope.subquery_scopes, *scope.set_operation_scopes):
            times[id(inner)] = times.get(id(inner), 0) + count
    return uses


def _use(scope: Scope, alias: str, table: exp.Table, times: int) -> _Use:
    columns = frozenset(column.name for column in scope.columns if column.table == alias)
    conditions = [scope.expression.args["where"].this] if scope.expression.args.get("where") else []
    for join in scope.expression.args.get("joins") or []:
        if join.args.get("on") and (not join.side or (join.side == "LEFT" and join.alias_or_name == alias)):
            conditions.append(join.args["on"])
    conditions = [part for condition in conditions for part in _conjuncts(condition)]
    conditions = [c for c in conditions if any(column.table == alias for column in c.find_all(exp.Column))]
    return _Use((table.db, table.name), alias, columns, tuple(conditions), times)


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    inner = condition.unnest()
    return list(inner.flatten()) if isinstance(inner, exp.And) else [inner]


def _scan(use: _Use, schema: TableSchema, stats: TableStats) -> TableScan:
    kinds = {name: kind_of_type(kind) for name, kind in schema.columns}
    kept = [part for part in stats.parts if _may_hold(part, use, schema, stats, kinds)]
    size = _size(kept, use.columns, stats) * use.times
    partitions = total = None
    if schema.partition_keys:
        partitions = len({stats.files[part.file][2] for part in kept})
        total = len({values for _, _, values in stats.files})
    order = [name for name in schema.names if name in use.columns]
    return TableScan(use.name[0], use.name[1], tuple(order), partitions, total, size)


def _size(parts: list[Part], columns: frozenset[str], stats: TableStats) -> int:
    places = [index for index, name in enumerate(stats.columns) if name in columns]
    chunks = sum(part.bytes[index] for part in parts if part.bytes for index in places)
    files = {part.file for part in parts}
    whole = {part.file for part in parts if not part.bytes}
    return chunks + sum(stats.files[f][0] if f in whole else stats.files[f][1] for f in files)


def _may_hold(part: Part, use: _Use, schema: TableSchema, stats: TableStats, kinds: Mapping[str, str]) -> bool:
    def kind_of(column: exp.Column) -> str:
        return "time" if column.meta.get("as_days") else kinds.get(column.name, "")

    def range_of(column: exp.Column) -> Range | None:
        if column.table != use.alias:
            return None
        low, high = _bounds(column.name, part, schema, stats)
        kind = kind_of(column)
        below, above = read(low, kind), read(high, kind)
        return None if below is None or above is None else (below, above)

    return all(outcome(condition, range_of, kind_of)[0] for condition in use.conditions)


def _bounds(name: str, part: Part, schema: TableSchema, stats: TableStats) -> tuple[Bound, Bound]:
    if name in schema.partition_keys:
        values = stats.files[part.file][2]
        index = schema.partition_keys.index(name)
        value = values[index] if index < len(values) else None
        return value, value
    if name in stats.columns and part.bytes:
        index = stats.columns.index(name)
        return part.minimum[index], part.maximum[index]
    return None, None


def _joined(first: TableScan | None, second: TableScan) -> TableScan:
    """Two readings of one table as one line."""
    if first is None:
        return second
    columns = first.columns + tuple(name for name in second.columns if name not in first.columns)
    partitions = None if first.partitions is None else max(first.partitions, second.partitions or 0)
    total = first.bytes + second.bytes
    return TableScan(first.database, first.table, columns, partitions, first.partitions_total, total)


def _advice(
    use: _Use,
    schema: TableSchema,
    stats: TableStats,
    found: TableScan,
    analysis: Analysis,
    readable: frozenset[str] | None,
) -> list[Warning]:
    advice: list[Warning] = []
    table = f"{use.name[0]}.{use.name[1]}"
    key = next((key for key in schema.partition_keys if readable is None or key in readable), None)
    if key and found.partitions and found.partitions == found.partitions_total and found.partitions > 1:
        saved = found.bytes - found.bytes // found.partitions
        words = f"{table} is partitioned by {key} and all {found.partitions} partitions are read. "
        advice.append(Warning(words + f"A condition on {key} that keeps one of them would save most of it.", saved))
    if len(found.columns) >= _WIDE and _has_star(analysis):
        sizes = {name: _size(list(stats.parts), frozenset({name}), stats) for name in found.columns}
        largest = max(sizes, key=lambda name: sizes[name])
        if stats.columns:
            words = (
                f"* reads all {len(found.columns)} columns of {table}. Name those you need: “{largest}” is the largest."
            )
            share = sizes[largest] / max(sum(sizes.values()), 1)
            advice.append(Warning(words, int(found.bytes * share)))
    if not stats.columns and found.bytes and schema.names:
        share = _PARQUET_SHARE * max(len(found.columns), 1) / len(schema.names)
        words = (
            f"{table} is {schema.format.upper()} and is read whole. As Parquet only the columns in use would be read."
        )
        advice.append(Warning(words, int(found.bytes * (1 - share))))
    return advice


def _has_star(analysis: Analysis) -> bool:
    tree = analysis.statement.tree
    return tree is not None and any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
