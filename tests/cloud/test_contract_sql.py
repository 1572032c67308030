"""What every provider's SqlEngine and Prices must do. A provider is one more parameter of `cloud`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

import pytest

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.ports import Cloud, RunState, RunStatus, Table
from tests.cloud.local.served import finished, make_reviews, read_of, rows, select, serving


@contextmanager
def local() -> Iterator[Cloud]:
    with serving() as served:
        yield served.cloud


@pytest.fixture(scope="module", params=[local], ids=lambda provider: provider.__name__)
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    provider: Callable[[], AbstractContextManager[Cloud]] = request.param
    with provider() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def reviews(cloud: Cloud) -> Table:
    return make_reviews(cloud)


@pytest.fixture
def run(cloud: Cloud, request: pytest.FixtureRequest) -> Callable[..., RunStatus]:
    """Run a statement with a token of the test's own; the answer is its end."""
    started = iter(range(100))

    def run(sql: str, *reads: object, **options: object) -> RunStatus:
        token = f"{request.node.name}-{next(started)}"
        return finished(cloud, cloud.sql.start(select(sql, *reads, **options), token))  # type: ignore[arg-type]

    return run


Run = Callable[..., RunStatus]


def test_a_result_has_names_types_and_rows(cloud: Cloud, reviews: Table, run: Run) -> None:
    status = run(
        "SELECT stars, count(*) AS reviews, avg(stars) AS mean FROM shop.reviews GROUP BY stars ORDER BY stars",
        read_of(reviews, "stars"),
    )
    assert status.state is RunState.SUCCEEDED
    assert status.facts["columns"] == [
        {"name": "stars", "type": "integer"},
        {"name": "reviews", "type": "bigint"},
        {"name": "mean", "type": "double"},
    ]
    assert status.facts["rows"] == 5
    assert rows(cloud, status.ref) == [(star, 2000, float(star)) for star in range(1, 6)]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1, 1", ["_col0", "_col1"]),
        ("SELECT 1 AS a, 2 AS a, 3", ["a", "a", "_col2"]),
        ("SELECT 'x' AS Total", ["total"]),
        ("SELECT stars, stars, stars + 1 FROM shop.reviews LIMIT 1", ["stars", "stars", "_col2"]),
        ("VALUES (1, 'x')", ["_col0", "_col1"]),
    ],
)
def test_names_are_athenas_also_where_they_repeat(run: Run, reviews: Table, sql: str, names: list[str]) -> None:
    status = run(sql, read_of(reviews, "stars"))
    assert [column["name"] for column in status.facts["columns"]] == names  # type: ignore[index,attr-defined]


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("CAST(1 AS tinyint)", "tinyint", 1),
        ("DECIMAL '1.50'", "decimal(3,2)", Decimal("1.50")),
        ("true", "boolean", True),
        ("CAST(NULL AS varchar)", "varchar", None),
        ("ARRAY[1, 2]", "array(integer)", [1, 2]),
        ("7 / 2", "integer", 3),
        ("1e0 / 3", "double", 1 / 3),
    ],
)
def test_types_are_athenas(cloud: Cloud, run: Run, expression: str, kind: str, value: object) -> None:
    status = run(f"SELECT {expression} AS x")
    assert status.facts["columns"] == [{"name": "x", "type": kind}]
    assert rows(cloud, status.ref) == [(value,)]


def test_order_is_kept(cloud: Cloud, reviews: Table, run: Run) -> None:
    status = run("SELECT review_id FROM shop.reviews ORDER BY review_id DESC", read_of(reviews, "review_id"))
    assert [row[0] for row in rows(cloud, status.ref)] == list(range(9_999, -1, -1))


def test_parameters_are_bound_in_order(cloud: Cloud, reviews: Table, run: Run) -> None:
    sql = "SELECT title FROM shop.reviews WHERE review_id = ? AND title <> ?"
    status = run(sql, read_of(reviews, "review_id", "title"), parameters=["7", "'x'' OR true --'"])
    assert rows(cloud, status.ref) == [("title 7",)]


def test_fewer_columns_are_fewer_bytes(reviews: Table, run: Run) -> None:
    narrow = run("SELECT max(stars) AS m FROM shop.reviews", read_of(reviews, "stars"))
    wide = run(
        "SELECT max(stars) AS m, max(title) AS t, max(review_id) AS i FROM shop.reviews",
        read_of(reviews, "stars", "title", "review_id"),
    )
    assert 0 < narrow.facts["bytes_scanned"] < wide.facts["bytes_scanned"]  # type: ignore[operator]


def test_a_table_without_columns_can_be_counted(cloud: Cloud, reviews: Table, run: Run) -> None:
    assert rows(cloud, run("SELECT count(*) AS n FROM shop.reviews", read_of(reviews)).ref) == [(10_000,)]


def test_an_empty_result_is_a_result(cloud: Cloud, reviews: Table, run: Run) -> None:
    status = run("SELECT title FROM shop.reviews WHERE stars = 99", read_of(reviews, "title", "stars"))
    assert (status.state, status.facts["rows"], rows(cloud, status.ref)) == (RunState.SUCCEEDED, 0, [])


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT CAST(title AS integer) AS x FROM shop.reviews", "INVALID_CAST_ARGUMENT"),
        ("SELECT stars / (stars - stars) AS x FROM shop.reviews", "DIVISION_BY_ZERO"),
        ("SELECT (SELECT stars FROM shop.reviews) AS x", "SUBQUERY_MULTIPLE_ROWS"),
    ],
)
def test_errors_have_athenas_codes_and_no_values(reviews: Table, run: Run, sql: str, code: str) -> None:
    status = run(sql, read_of(reviews, "stars", "title"))
    assert status.state is RunState.FAILED
    assert status.failure is not None
    assert status.failure.code == code
    for leak in ("title 0", "/", "DuckDB", "read_parquet"):
        assert leak not in status.failure.message


def test_a_table_that_changed_is_refused(cloud: Cloud, reviews: Table) -> None:
    stale = read_of(Table(**{**vars(reviews), "version": "stale"}), "stars")
    with pytest.raises(Rejected) as refused:
        cloud.sql.start(select("SELECT stars FROM shop.reviews", stale), "stale-1")
    assert refused.value.code == "TABLE_CHANGED"
    gone = read_of(Table(**{**vars(reviews), "name": "gone"}), "stars")
    with pytest.raises(NotFound):
        cloud.sql.start(select("SELECT stars FROM shop.gone", gone), "gone-1")


def test_the_same_token_starts_nothing(cloud: Cloud, run: Run) -> None:
    first = cloud.sql.start(select("SELECT 1 AS one"), "same")
    assert cloud.sql.start(select("SELECT 1 AS one"), "same") == first
    finished(cloud, first)
    assert cloud.sql.start(select("SELECT 1 AS one"), "same") == first


def test_many_refs_are_answered_in_order_and_the_unknown_are_lost(cloud: Cloud, run: Run) -> None:
    known = [run(f"SELECT {number} AS n").ref for number in range(3)]
    found = cloud.sql.poll([known[2], "unknown", known[0]])
    assert [status.ref for status in found] == [known[2], "unknown", known[0]]
    assert [status.state for status in found] == [RunState.SUCCEEDED, RunState.LOST, RunState.SUCCEEDED]
    assert list(cloud.sql.poll([])) == []


def test_a_deleted_result_is_not_found(cloud: Cloud, run: Run) -> None:
    ref = run("SELECT 1 AS one").ref
    cloud.sql.delete_result(ref)
    cloud.sql.delete_result(ref)
    for gone in (ref, "unknown", "../../catalog.sqlite3"):
        with pytest.raises(NotFound):
            cloud.sql.open_result(gone)


def test_the_book_is_dated_and_has_its_source(cloud: Cloud) -> None:
    book = cloud.prices.book()
    assert book.region == cloud.region == "us-east-1"
    assert book.source
    assert (book.scan_usd_per_tb, book.scan_minimum_bytes) == (Decimal(5), 10_000_000)
    assert book.storage_usd_per_gb_month == Decimal("0.023")


def test_machines_are_listed_with_ones_own_first_and_the_others_by_price(cloud: Cloud) -> None:
    machines = cloud.prices.instance_types()
    own = [machine for machine in machines if machine.usd_per_hour is None]
    prices = [machine.usd_per_hour for machine in machines if machine.usd_per_hour is not None]
    assert list(machines[: len(own)]) == own
    assert prices == sorted(prices)
    assert len({machine.name for machine in machines}) == len(machines)
    names = {machine.name: machine for machine in machines}
    for machine in own:
        assert not machine.like or machine.like in names
        assert machine.about
    assert names["ml.g5.xlarge"].gpus == 1
