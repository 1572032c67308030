"""Statements written to hang or kill the process that reads them. Each is read in a process of its own: a defect here
is no exception but a hang or a crash, of the web server."""

import subprocess
import sys

import pytest

from portal.queries.answers import _matches
from portal.sql import Right, SqlError, TableSchema, analyse, parse, restrict
from portal.sql.estimate import scan
from portal.sql.stats import Part, TableStats

READ = """
import sys
from portal.sql import SqlError, TableSchema, analyse, parse
from portal.sql.estimate import scan
wide = TableSchema(tuple((f"c{i}", "bigint") for i in range(5000)))
try:
    sql, parameters = sys.stdin.read().split("\\0")
    statement = parse(sql, (parameters,) if parameters else ())
    print("ok", len(scan(analyse(statement, {("shop", "t"): wide}, "shop"), {}).tables))
except SqlError as error:
    print(error.code)
"""
ENDS_WELL = {
    "comments that may end at many places": ("/**/" * 30_000 + "SELECT 1", "ok 0"),
    "types in types in <": ("SELECT CAST(NULL AS " + "ARRAY<" * 30_000 + ">" * 30_000 + ")", "STATEMENT_TOO_LARGE"),
    "rows in rows in <": ("SELECT CAST(NULL AS " + "ROW<a " * 40_000, "STATEMENT_TOO_LARGE"),
    "structs in structs": ("SELECT CAST(NULL AS " + "STRUCT<a:" * 25_000, "STATEMENT_TOO_LARGE"),
    "the same as a value": ("SELECT ?\0CAST(NULL AS " + "ARRAY<" * 30_000, "INVALID_PARAMETER"),
    "brackets as a value": ("SELECT ?\0" + "(" * 100_000, "INVALID_PARAMETER"),
    "a million columns": ("SELECT * FROM t a0" + "".join(f", t a{i}" for i in range(1, 200)), "STATEMENT_TOO_LARGE"),
    "NOT NOT NOT": ("SELECT " + "NOT " * 60_000 + "true", "STATEMENT_TOO_LARGE"),
    "CASE in CASE": ("SELECT " + "CASE WHEN 1 THEN " * 11_000 + "1" + " END" * 11_000, "STATEMENT_TOO_LARGE"),
    "a sum without end": ("SELECT 1" + " + 1" * 60_000, "STATEMENT_TOO_LARGE"),
    "VALUES alone": ("VALUES (1), (2)", "ok 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS_WELL)
def test_no_text_hangs_or_kills_its_reader(case: str) -> None:
    text, expected = ENDS_WELL[case]
    stdin = text if "\0" in text else text + "\0"
    done = subprocess.run([sys.executable, "-c", READ], input=stdin, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip() == expected


def test_types_in_types_that_people_write_are_read() -> None:
    tree = parse("SELECT CAST(NULL AS ARRAY<MAP<varchar, ROW(a ARRAY(int))>>)").tree
    assert tree is not None


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("reviews", "rev*", True),
        ("reviews", "*views", True),
        ("reviews", "r*e*s", True),
        ("reviews", "*", True),
        ("reviews", "reviews", True),
        ("reviews", "review", False),
        ("aba", "ab*ba", False),
        ("reviews", "r*x*s", False),
        ("a" * 255, "*a" * 5_000 + "*b", False),
    ],
)
def test_a_pattern_is_matched_without_a_regular_expression(name: str, pattern: str, expected: bool) -> None:
    assert _matches(name, pattern.split("*")) is expected


# --- the gate -----------------------------------------------------------------------------------------------------

SCHEMA = {
    ("d", "t"): TableSchema((("a", "bigint"), ("secret", "varchar"), ("k", "varchar")), ("k",)),
    ("d", "u"): TableSchema((("a", "bigint"), ("b", "varchar"), ("secret", "varchar"))),
    ("d", "h"): TableSchema((("z", "bigint"),)),
}
RIGHTS = {("d", "t"): Right(frozenset({"a"})), ("d", "u"): Right()}
REFUSED = r"""
SELECT t FROM t
SELECT count(t) FROM t
SELECT CAST(t AS varchar) FROM t
SELECT ROW(t.*) FROM t
SELECT z FROM t x CROSS JOIN LATERAL (SELECT x AS z) y
SELECT z FROM t CROSS JOIN LATERAL (SELECT t AS z) y
SELECT z FROM t x, UNNEST(ARRAY[x]) AS y(z)
SELECT max(x) FROM t x
SELECT json_format(CAST(x AS JSON)) FROM t x
SELECT x.a FROM t x ORDER BY x
SELECT (SELECT max(secret)) FROM t
SELECT a FROM t ORDER BY secret
SELECT a FROM t GROUP BY a HAVING max(secret) > 'a'
SELECT count(*) FILTER (WHERE secret = 'x') FROM t
SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY secret)
SELECT u.a FROM u JOIN t USING (secret)
SELECT u.a FROM u NATURAL JOIN t
SELECT u.a FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.secret = u.b)
SELECT x FROM t, UNNEST(split(secret, ',')) AS q(x)
SELECT b FROM t AS q(a, b, c)
SELECT q.a FROM t AS q(a, b, c)
WITH q(a, b, c) AS (SELECT * FROM t) SELECT b FROM q
WITH t AS (SELECT secret FROM d.t) SELECT * FROM t
SELECT "SECRET" FROM "D"."T"
SELECT a FROM t UNION ALL SELECT length(b) FROM (SELECT secret AS b FROM t)
SELECT "$path" FROM t
SELECT filename FROM t
SELECT k FROM t
SELECT listagg(a, ',') WITHIN GROUP (ORDER BY secret) FROM t
SELECT transform(ARRAY[1], x -> secret) FROM t
SELECT a AS secret FROM t WHERE secret = 'x'
SELECT a AS secret, sum(a) OVER (ORDER BY secret) FROM t
SELECT a FROM t GROUP BY GROUPING SETS ((secret), ())
SELECT a FROM t WHERE 'x' LIKE 'y' ESCAPE secret
SELECT lag(a, 1, length(secret)) OVER () FROM t
SELECT COLUMNS('.*') FROM t
SELECT * LIKE 's%' FROM t
SELECT * FROM duckdb_settings()
SELECT a FROM '/etc/passwd'
SELECT * FROM information_schema.columns
SELECT * FROM "t$files"
SELECT count(*) FROM h
SELECT a FROM t WHERE a = (SELECT count(*) FROM h)
SELECT a FROM t QUALIFY max(secret) OVER () > 'a'
SELECT DISTINCT ON (secret) a FROM t
"""


@pytest.mark.parametrize("sql", REFUSED.strip().splitlines())
def test_no_way_round_to_what_is_withheld(sql: str) -> None:
    with pytest.raises(SqlError):
        restrict(analyse(parse(sql), SCHEMA, "d"), RIGHTS)


def test_advice_names_no_withheld_partition_key() -> None:
    stats = TableStats(
        columns=("a",),
        files=((10, 1, ("x",)), (10, 1, ("y",))),
        parts=(Part(0, (9,), (0,), (1,)), Part(1, (9,), (0,), (1,))),
    )
    analysis = analyse(parse("SELECT a FROM t"), SCHEMA, "d")
    told = [warning.message for warning in scan(analysis, {("d", "t"): stats}).warnings]
    assert any("partitioned by k" in message for message in told)
    assert not scan(analysis, {("d", "t"): stats}, RIGHTS).warnings
