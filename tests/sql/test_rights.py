"""Attacks on columns withheld, and a property: whatever is written, a withheld column is refused or not in the text."""

import random

import duckdb
import pytest

from portal.sql import Right, SqlError, analyse, duck, opens, parse, restrict
from tests.sql.duck.engine import connect
from tests.sql.shop import ALL, SCHEMA, SOME, WITHHELD

ATTACKS = [
    "SELECT email FROM reviews",
    "SELECT * FROM reviews",
    "SELECT r.* FROM reviews r",
    "TABLE reviews",
    "SELECT count(email) FROM reviews",
    "SELECT id FROM reviews WHERE email LIKE 'a%'",
    "SELECT id FROM reviews ORDER BY email",
    "SELECT id FROM reviews GROUP BY id, email",
    "SELECT id FROM reviews GROUP BY id HAVING max(email) > 'a'",
    "SELECT rank() OVER (ORDER BY price) FROM reviews",
    "SELECT rank() OVER w FROM reviews WINDOW w AS (PARTITION BY email)",
    "SELECT max(id) FILTER (WHERE email = 'a') FROM reviews",
    "SELECT max_by(id, email) FROM reviews",
    "SELECT (SELECT max(email) FROM reviews)",
    "SELECT id FROM products p WHERE EXISTS (SELECT 1 FROM reviews r WHERE r.email = p.name)",
    "SELECT id FROM products WHERE name IN (SELECT email FROM reviews)",
    "SELECT p.id FROM products p JOIN reviews r ON r.email = p.name",
    "SELECT p.id FROM products p LEFT JOIN reviews r ON r.id = p.id AND r.price > 5",
    "WITH c AS (SELECT * FROM reviews) SELECT id FROM c",
    "WITH reviews AS (SELECT email AS id FROM reviews) SELECT id FROM reviews",
    "SELECT id FROM reviews UNION SELECT price FROM reviews",
    "SELECT e FROM reviews CROSS JOIN UNNEST(ARRAY[email]) AS t(e)",
    "SELECT q.e FROM reviews CROSS JOIN LATERAL (SELECT email AS e) q",
    "SELECT transform(ARRAY[1], x -> email) FROM reviews",
    "SELECT reduce(ARRAY[1], '', (s, x) -> s || email, s -> s) FROM reviews",
    "SELECT d FROM reviews AS r(a, b, c, d, e, f)",
    "SELECT shop.reviews.email FROM shop.reviews",
    "SELECT awsdatacatalog.shop.reviews.email FROM awsdatacatalog.shop.reviews",
    'SELECT "EMAIL" FROM reviews',
    "SELECT id FROM reviews a JOIN reviews b USING (id, email)",
    "SELECT a.id FROM reviews a NATURAL JOIN reviews b",
    "SELECT row(email) FROM reviews",
    "SELECT reviews FROM reviews",
    "SELECT r FROM reviews r",
    "SELECT row(r.*) FROM reviews r",
    "SELECT count(DISTINCT email) FROM reviews",
    "SELECT CASE WHEN price > 1 THEN id END FROM reviews",
    "SELECT if(email IS NULL, 1, 0) FROM reviews",
    "SELECT * FROM reviews r CROSS JOIN products p",
    "SELECT json_extract(email, '$.a') FROM reviews",
    "SELECT listagg(body, ',') WITHIN GROUP (ORDER BY email) FROM reviews",
    "SELECT array_agg(id ORDER BY email) FROM reviews",
    "EXPLAIN SELECT email FROM reviews",
    "SELECT * EXCEPT (id) FROM reviews",
    "SELECT * EXCLUDE (id) FROM reviews",
    "SELECT * REPLACE (email AS id) FROM reviews",
    "SELECT * LIKE 'e%' FROM reviews",
    "SELECT COLUMNS('e.*') FROM reviews",
    "SELECT COLUMNS(*) FROM reviews",
    "SELECT unnest(reviews) FROM reviews",
    "FROM reviews",
    "FROM reviews SELECT email",
    "SELECT #4 FROM reviews",
    "SELECT $4 FROM reviews",
    "SELECT rowid FROM reviews",
    'SELECT "$path" FROM reviews',
    "SELECT filename FROM reviews",
    "SELECT * FROM read_parquet('reviews.parquet')",
    "SELECT * FROM 'reviews.parquet'",
    'SELECT * FROM "reviews.parquet"',
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_settings",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('a')",
    "SELECT query('SELECT 1')",
    "SELECT * FROM query_table('reviews')",
    "SELECT * FROM query('SELECT email FROM reviews')",
    "SELECT t_idiv(1, 2)",
    "SELECT error('x')",
    "SELECT \"error\"('x')",
    "SELECT main.error('x')",
    "SELECT id.upper() FROM reviews",
    "COPY reviews TO 'x'",
    "ATTACH 'x'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET memory_limit = '1TB'",
    "CALL pragma_version()",
    "CREATE TABLE a AS SELECT email FROM reviews",
    "INSERT INTO products SELECT email FROM reviews",
    "SELECT 1; SELECT email FROM reviews",
    "SELECT email /* hidden */ FROM reviews -- end",
    "SELECT id FROM reviews PIVOT (max(email) FOR stars IN (1, 2))",
    "SELECT id FROM reviews QUALIFY row_number() OVER (ORDER BY email) = 1",
    "SELECT id FROM reviews TABLESAMPLE BERNOULLI (10)",
    "SELECT id FROM reviews FOR UPDATE",
    "SELECT id INTO x FROM reviews",
    "SELECT DISTINCT ON (email) id FROM reviews",
    "WITH RECURSIVE c AS (SELECT email FROM reviews UNION ALL SELECT * FROM c) SELECT * FROM c",
    "SELECT id FROM reviews LIMIT (SELECT length(email) FROM reviews)",
    "SELECT id FROM reviews ORDER BY (SELECT max(email) FROM reviews)",
    "SELECT try(email) FROM reviews",
    "SELECT CAST(email AS integer) FROM reviews",
    "VALUES ((SELECT max(email) FROM reviews))",
    "SELECT id FROM (reviews) WHERE email = 'a'",
    "SELECT id FROM products ORDER BY (SELECT email FROM reviews LIMIT 1)",
    "SELECT grouping(email) FROM reviews GROUP BY ROLLUP (email)",
    "SELECT lag(email) OVER (ORDER BY id) FROM reviews",
    "SELECT email AS id FROM reviews ORDER BY id",
    "SELECT x FROM (SELECT email x FROM reviews) WHERE x IS NOT NULL",
    "SELECT b.email FROM products a, LATERAL (SELECT email FROM reviews WHERE id = a.id) b",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_attack_is_refused(sql):
    with pytest.raises(SqlError):
        restrict(analyse(parse(sql), SCHEMA, "shop"), SOME)


def test_the_first_withheld_column_is_named():
    with pytest.raises(SqlError) as refused:
        restrict(analyse(parse("SELECT id,\n price FROM reviews"), SCHEMA, "shop"), SOME)
    error = refused.value
    assert (error.code, error.line, error.column) == ("PERMISSION_DENIED", 2, 2)
    assert "“price” of shop.reviews" in error.message


def test_a_table_without_a_right_is_refused_even_where_only_counted():
    analysis = analyse(parse("SELECT count(*) FROM reviews"), SCHEMA, "shop")
    with pytest.raises(SqlError, match=r"may not read the table shop\.reviews"):
        restrict(analysis, {})


FILTERED = {**ALL, ("shop", "reviews"): Right(frozenset({"id", "stars"}), "email LIKE '%@a.org' OR stars > 4")}


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute("CREATE SCHEMA shop")
    connection.execute(
        "CREATE TABLE shop.reviews AS SELECT * FROM (VALUES (1, 5, 'a', 'x@b.org', 1.50::DECIMAL(12,2), '2026-01'), "
        "(2, 3, 'b', 'y@a.org', 2.25, '2026-01'), (3, 1, 'c', 'z@b.org', 9.99, '2026-02')) "
        "t(id, stars, body, email, price, month)"
    )
    connection.execute(
        "CREATE TABLE shop.products AS SELECT 1::BIGINT id, 'p' AS name, ['s', 't'] AS tags, {'a': 7, 'b': 'q'} "
        "AS info, map(['k'], [1]) AS seen"
    )
    return connection


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT id FROM reviews ORDER BY id", [(1,), (2,)]),
        ("SELECT count(*) FROM reviews", [(2,)]),
        ("SELECT count(*) FROM (SELECT * FROM products) p LEFT JOIN reviews r ON r.id = 3", [(1,)]),
        ("SELECT r.id FROM products p LEFT JOIN reviews r ON r.id = 3", [(None,)]),
        ("WITH c AS (SELECT stars FROM reviews) SELECT sum(stars) FROM c", [(8,)]),
        ("SELECT (SELECT max(id) FROM reviews x) FROM reviews y WHERE y.id = 1", [(2,)]),
        ("SELECT id FROM (reviews) ORDER BY 1", [(1,), (2,)]),
        ("SELECT a.id FROM reviews a JOIN reviews b USING (id) ORDER BY a.id", [(1,), (2,)]),
    ],
)
def test_a_row_filter_holds_wherever_the_table_stands(engine, sql, rows):
    analysis = analyse(parse(sql), SCHEMA, "shop")
    text = restrict(analysis, FILTERED)
    assert engine.execute(duck.translate(text, SCHEMA, "shop")).fetchall() == rows
    again = analyse(parse(text), SCHEMA, "shop")
    assert dict(again.reads) == opens(analysis, FILTERED)


@pytest.mark.parametrize(
    "row_filter",
    ["1=1) OR (1=1", "id IN (SELECT id FROM products)", "nothing = 1", "id = ?", "true) --", "true) LIMIT 1 --", ""],
)
def test_a_row_filter_is_a_condition_on_its_table(row_filter):
    rights = {**ALL, ("shop", "reviews"): Right(None, row_filter)}
    with pytest.raises(SqlError, match="row filter"):
        restrict(analyse(parse("SELECT id FROM reviews"), SCHEMA, "shop"), rights)


def _expression(pick: random.Random, columns: list[str], depth: int = 0) -> str:
    column = pick.choice(columns)
    if depth > 2 or pick.random() < 0.4:
        return column
    shape = pick.choice(
        [
            "upper(CAST({a} AS varchar))",
            "coalesce({a}, {a})",
            "CASE WHEN {a} IS NULL THEN {b} ELSE {b} END",
            "{a} IS NULL",
        ]
    )
    return shape.format(a=_expression(pick, columns, depth + 1), b=_expression(pick, columns, depth + 1))


def _query(pick: random.Random, depth: int = 0) -> tuple[str, list[str]]:
    """A random SELECT and the names of its columns."""
    if depth < 2 and pick.random() < 0.5:
        inner, names = _query(pick, depth + 1)
        source, alias = f"({inner})", f"q{depth}"
    else:
        source, names, alias = "reviews", list(SCHEMA["shop", "reviews"].names), f"r{depth}"
    columns = [f"{alias}.{name}" for name in names]
    count = pick.randint(1, 3)
    if pick.random() < 0.15:
        items, given = f"{alias}.*", names
    else:
        given = [f"c{place}" for place in range(count)]
        items = ", ".join(f"{_expression(pick, columns)} AS {name}" for name in given)
    tail = f" WHERE {pick.choice(columns)} IS NOT NULL" if pick.random() < 0.4 else ""
    order = f" ORDER BY {pick.choice(columns)}" if pick.random() < 0.3 else ""
    return f"SELECT {items} FROM {source} {alias}{tail}{order}", given


def test_withheld_columns_never_come_through():
    pick = random.Random(20261121)
    through = refused = 0
    for _ in range(400):
        sql, _names = _query(pick)
        analysis = analyse(parse(sql), SCHEMA, "shop")
        named = analysis.reads["shop", "reviews"] & WITHHELD
        if named:
            with pytest.raises(SqlError) as denied:
                restrict(analysis, SOME)
            assert denied.value.code == "PERMISSION_DENIED"
            refused += 1
            continue
        text = restrict(analysis, SOME)
        assert not any(f'"{column}"' in text for column in WITHHELD)
        through += 1
    assert through > 40
    assert refused > 40
