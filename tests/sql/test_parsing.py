import pytest

from portal.sql import SqlError, parse


def refusal(sql: str, parameters: tuple[str, ...] = ()) -> SqlError:
    with pytest.raises(SqlError) as refused:
        parse(sql, parameters)
    return refused.value


@pytest.mark.parametrize(
    ("sql", "kind", "database", "table", "pattern"),
    [
        ("SHOW DATABASES", "show_databases", None, None, None),
        ("show schemas like 'a*'", "show_databases", None, None, "a*"),
        ("SHOW TABLES", "show_tables", None, None, None),
        ("SHOW TABLES IN shop 'rev*|p*';", "show_tables", "shop", None, "rev*|p*"),
        ("-- all\nSHOW COLUMNS IN Shop.Reviews", "show_columns", "shop", "reviews", None),
        ("SHOW COLUMNS FROM reviews FROM shop", "show_columns", "shop", "reviews", None),
        ("SHOW PARTITIONS reviews", "show_partitions", None, "reviews", None),
        ("DESCRIBE awsdatacatalog.shop.reviews", "describe", "shop", "reviews", None),
        ("desc reviews", "describe", None, "reviews", None),
    ],
)
def test_statements_answered_from_the_catalog(sql, kind, database, table, pattern):
    statement = parse(sql)
    assert (statement.kind, statement.database, statement.table, statement.pattern) == (kind, database, table, pattern)


def test_explain_holds_the_statement():
    statement = parse("EXPLAIN SELECT ? FROM reviews")
    assert statement.kind == "explain"
    assert statement.inner is not None
    assert statement.inner.kind == "select"
    assert statement.parameters == 1


@pytest.mark.parametrize(
    ("sql", "code", "line", "column"),
    [
        ("", "SYNTAX_ERROR", None, None),
        ("-- nothing", "SYNTAX_ERROR", None, None),
        ("SELEC 1", "SYNTAX_ERROR", 1, 1),
        ("SELECT a\nFROM t\nJOIN u ONN a = b", "SYNTAX_ERROR", 3, 12),
        ("SELECT a, FROM t", "SYNTAX_ERROR", 1, 9),
        ("SELECT 'a", "SYNTAX_ERROR", None, None),
        ("SELECT 1; SELECT 2", "SYNTAX_ERROR", 1, 9),
        ("SELECT a::int FROM t", "SYNTAX_ERROR", 1, 9),
        ("SELECT a FROM t LIMIT 1 OFFSET 2", "SYNTAX_ERROR", 1, 25),
        ("SELECT\n  regexp_lke(a, 'b') FROM t", "FUNCTION_NOT_FOUND", 2, 3),
        ("DROP TABLE t", "NOT_SUPPORTED", 1, 1),
        ("SELECT 1\x00", "SYNTAX_ERROR", None, None),
    ],
)
def test_refusals_say_where(sql, code, line, column):
    error = refusal(sql)
    assert (error.code, error.line, error.column) == (code, line, column)


def test_a_near_function_is_suggested():
    assert "Did you mean regexp_like?" in refusal("SELECT regexp_lke(a, 'b') FROM t").message


def test_what_cannot_be_had_is_named():
    sql = "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS true)"
    assert refusal(sql).message == "MATCH_RECOGNIZE is not available on the local cloud."


@pytest.mark.parametrize(
    "sql", ["SELECT " + "(" * 500 + "1" + ")" * 500, "SELECT " + "+".join("1" * 9000), "x" * 300_000]
)
def test_bombs_are_refused(sql):
    assert refusal(sql).code == "STATEMENT_TOO_LARGE"


def test_parameters_are_bound_in_order():
    statement = parse("SELECT a FROM t WHERE a = ? AND b > ?", ("'it''s'", "DATE '2026-01-31'"))
    assert statement.tree is not None
    text = statement.tree.sql("trino", comments=False)
    assert text == "SELECT a FROM t WHERE a = ('it''s') AND b > (CAST('2026-01-31' AS DATE))"
    assert statement.parameters == 0


@pytest.mark.parametrize(
    "value",
    ["1 OR 1=1", "a", "(SELECT 1)", "1, 2", "1; DROP TABLE t", "'a' FROM t", "upper('a')", "1 AS b", "*", "", "?"],
)
def test_a_parameter_is_a_literal_or_refused(value):
    assert refusal("SELECT a FROM t WHERE a = ?", (value,)).code == "INVALID_PARAMETER"


def test_the_number_of_parameters_must_fit():
    assert refusal("SELECT ?", ("1", "2")).code == "INVALID_PARAMETER"
