"""The sample is the same for the same seed, has the shapes it promises, and its questions have answers."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from portal.sample import generate
from portal.sample.questions import SAVED_QUERIES, Question


@pytest.fixture(scope="module")
def reviews() -> pa.Table:
    return generate.reviews()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("sample")
    generate.write_sample(folder)
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA shop")
    for table in ("reviews", "products", "events"):
        files = f"read_parquet('{folder}/{table}/**/*.parquet', hive_partitioning = true)"
        connection.execute(f"CREATE VIEW shop.{table} AS SELECT * FROM {files}")
    return connection


def test_the_same_seed_makes_the_same() -> None:
    assert generate.reviews(count=2000).equals(generate.reviews(count=2000))
    assert not generate.products(1).equals(generate.products(2))


def test_reviews_have_the_promised_columns_and_shares(reviews: pa.Table) -> None:
    names = ["review_id", "product_id", "category", "stars", "title", "body", "helpful_votes", "reviewed_on"]
    assert reviews.column_names == names
    assert reviews.num_rows == 60_000
    assert pc.count_distinct(reviews["review_id"]).as_py() == 60_000
    counts = {row["values"]: row["counts"] for row in reviews["stars"].value_counts().to_pylist()}
    assert sorted(counts) == [1, 2, 3, 4, 5]
    assert counts[5] / 60_000 == pytest.approx(0.38, abs=0.01)
    assert pc.count_distinct(reviews["body"]).as_py() > 50_000
    assert not any("{" in body for body in reviews["body"].to_pylist())


@pytest.mark.slow
def test_events_are_five_million_in_a_month(shop: duckdb.DuckDBPyConnection) -> None:
    facts = shop.execute("SELECT count(*), count(DISTINCT event_id), count(DISTINCT day) FROM shop.events")
    assert facts.fetchall() == [(5_000_000, 5_000_000, 31)]
    wrong = shop.sql(
        "SELECT 1 FROM shop.events WHERE day <> CAST(clicked_at AS DATE) OR kind = 'purchase' AND quantity = 0"
    )
    assert wrong.fetchall() == []


@pytest.mark.slow
def test_who_sells_most_has_one_answer(shop: duckdb.DuckDBPyConnection) -> None:
    cities = shop.sql(SAVED_QUERIES[0].sql).fetchall()
    assert cities[0][0] == "Berlin"
    assert cities[0][1] > 1.05 * cities[1][1]


@pytest.mark.slow
@pytest.mark.parametrize("question", SAVED_QUERIES, ids=lambda question: question.name)
def test_a_saved_query_answers_and_its_chart_fits(shop: duckdb.DuckDBPyConnection, question: Question) -> None:
    answer = shop.sql(question.sql)
    assert {name for part, name in question.chart.items() if part != "kind"} <= set(answer.columns)
    assert len(answer.fetchall()) >= 3


@pytest.mark.slow
def test_the_files_are_as_large_as_promised(tmp_path: Path) -> None:
    day, table = next(generate.events())
    generate._write(table, tmp_path / "part-0.parquet")
    assert 60e6 < (tmp_path / "part-0.parquet").stat().st_size * generate.EVENTS_DAYS < 120e6
    assert str(day) == "2026-10-01"
    assert pq.ParquetFile(tmp_path / "part-0.parquet").num_row_groups > 1
