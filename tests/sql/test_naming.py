import pytest

from portal.sql import SqlError, analyse, parse, tables_named
from tests.sql.shop import SCHEMA


def look(sql: str):
    return analyse(parse(sql), SCHEMA, "shop")


def refusal(sql: str) -> SqlError:
    with pytest.raises(SqlError) as refused:
        look(sql)
    return refused.value


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT count(*) FROM reviews", {"reviews": set()}),
        ("SELECT stars FROM Shop.Reviews r WHERE r.id > 1", {"reviews": {"id", "stars"}}),
        ("SELECT x.id FROM (SELECT * FROM products) x", {"products": {"id", "name", "tags", "info", "seen"}}),
        ("SELECT a FROM products AS p(a, b, c, d, e)", {"products": {"id", "name", "tags", "info", "seen"}}),
        ("SELECT t FROM products CROSS JOIN UNNEST(tags) AS u(t)", {"products": {"tags"}}),
        ("SELECT k, v FROM products, UNNEST(seen) AS u(k, v)", {"products": {"seen"}}),
        ("SELECT info.a FROM products", {"products": {"info"}}),
        ("WITH reviews AS (SELECT 1 AS q) SELECT q FROM reviews", {}),
        ("WITH c AS (SELECT id FROM reviews) SELECT * FROM c a JOIN c b USING (id)", {"reviews": {"id"}}),
        (
            "SELECT id FROM products p WHERE EXISTS (SELECT 1 FROM reviews WHERE reviews.id = p.id)",
            {"products": {"id"}, "reviews": {"id"}},
        ),
        (
            "SELECT (SELECT max(stars) FROM reviews r WHERE r.id = p.id) FROM products p",
            {"products": {"id"}, "reviews": {"id", "stars"}},
        ),
        ("SELECT q.e FROM reviews CROSS JOIN LATERAL (SELECT email AS e) q", {"reviews": {"email"}}),
        ("SELECT id FROM reviews ORDER BY email", {"reviews": {"id", "email"}}),
        ("SELECT transform(tags, t -> t || name) FROM products", {"products": {"tags", "name"}}),
        ("SELECT id FROM reviews UNION SELECT id FROM products", {"reviews": {"id"}, "products": {"id"}}),
        ("SELECT max(stars) FILTER (WHERE email = 'x') FROM reviews", {"reviews": {"stars", "email"}}),
        ("SELECT rank() OVER (ORDER BY price) FROM reviews", {"reviews": {"price"}}),
    ],
)
def test_reads_are_complete_and_minimal(sql, reads):
    analysis = look(sql)
    assert {table: set(columns) for (_, table), columns in analysis.reads.items()} == reads
    assert tables_named(parse(sql), "shop") == {("shop", table) for table in reads}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT 1, stars, upper(body), stars AS S, 'a' FROM reviews", ("_col0", "stars", "_col2", "s", "_col4")),
        ("SELECT *, 1 FROM products", ("id", "name", "tags", "info", "seen", "_col5")),
        ("SELECT info.a, tags[1] FROM products", ("a", "_col1")),
        ("SELECT count(*) FROM reviews ORDER BY 1", ("_col0",)),
        ("VALUES (1, 2)", ("_col0", "_col1")),
    ],
)
def test_names_of_the_result_are_athenas(sql, columns):
    assert look(sql).columns == columns


@pytest.mark.parametrize(
    ("sql", "code", "place", "words"),
    [
        ("SELECT *\nFROM revews", "TABLE_NOT_FOUND", (2, 6), "Did you mean reviews?"),
        ("SELECT id,\n  emial FROM reviews", "COLUMN_NOT_FOUND", (2, 3), "Did you mean email?"),
        ("SELECT r.bdy FROM reviews r", "COLUMN_NOT_FOUND", (1, 10), "Did you mean body?"),
        ("SELECT id FROM reviews, products", "AMBIGUOUS_NAME", (1, 8), "more than one table"),
        ("SELECT stars AS s FROM reviews WHERE s > 1", "COLUMN_NOT_FOUND", (1, 38), "Repeat the expression"),
        ("SELECT x.id FROM reviews r", "COLUMN_NOT_FOUND", (1, 10), "no table or alias “x”"),
        ("SELECT 1 FROM other.shop.reviews", "NOT_SUPPORTED", (1, 26), "only awsdatacatalog"),
        ("SELECT 1 FROM information_schema.tables", "NOT_SUPPORTED", (1, 34), "SHOW"),
        ('SELECT 1 FROM "reviews$partitions"', "NOT_SUPPORTED", (1, 15), "system"),
        ("SELECT id FROM reviews GROUP BY 3", "INVALID_PARAMETER", (None, None), "fewer"),
    ],
)
def test_a_wrong_name_is_shown_in_ones_own_text(sql, code, place, words):
    error = refusal(sql)
    assert (error.code, (error.line, error.column)) == (code, place)
    assert words in error.message
