"""What only the local catalog promises: files for the engine, footers, and many processes at once."""

import io
import multiprocessing
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.local.catalog import LocalCatalog
from portal.cloud.local.layout import Layout
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import Column, Table
from tests.cloud.local.inprocess import InProcess


def opened(root: Path) -> tuple[LocalStore, LocalCatalog]:
    layout = Layout(root, root / "socket").make()
    store = LocalStore(layout)
    return store, LocalCatalog(layout, store, InProcess())


@pytest.fixture
def cloud(tmp_path: Path) -> tuple[LocalStore, LocalCatalog]:
    store, catalog = opened(tmp_path / "cloud")
    store.create_bucket("bucket")
    catalog.create_database("shop")
    return store, catalog


def parquet(columns: dict[str, list[object]], rows_a_group: int = 100) -> io.BytesIO:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body, row_group_size=rows_a_group)
    body.seek(0)
    return body


def test_footers_give_rows_bytes_and_bounds_by_the_tables_names(cloud: tuple[LocalStore, LocalCatalog]) -> None:
    store, catalog = cloud
    body = parquet({"Order ID": list(range(250)), "note": [None] * 250, "tags": [["a", "b"]] * 250})
    store.put("bucket", "o/day=2024-01-01/a.parquet", body)
    columns = (Column("order_id", "bigint"), Column("note", "varchar"), Column("tags", "array(varchar)"))
    table = Table("shop", "o", columns, "s3://bucket/o/", "parquet", (Column("day", "date"),),
                  {"field.order_id": "Order ID"})  # fmt: skip
    catalog.create_table(table)
    (facts,) = catalog.files("shop", "o")
    assert (facts.rows, facts.partition, [group.rows for group in facts.row_groups]) == (
        250,
        ("2024-01-01",),
        [100, 100, 50],
    )
    chunks = {chunk.column: chunk for chunk in facts.row_groups[1].chunks}
    assert (chunks["order_id"].minimum, chunks["order_id"].maximum) == (100, 199)
    assert chunks["note"].minimum is None
    assert sum(chunk.bytes for group in facts.row_groups for chunk in group.chunks) < facts.size
    assert 0 < facts.footer_bytes < facts.size


def test_a_footer_is_read_once_a_file(cloud: tuple[LocalStore, LocalCatalog]) -> None:
    store, catalog = cloud
    asked: list[int] = []

    class Counting(InProcess):
        def inspect(self, task, files, args):  # type: ignore[no-untyped-def]
            asked.append(len(files))
            return super().inspect(task, files, args)

    catalog._inspector = Counting()
    for number in range(3):
        store.put("bucket", f"t/{number}.parquet", parquet({"a": [number]}))
    catalog.create_table(Table("shop", "t", (Column("a", "bigint"),), "s3://bucket/t/", "parquet"))
    assert [facts.rows for facts in catalog.files("shop", "t")] == [1, 1, 1]
    store.put("bucket", "t/1.parquet", parquet({"a": [7, 8]}))
    catalog.refresh("shop", "t")
    assert [facts.rows for facts in catalog.files("shop", "t")] == [1, 2, 1]
    assert asked == [3, 1]


def test_a_damaged_footer_is_named_by_its_key(cloud: tuple[LocalStore, LocalCatalog], tmp_path: Path) -> None:
    store, catalog = cloud
    store.put("bucket", "t/a.parquet", io.BytesIO(parquet({"a": [1]}).getvalue()[:-30]))
    catalog.create_table(Table("shop", "t", (Column("a", "bigint"),), "s3://bucket/t/", "parquet"))
    with pytest.raises(Rejected) as caught:
        list(catalog.files("shop", "t"))
    assert caught.value.code == "UNREADABLE_FILE"
    assert "t/a.parquet" in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_table_files_are_those_of_the_version_or_refused(cloud: tuple[LocalStore, LocalCatalog]) -> None:
    store, catalog = cloud
    store.put("bucket", "t/1.csv", io.BytesIO(b"1\n"))
    catalog.create_table(Table("shop", "t", (Column("a", "bigint"),), "s3://bucket/t/", "csv"))
    store.put("bucket", "t/2.csv", io.BytesIO(b"2\n"))
    assert catalog.table_files("shop", "t") == [(store.path_of("bucket", "t/1.csv"), ())]
    store.put("bucket", "t/1.csv", io.BytesIO(b"3\n"))
    with pytest.raises(Rejected) as caught:
        catalog.table_files("shop", "t")
    assert caught.value.code == "TABLE_CHANGED"
    store.delete("bucket", "t/1.csv")
    with pytest.raises(Rejected):
        catalog.table_files("shop", "t")
    catalog.refresh("shop", "t")
    assert len(catalog.table_files("shop", "t")) == 1


def test_a_location_may_be_one_file_and_a_folder_gets_its_slash(cloud: tuple[LocalStore, LocalCatalog]) -> None:
    store, catalog = cloud
    for key in ("d/a.csv", "d/a.csv.bak", "d/_hidden", "d/.part", "d/empty.csv"):
        store.put("bucket", key, io.BytesIO(b"" if "empty" in key else b"1\n"))
    columns = (Column("a", "bigint"),)
    catalog.create_table(Table("shop", "one", columns, "s3://bucket/d/a.csv", "csv"))
    assert [facts.key for facts in catalog.files("shop", "one")] == ["d/a.csv"]
    assert catalog.create_table(Table("shop", "all", columns, "s3://bucket/d", "csv")).location == "s3://bucket/d/"
    assert [facts.key for facts in catalog.files("shop", "all")] == ["d/a.csv", "d/a.csv.bak"]
    with pytest.raises(NotFound):
        catalog.create_table(Table("shop", "none", columns, "s3://bucket/nothing", "csv"))
    with pytest.raises(NotFound):
        catalog.create_table(Table("shop", "none", columns, "s3://absent/d/", "csv"))
    for bad in ("bucket/d/", "s3://bucket", "/etc/", "s3://bucket/../x", "file:///etc/"):
        with pytest.raises(Rejected):
            catalog.create_table(Table("shop", "none", columns, bad, "csv"))


def _race(root: Path, number: int, answers: "multiprocessing.Queue[str]") -> None:
    _, catalog = opened(root)
    columns = (Column("a", "bigint"),)
    for attempt in range(5):
        catalog.create_table(Table("shop", f"t{number}_{attempt}", columns, "s3://bucket/t/", "csv"))
    try:
        catalog.create_table(Table("shop", "same", columns, "s3://bucket/t/", "csv"))
        answers.put("made")
    except Clash:
        answers.put("clash")


def test_many_processes_write_without_an_error_and_one_wins(
    cloud: tuple[LocalStore, LocalCatalog], tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    racers = [context.Process(target=_race, args=(tmp_path / "cloud", number, answers)) for number in range(3)]
    for racer in racers:
        racer.start()
    try:
        assert sorted(answers.get(timeout=60) for _ in racers) == ["clash", "clash", "made"]
    finally:
        for racer in racers:
            racer.join(20)
            racer.kill()
        answers.close()
    assert len(cloud[1].tables("shop")) == 16


def test_the_engine_reads_what_the_catalog_knows(cloud: tuple[LocalStore, LocalCatalog]) -> None:
    from portal.cloud.local.reading import relation_sql

    store, catalog = cloud
    price = pa.array([Decimal("1.50")], pa.decimal128(8, 2))
    store.put("bucket", "s/day=2024-01-01/city=K%C3%B6ln%2FS/a", parquet({"price": price, "Old Name": ["x"]}))
    store.put("bucket", "s/day=2024-01-02/city=__HIVE_DEFAULT_PARTITION__/b", parquet({"id": [1], "price": [2]}))
    columns = (Column("id", "bigint"), Column("price", "decimal(8,2)"), Column("name", "varchar"), Column("no", "date"))
    keys = (Column("day", "date"), Column("city", "varchar"))
    table = catalog.create_table(
        Table("shop", "s", columns, "s3://bucket/s/", "parquet", keys, {"field.name": "Old Name"})
    )
    files = [path for path, _ in catalog.table_files("shop", "s")]
    sql = relation_sql(table, files, ["city", "price", "name", "no", "id"])
    with duckdb.connect() as connection:
        assert connection.execute(sql).fetchall() == [
            ("Köln/S", Decimal("1.50"), "x", None, None),
            (None, Decimal("2.00"), None, None, 1),
        ]
        assert connection.execute(f"SELECT count(*) FROM ({relation_sql(table, files, [])})").fetchall() == [(2,)]
        pruned = relation_sql(table, files, ["day", "price"])
        plan = connection.execute(f"EXPLAIN SELECT price FROM ({pruned}) WHERE day > DATE '2024-01-01'").fetchall()
        assert "1/2" in plan[0][1]
        assert connection.execute(relation_sql(table, [], ["no"])).fetchall() == []
