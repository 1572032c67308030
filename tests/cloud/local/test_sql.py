"""What is the local engine's own: limits, prices of this machine, and reading by pages."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow.parquet as pq
import pytest

from portal.cloud.errors import Rejected
from portal.cloud.local.faults import failure_of
from portal.cloud.local.prices import LocalPrices
from portal.cloud.ports import Limits, RunState
from tests.cloud.local.served import Served, finished, make_reviews, read_of, select, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


def test_a_large_result_can_be_read_by_pages(served: Served) -> None:
    sql = "SELECT x, y FROM UNNEST(sequence(1, 1000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 120)) AS b(y)"
    ref = served.cloud.sql.start(select(sql), "large")
    assert finished(served.cloud, ref).facts["rows"] == 120_000
    with served.cloud.sql.open_result(ref) as handle:
        file = pq.ParquetFile(handle)
        sizes = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert sum(sizes) == 120_000
    assert max(sizes) < 75_000


def test_a_query_ends_at_its_time(served: Served) -> None:
    sql = (
        "SELECT count(*) AS n FROM UNNEST(sequence(1, 10000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b(y) "
        "CROSS JOIN UNNEST(sequence(1, 10000)) AS c(z) WHERE x + y + z = -1"
    )
    ref = served.cloud.sql.start(select(sql, limits=Limits(seconds=1)), "endless")
    status = finished(served.cloud, ref)
    assert status.failure is not None
    assert status.failure.code == "EXCEEDED_TIME_LIMIT"


def test_a_file_that_was_replaced_is_no_answer_of_the_old_version(served: Served) -> None:
    table = make_reviews(served.cloud, 100)
    with served.cloud.store.open("data", "reviews/part-0.parquet") as same:
        served.cloud.store.put("data", "reviews/part-1.parquet", same)
    changed = served.cloud.catalog.refresh("shop", "reviews")
    assert changed.version != table.version
    spec = select("SELECT count(*) AS n FROM shop.reviews", read_of(table))
    with pytest.raises(Rejected) as refused:
        served.cloud.sql.start(spec, "old")
    assert refused.value.code == "TABLE_CHANGED"
    ref = served.cloud.sql.start(replace(spec, reads=(read_of(changed),)), "new")
    assert finished(served.cloud, ref).state is RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT CAST('a secret' AS INTEGER)", "INVALID_CAST_ARGUMENT"),
        ("SELECT CAST('a secret' AS DATE)", "INVALID_CAST_ARGUMENT"),
        ("SELECT 9223372036854775807 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("SELECT 1 % 0", "DIVISION_BY_ZERO"),
        ("SELECT json_extract('a secret', '$.a')", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT regexp_matches('a secret', '(')", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT 1 + 'a secret'", "TYPE_MISMATCH"),
        ("SELECT nothing_like_this('a secret')", "FUNCTION_NOT_FOUND"),
        ("SELECT a_secret FROM nowhere", "SYNTAX_ERROR"),
        ("SELEC 'a secret'", "NOT_SUPPORTED"),
        ("SELECT * FROM read_csv('/a secret')", "HIVE_CANNOT_OPEN_SPLIT"),
        ("SELECT error('a secret')", "INVALID_FUNCTION_ARGUMENT"),
    ],
)
def test_the_engines_errors_become_athenas_without_its_words(sql: str, code: str) -> None:
    with duckdb.connect(":memory:") as connection, pytest.raises(duckdb.Error) as raised:
        connection.execute(sql).fetchall()
    failure = failure_of(raised.value)
    assert failure["code"] == code
    assert "secret" not in failure["message"]


def test_a_defect_is_told_without_its_text() -> None:
    assert failure_of(RuntimeError("/home/x"))["code"] == "GENERIC_USER_ERROR"
    assert "/home" not in failure_of(RuntimeError("/home/x"))["message"]


def test_this_machine_is_first_and_aws_is_a_price_alone() -> None:
    cpu, gpu, *aws = LocalPrices("us-east-1").instance_types()
    assert (cpu.name, cpu.available, cpu.usd_per_hour) == ("local.cpu", True, None)
    assert cpu.vcpus >= 1
    assert cpu.like.startswith("ml.")
    assert gpu.name == "local.gpu"
    assert gpu.available == (gpu.gpus > 0)
    assert not any(machine.available for machine in aws)
    assert LocalPrices.charges is False


def test_a_region_without_prices_is_refused_in_words() -> None:
    with pytest.raises(Rejected) as refused:
        LocalPrices("mars-1").book()
    assert refused.value.code == "NO_PRICES"
