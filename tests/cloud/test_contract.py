"""What every provider's store and catalog must do. A provider is one more parameter of `ports`."""

import hashlib
import io
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.local.catalog import LocalCatalog
from portal.cloud.local.layout import Layout
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import Catalog, Column, ObjectStore, Table
from tests.cloud.local.inprocess import InProcess


@dataclass
class Ports:
    store: ObjectStore
    catalog: Catalog


def local(folder: Path) -> Ports:
    layout = Layout(folder / "cloud", folder / "socket").make()
    store = LocalStore(layout)
    return Ports(store, LocalCatalog(layout, store, InProcess()))


@pytest.fixture(params=[local], ids=lambda provider: provider.__name__)
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Ports:
    made: Ports = request.param(tmp_path)
    return made


@pytest.fixture
def store(ports: Ports) -> ObjectStore:
    ports.store.create_bucket("bucket")
    return ports.store


@pytest.fixture
def catalog(ports: Ports) -> Catalog:
    ports.store.create_bucket("bucket")
    ports.catalog.create_database("shop")
    return ports.catalog


def put(store: ObjectStore, key: str, body: bytes = b"x") -> None:
    store.put("bucket", key, io.BytesIO(body))


def keys(store: ObjectStore, **options: object) -> list[str]:
    return [item.key for item in store.list("bucket", **options).objects]  # type: ignore[arg-type]


# --- object store -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Bucket", "a_b", "-ab", "ab-", "a..b", "192.168.5.4", "xn--a", "a-s3alias", "../etc", "a/b", ""],
)
def test_bad_bucket_names_are_refused(ports: Ports, name: str) -> None:
    with pytest.raises(Rejected) as caught:
        ports.store.create_bucket(name)
    assert caught.value.code == "INVALID_NAME"


def test_a_bucket_is_made_once_and_removed_empty(store: ObjectStore) -> None:
    with pytest.raises(Clash):
        store.create_bucket("bucket")
    put(store, "deep/er/file")
    with pytest.raises(Clash):
        store.delete_bucket("bucket")
    store.delete("bucket", "deep/er/file")
    store.delete_bucket("bucket")
    with pytest.raises(NotFound):
        store.delete_bucket("bucket")
    with pytest.raises(NotFound):
        put(store, "late")


def test_an_object_comes_back_as_it_went_in(store: ObjectStore) -> None:
    body = random.Random(7).randbytes(3_000_000)
    written = store.put("bucket", "a/b.csv", io.BytesIO(body), "text/csv")
    assert written == store.head("bucket", "a/b.csv")
    assert (written.size, written.content_type) == (len(body), "text/csv")
    assert written.sha256 in (None, hashlib.sha256(body).hexdigest())
    with store.open("bucket", "a/b.csv") as reader:
        assert reader.seek(1_000_000) == 1_000_000
        assert reader.read() == body[1_000_000:]


def test_etag_changes_with_the_bytes_and_a_reader_keeps_what_it_opened(store: ObjectStore) -> None:
    first = store.put("bucket", "k", io.BytesIO(b"one"))
    with store.open("bucket", "k") as reader:
        second = store.put("bucket", "k", io.BytesIO(b"two"))
        assert reader.read() == b"one"
    assert first.etag != second.etag
    with store.open("bucket", "k") as reader:
        assert reader.read() == b"two"


def test_what_is_not_there_is_not_found_and_deleting_it_is_nothing(store: ObjectStore) -> None:
    put(store, "a/b")
    for key in ("a", "a/", "a/b/c", "nothing"):
        with pytest.raises(NotFound):
            store.head("bucket", key)
        with pytest.raises(NotFound):
            store.open("bucket", key)
        store.delete("bucket", key)
    assert keys(store) == ["a/b"]


KEYS = [
    "a", "a/", "a/b", "a//b", "/a", "a-b", "a.b", "a b", "a\\b", "a%2Fb", "a@", "a~", "%",
    "é/ü.csv", "日本", "😀", "\ufffd",
    "A", "k=v/x", "x" * 1024, "y/" * 512, "z" * 200, "z" * 198, "z" * 198 + "/a", "z" * 201, "z" * 201 + "/q",
    "é" * 512,
]  # fmt: skip


def test_keys_of_every_shape_live_side_by_side_in_byte_order(store: ObjectStore) -> None:
    for key in KEYS:
        put(store, key, key.encode())
    assert keys(store) == sorted(KEYS, key=str.encode)
    for key in KEYS:
        with store.open("bucket", key) as reader:
            assert reader.read() == key.encode()
    for key in KEYS[::2]:
        store.delete("bucket", key)
    assert keys(store) == sorted(KEYS[1::2], key=str.encode)


@pytest.mark.parametrize("key", ["", "x" * 1025, "../../etc/passwd", "a/../b", "a/.", "..", "a\0b", "a\nb", "\ud800"])
def test_keys_that_cannot_be_kept_are_refused(store: ObjectStore, key: str) -> None:
    for attempt in (
        lambda: put(store, key),
        lambda: store.start_upload("bucket", key, "text/plain"),
        lambda: store.head("bucket", key),
    ):
        with pytest.raises(Rejected) as caught:
            attempt()
        assert caught.value.code == "INVALID_NAME"


def test_listing_folds_folders_and_resumes_after_a_key_or_a_folder(store: ObjectStore) -> None:
    for key in ("a", "a-b", "a/1", "a/2", "a/c/3", "b/1", "c"):
        put(store, key)
    page = store.list("bucket", delimiter="/")
    assert ([item.key for item in page.objects], page.folders, page.next) == (["a", "a-b", "c"], ("a/", "b/"), None)
    inner = store.list("bucket", prefix="a/", delimiter="/")
    assert ([item.key for item in inner.objects], inner.folders) == (["a/1", "a/2"], ("a/c/",))
    assert keys(store, prefix="a/") == ["a/1", "a/2", "a/c/3"]
    assert keys(store, prefix="a") == ["a", "a-b", "a/1", "a/2", "a/c/3"]
    assert keys(store, after="a/1") == ["a/2", "a/c/3", "b/1", "c"]
    seen, after = [], ""
    while True:
        page = store.list("bucket", delimiter="/", limit=1, after=after)
        seen += [item.key for item in page.objects] + list(page.folders)
        if page.next is None:
            break
        after = page.next
    assert seen == ["a", "a-b", "a/", "b/", "c"]


def test_paging_at_any_size_gives_all_keys_once(store: ObjectStore) -> None:
    generator = random.Random(3)
    names = ["a", "b-", "b", "ö", "b.c"]
    all_keys = sorted(
        {"/".join(generator.choices(names, k=generator.randint(1, 4))) for _ in range(120)}, key=str.encode
    )
    for key in all_keys:
        put(store, key)
    for limit in (1, 7, 1000):
        seen, after = [], ""
        while True:
            page = store.list("bucket", limit=limit, after=after)
            seen += [item.key for item in page.objects]
            if page.next is None:
                break
            after = page.next
        assert seen == all_keys


def test_an_upload_in_parts_is_joined_by_number(store: ObjectStore) -> None:
    upload = store.start_upload("bucket", "big.bin", "application/x-big")
    parts = {number: random.Random(number).randbytes(5 << 20 if number < 3 else 1000) for number in (3, 1, 2)}
    for number, body in parts.items():
        assert store.part_target("bucket", "big.bin", upload, number).method == "PUT"
        store.put_part("bucket", "big.bin", upload, number, io.BytesIO(b"wrong"))
        store.put_part("bucket", "big.bin", upload, number, io.BytesIO(body))
    assert store.parts("bucket", "big.bin", upload) == {n: len(parts[n]) for n in (1, 2, 3)}
    assert keys(store) == []
    whole = parts[1] + parts[2] + parts[3]
    with pytest.raises(Rejected) as caught:
        store.complete_upload("bucket", "big.bin", upload, hashlib.sha256(b"other").hexdigest())
    assert caught.value.code == "CHECKSUM_MISMATCH"
    info = store.complete_upload("bucket", "big.bin", upload, hashlib.sha256(whole).hexdigest())
    assert info == store.complete_upload("bucket", "big.bin", upload)
    assert (info.size, info.content_type) == (len(whole), "application/x-big")
    with store.open("bucket", "big.bin") as reader:
        assert reader.read() == whole


def test_an_aborted_or_foreign_upload_is_not_known(store: ObjectStore) -> None:
    upload = store.start_upload("bucket", "k", "text/plain")
    assert upload != store.start_upload("bucket", "k", "text/plain")
    store.abort_upload("bucket", "other", upload)
    store.put_part("bucket", "k", upload, 1, io.BytesIO(b"x"))
    for number in (0, 10_001):
        with pytest.raises(Rejected):
            store.put_part("bucket", "k", upload, number, io.BytesIO(b"x"))
    with pytest.raises(NotFound):
        store.parts("bucket", "other", upload)
    store.abort_upload("bucket", "k", upload)
    store.abort_upload("bucket", "k", upload)
    for unknown in (upload, "", "../../bucket", "0" * 32):
        with pytest.raises(NotFound):
            store.complete_upload("bucket", "k", unknown)


# --- catalog ----------------------------------------------------------------------------------------------------------

ORDERS = Table("shop", "orders", (Column("id", "bigint"), Column("name", "varchar")), "s3://bucket/orders/", "csv",
               options={"header": "true"})  # fmt: skip


@pytest.mark.parametrize("name", ["", "Shop", "a-b", "a b", "a.b", "é", "x" * 256, "../a"])
def test_names_follow_glue(catalog: Catalog, name: str) -> None:
    for attempt in (
        lambda: catalog.create_database(name),
        lambda: catalog.create_table(Table("shop", name, ORDERS.columns, ORDERS.location, "csv")),
        lambda: catalog.create_table(Table("shop", "t", (Column(name, "bigint"),), ORDERS.location, "csv")),
    ):
        with pytest.raises(Rejected) as caught:
            attempt()
        assert caught.value.code == "INVALID_NAME"


def test_databases_and_tables_are_made_once_and_removed_empty(catalog: Catalog) -> None:
    with pytest.raises(Clash):
        catalog.create_database("shop")
    made = catalog.create_table(ORDERS)
    assert made == catalog.table("shop", "orders")
    assert list(catalog.tables("shop")) == [made]
    with pytest.raises(Clash):
        catalog.create_table(ORDERS)
    with pytest.raises(Clash):
        catalog.delete_database("shop")
    catalog.delete_table("shop", "orders")
    for missing in (catalog.table, catalog.delete_table, catalog.refresh, catalog.partitions):
        with pytest.raises(NotFound):
            missing("shop", "orders")
    catalog.delete_database("shop")
    assert list(catalog.databases()) == []
    for attempt in (lambda: catalog.tables("shop"), lambda: catalog.create_table(ORDERS)):
        with pytest.raises(NotFound):
            attempt()


def test_types_are_read_in_both_spellings_and_kept_in_athenas(catalog: Catalog) -> None:
    spelled = {
        "a": "string",
        "b": "INT",
        "c": "struct<x:array<string>,y:decimal(4,2)>",
        "d": "map(varchar,row(z double))",
    }
    columns = tuple(Column(name, kind) for name, kind in spelled.items())
    made = catalog.create_table(Table("shop", "t", columns, "s3://bucket/t/", "parquet"))
    assert [column.type for column in made.columns] == [
        "varchar",
        "integer",
        "row(x array(varchar), y decimal(4,2))",
        "map(varchar, row(z double))",
    ]
    for bad in ("strng", "array", "decimal(99,2)", "row(a)", "bigint; drop table t"):
        with pytest.raises(Rejected) as caught:
            catalog.create_table(Table("shop", "bad", (Column("a", bad),), "s3://bucket/t/", "parquet"))
        assert caught.value.code == "INVALID_TYPE"


def test_the_version_moves_with_the_files_and_stays_without_a_change(ports: Ports, catalog: Catalog) -> None:
    put(ports.store, "orders/1.csv", b"id,name\n1,a\n")
    first = catalog.create_table(ORDERS)
    assert catalog.refresh("shop", "orders").version == first.version != ""
    put(ports.store, "orders/1.csv", b"id,name\n2,b\n")
    second = catalog.refresh("shop", "orders")
    assert second.version != first.version
    assert catalog.table("shop", "orders") == second
    put(ports.store, "orders/2.csv", b"id,name\n3,c\n")
    assert catalog.refresh("shop", "orders").version not in (first.version, second.version)
    assert sorted(facts.key for facts in catalog.files("shop", "orders")) == ["orders/1.csv", "orders/2.csv"]


def test_partitions_are_found_at_creation_and_at_refresh(ports: Ports, catalog: Catalog) -> None:
    table = Table("shop", "p", (Column("id", "bigint"),), "s3://bucket/p/", "csv",
                  (Column("day", "date"), Column("city", "varchar")))  # fmt: skip
    put(ports.store, "p/day=2024-01-01/city=K%C3%B6ln/a.csv", b"1\n")
    put(ports.store, "p/day=2024-01-01/city=__HIVE_DEFAULT_PARTITION__/a.csv", b"2\n")
    put(ports.store, "p/_SUCCESS", b"")
    catalog.create_table(table)
    assert [partition.values for partition in catalog.partitions("shop", "p")] == [
        ("2024-01-01", "Köln"),
        ("2024-01-01", "__HIVE_DEFAULT_PARTITION__"),
    ]
    put(ports.store, "p/day=2024-01-02/city=Bonn/a.csv", b"3\n")
    assert len(catalog.partitions("shop", "p")) == 2
    catalog.refresh("shop", "p")
    found = catalog.partitions("shop", "p")
    assert [partition.values for partition in found][-1] == ("2024-01-02", "Bonn")
    assert found[-1].location == "s3://bucket/p/day=2024-01-02/city=Bonn/"
    assert {facts.key: facts.partition for facts in catalog.files("shop", "p")} == {
        "p/day=2024-01-01/city=K%C3%B6ln/a.csv": ("2024-01-01", "Köln"),
        "p/day=2024-01-01/city=__HIVE_DEFAULT_PARTITION__/a.csv": ("2024-01-01", "__HIVE_DEFAULT_PARTITION__"),
        "p/day=2024-01-02/city=Bonn/a.csv": ("2024-01-02", "Bonn"),
    }
