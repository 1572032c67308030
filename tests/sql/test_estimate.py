import pytest

from portal.cloud.ports import ColumnChunk, FileFacts, RowGroup
from portal.sql import TableSchema, analyse, parse
from portal.sql.estimate import scan
from portal.sql.stats import TableStats

EVENTS, RAW = ("shop", "events"), ("shop", "raw")
SCHEMA = {
    EVENTS: TableSchema((("id", "bigint"), ("kind", "varchar"), ("at", "timestamp"), ("day", "date")), ("day",)),
    RAW: TableSchema((("a", "varchar"), ("b", "bigint")), (), "csv"),
}


def _day(day: int) -> FileFacts:
    name = f"2026-10-{day:02d}"
    chunks = (
        ColumnChunk("id", 300, day * 10, day * 10 + 9),
        ColumnChunk("kind", 500, "a", "m"),
        ColumnChunk("at", 100, f"{name}T00:00:00", f"{name}T23:59:59"),
    )
    return FileFacts(f"day={name}/x.parquet", 1000, "e", 10, 100, (RowGroup(10, chunks),), (name,))


STATS = {
    EVENTS: TableStats.from_files(_day(day) for day in range(1, 32)),
    RAW: TableStats.from_files([FileFacts("r.csv", 5000, "e", None, 0, ())]),
}


def estimate(sql: str):
    return scan(analyse(parse(sql), SCHEMA, "shop"), STATS)


@pytest.mark.parametrize(
    ("sql", "size", "exact"),
    [
        ("SELECT count(*) FROM events", 3100, True),
        ("SELECT id FROM events", 31 * 400, True),
        ("SELECT * FROM events", 31 * 1000, True),
        ("SELECT id FROM events WHERE day = DATE '2026-10-03'", 400, True),
        ("SELECT id FROM events WHERE day BETWEEN DATE '2026-10-03' AND DATE '2026-10-05'", 1200, True),
        ("SELECT id FROM events WHERE day IN (DATE '2026-10-03', DATE '2027-01-01')", 400, True),
        ("SELECT id FROM events WHERE NOT (day < DATE '2026-10-30' OR day > DATE '2026-10-30')", 400, True),
        ("SELECT id FROM events WHERE day <> DATE '2026-10-03'", 30 * 400, True),
        ("SELECT id FROM events WHERE day = DATE '2026-10-03' OR kind = 'b'", 31 * 900, True),
        ("SELECT id FROM events WHERE id = 55", 400, True),
        ("SELECT id FROM events WHERE kind LIKE 'z%'", 0, True),
        ("SELECT id FROM events WHERE at >= TIMESTAMP '2026-10-30 12:00:00'", 2 * 500, True),
        ("SELECT id FROM events WHERE upper(kind) = 'B'", 31 * 900, True),
        ("SELECT id FROM (SELECT * FROM events) WHERE day = DATE '2026-10-03'", 400, True),
        ("WITH c AS (SELECT id FROM events) SELECT * FROM c UNION ALL SELECT * FROM c", 2 * 31 * 400, True),
        ("SELECT id FROM events LIMIT 5", 31 * 400, False),
        ("SELECT e.id FROM events e JOIN raw r ON r.b = e.id", 31 * 400 + 5000, False),
        ("SELECT a FROM raw", 5000, True),
    ],
)
def test_bytes(sql, size, exact):
    found = estimate(sql)
    assert (found.bytes, found.exact) == (size, exact)
    assert found.bytes == sum(table.bytes for table in found.tables)


def test_a_line_a_table():
    (table,) = estimate("SELECT id FROM events WHERE day = DATE '2026-10-03'").tables
    assert (table.columns, table.partitions, table.partitions_total) == (("id", "day"), 1, 31)


@pytest.mark.parametrize(
    ("sql", "words", "saves"),
    [
        ("SELECT id FROM events", "A condition on day", 12000),
        ("SELECT a FROM raw", "As Parquet", 4125),
    ],
)
def test_advice_names_its_saving(sql, words, saves):
    (advice,) = estimate(sql).warnings
    assert words in advice.message
    assert advice.saves_bytes == saves


def test_no_advice_where_it_is_followed():
    assert estimate("SELECT id FROM events WHERE day = DATE '2026-10-03'").warnings == ()


def test_an_unknown_size_is_said():
    found = scan(analyse(parse("SELECT a FROM raw"), SCHEMA, "shop"), {})
    assert (found.bytes, found.exact) == (0, False)
    assert "not known" in found.warnings[0].message


def test_statistics_survive_json():
    for stats in STATS.values():
        assert TableStats.from_json(stats.to_json()) == stats
