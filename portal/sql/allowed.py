"""What may stand in a statement: an allowlist of node kinds and of functions. What is not on it is refused by name."""

from sqlglot import exp

from portal.sql.functions import RETURNS
from portal.sql.model import SqlError
from portal.sql.places import error, suggestion

MAX_DEPTH = 200
MAX_NODES = 50_000

_NODES = """
Add Alias All And Anonymous Any Array Avg Between Boolean Bracket Case Cast Ceil Chr Coalesce Column Concat Count Cross
CTE Cube CurrentDate CurrentTime CurrentTimestamp CurrentUser DPipe DataType DataTypeParam ColumnDef Distinct Div Dot EQ
Escape Except Exists Extract Fetch Filter Floor From GT GTE Group GroupConcat GroupingSets HexString Identifier If
IgnoreNulls In  Intersect Interval IntervalSpan Is JSONExtract JSONExtractQuote JSONValue Join LT LTE Lambda
Lateral Like Limit LimitOptions Literal Localtime Localtimestamp Max Min Mod Mul NEQ Neg Normalize Not Null NullSafeEQ
NullSafeNEQ Offset OnCondition Or Order Ordered  Paren Placeholder RespectNulls Rollup Select Star StrPosition
Sub Subquery Substring Sum Table TableAlias Trim TryCast Tuple Union Unnest Values Var Where Having Window WindowSpec
With AtTimeZone ArgMax ArgMin UnicodeString OverflowTruncateBehavior
"""
ALLOWED = frozenset(_NODES.split())

_UNAVAILABLE = {
    "MatchRecognize": "MATCH_RECOGNIZE is not available on the local cloud.",
    "Version": "Time travel (FOR TIMESTAMP AS OF, FOR VERSION AS OF) is not available on the local cloud.",
    "FunctionSpecification": "Functions of one's own (WITH FUNCTION) are not available.",
    "UserDefinedFunction": "Functions of one's own (WITH FUNCTION) are not available.",
    "TableSample": "TABLESAMPLE is not available on the local cloud.",
    "Lock": "SELECT … FOR UPDATE is not part of Athena SQL.",
    "Pivot": "PIVOT is not part of Athena SQL. Use CASE or FILTER within aggregates.",
    "Into": "SELECT … INTO is not part of Athena SQL.",
    "Qualify": "QUALIFY is not part of Athena SQL. Filter the window function in an outer SELECT.",
    "ILike": "ILIKE is not part of Athena SQL. Write lower(…) LIKE ….",
}

_TABLE_ARGS = {"this", "db", "catalog", "alias", "joins", "laterals"}
_SELECT_ARGS = {
    *("with_", "expressions", "distinct", "from_", "joins", "laterals", "where", "group", "having", "windows", "order"),
    *("limit", "offset"),
}
_STAR_PLACES = (exp.Select, exp.Column, exp.Count)


def check(tree: exp.Expr, sql: str) -> None:
    """Refuse what is not on the list. SqlError NOT_SUPPORTED, FUNCTION_NOT_FOUND or STATEMENT_TOO_LARGE."""
    waiting: list[tuple[exp.Expr, int]] = [(tree, 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise SqlError("STATEMENT_TOO_LARGE", "The statement is nested too deeply or too large. Split it up.")
        _check_node(node, sql)
        waiting.extend((child, depth + 1) for child in node.iter_expressions())


def _check_node(node: exp.Expr, sql: str) -> None:
    kind = type(node).__name__
    if kind not in ALLOWED:
        words = _UNAVAILABLE.get(kind) or f"{_spoken(node)} is not available here."
        raise error("NOT_SUPPORTED", words, sql, node)
    if isinstance(node, exp.Anonymous):
        _check_function(node, sql)
    elif isinstance(node, exp.Table):
        _check_table(node, sql)
    elif isinstance(node, exp.Star) and (_given(node) or not isinstance(node.parent, _STAR_PLACES)):
        raise error("NOT_SUPPORTED", "Athena's * has no EXCLUDE, REPLACE or pattern. Name the columns.", sql, node)
    elif isinstance(node, exp.Select) and _given(node) - _SELECT_ARGS:
        if node.args.get("match"):
            raise error("NOT_SUPPORTED", _UNAVAILABLE["MatchRecognize"], sql, node.args["match"])
        raise error("NOT_SUPPORTED", "A clause of this SELECT is not part of Athena SQL.", sql, node)
    elif isinstance(node, exp.Distinct) and node.args.get("on"):
        raise error("NOT_SUPPORTED", "DISTINCT ON is not part of Athena SQL. Use row_number() or max_by.", sql, node)
    elif isinstance(node, exp.With) and node.args.get("recursive"):
        raise error("NOT_SUPPORTED", "WITH RECURSIVE is not available.", sql, node)
    elif isinstance(node, exp.Join) and node.args.get("kind") in ("SEMI", "ANTI"):
        raise error("NOT_SUPPORTED", "SEMI and ANTI joins are not part of Athena SQL. Use IN or EXISTS.", sql, node)
    elif isinstance(node, exp.Lateral) and not isinstance(node.this, (exp.Subquery, exp.Unnest)):
        raise error("NOT_SUPPORTED", "LATERAL takes a subquery in brackets.", sql, node)


def _check_function(node: exp.Anonymous, sql: str) -> None:
    name = node.name.lower()
    if name not in RETURNS or isinstance(node.this, exp.Identifier) or isinstance(node.parent, exp.Dot):
        near = suggestion(name, RETURNS)
        raise error("FUNCTION_NOT_FOUND", f"Athena has no function “{name}”.{near}", sql, node)


def _check_table(node: exp.Table, sql: str) -> None:
    if not isinstance(node.this, exp.Identifier):
        raise error("NOT_SUPPORTED", "Table functions are not available. Name a table of the catalog.", sql, node)
    for argument in ("match_recognize", "version", "sample", "pivots"):
        value = node.args.get(argument)
        if value:
            _check_node(value[0] if isinstance(value, list) else value, sql)
    if _given(node) - _TABLE_ARGS:
        raise error("NOT_SUPPORTED", "This way of naming a table is not part of Athena SQL.", sql, node)


def _given(node: exp.Expr) -> set[str]:
    return {name for name, value in node.args.items() if value not in (None, False, [], "")}


def _spoken(node: exp.Expr) -> str:
    names = getattr(type(node), "_sql_names", None) or [type(node).__name__]
    return str(names[0]).upper()
