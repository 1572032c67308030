"""Tables: made, refreshed, changed, deleted, on the real catalog; and what a crash in between leaves."""

from typing import Any

import pytest

from portal.access.models import Grant
from portal.catalog import services
from portal.catalog.models import Database, Table
from portal.cloud.errors import NotFound
from portal.cloud.ports import Cloud
from portal.datasets.models import Bucket
from portal.operations.models import Operation
from portal.problems import Conflict, Denied, Invalid, Missing
from tests.catalog.conftest import CSV, MakeTable, carried_out, parquet
from tests.datasets.conftest import Give, Put
from tests.harness.people import People


def again(operation: Operation) -> Operation:
    """The same work once more, as after a crash before its end was written."""
    Operation.objects.filter(pk=operation.pk).update(state="queued", finished_at=None, result={}, error=None)
    return carried_out(operation)


def test_what_is_left_out_is_inferred(people: People, make_table: MakeTable, bucket: Bucket) -> None:
    table = make_table("people", description="Who we know")
    assert [(c["name"], c["type"]) for c in table.columns] == [
        ("id", "bigint"),
        ("name", "varchar"),
        ("email", "varchar"),
    ]
    assert (table.format, table.rows, table.bytes, table.files) == ("csv", 3, len(CSV), 1)
    assert (table.owner, table.description) == (people.carol.user, "Who we know")
    assert table.location == f"s3://{bucket.name}/people/"
    assert table.file_stats.version == table.version != ""


def test_the_result_says_what_came_of_it(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("orders/1.csv", b"id,total\n" + b"".join(b"%d,%d.5\n" % (n, n) for n in range(200)) + b"201,3,surplus\n")
    operation = services.create_table(people.carol.actor, database.name, "Orders ", f"s3://{bucket.name}/orders/")
    assert (operation.kind, operation.state) == ("table.create", "queued")
    result = carried_out(operation).result
    assert (result["database"], result["name"], result["rows"]) == (database.name, "orders", 201)
    assert result["bad_rows"]["count"] == 1


def test_partitions_and_footers(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("sales/day=2026-01-01/a.parquet", parquet(id=[1, 2], total=[1.5, 2.5]))
    put("sales/day=2026-01-02/b.parquet", parquet(id=[3], total=[9.0]))
    operation = services.create_table(people.carol.actor, database.name, "sales", f"s3://{bucket.name}/sales/")
    assert carried_out(operation).state == "succeeded", operation.error
    table = Table.objects.get(database=database, name="sales")
    assert (table.rows, table.files, table.partitions) == (3, 2, 2)
    assert [key["name"] for key in table.partition_keys] == ["day"]
    found = services.partitions(people.victor.actor, database.name, "sales")
    assert [one.values for one in found] == [("2026-01-01",), ("2026-01-02",)]
    stats = services.table_stats("local", {(database.name, "sales")})[database.name, "sales"]
    assert (stats.columns, [values for *_, values in stats.files]) == (
        ("id", "total"),
        [("2026-01-01",), ("2026-01-02",)],
    )
    assert [part.maximum for part in stats.parts] == [(2, 2.5), (3, 9.0)]


def test_columns_as_given(people: People, make_table: MakeTable) -> None:
    columns = [
        {"name": "Id", "type": "string"},
        {"name": "name", "type": "varchar"},
        {"name": "email", "type": "varchar"},
    ]
    table = make_table("people", columns=columns, format="csv")
    assert (table.columns[0]["name"], table.columns[0]["type"]) == ("id", "varchar")
    assert (table.options.get("header"), table.rows) == ("true", 3)


def test_a_key_of_the_folders_is_no_column(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("sales/day=2026-01-01/a.csv", b"id\n1\n")
    columns = [{"name": "id", "type": "bigint"}, {"name": "day", "type": "date"}]
    operation = services.create_table(
        people.carol.actor, database.name, "sales", f"s3://{bucket.name}/sales/", columns=columns
    )
    assert carried_out(operation).state == "succeeded", operation.error
    table = Table.objects.get(database=database, name="sales")
    assert ([c["name"] for c in table.columns], [c["name"] for c in table.partition_keys]) == (["id"], ["day"])


def test_a_format_that_the_files_are_not(people: People, database: Database, bucket: Bucket, put: Put) -> None:
    put("people/a.csv", CSV)
    location = f"s3://{bucket.name}/people/"
    operation = carried_out(services.create_table(people.carol.actor, database.name, "people", location, "parquet"))
    assert (operation.state, operation.error["code"]) == ("failed", "FORMAT_MISMATCH")
    assert not Table.objects.exists()


@pytest.mark.parametrize("body", [b"", b"\x00\x01\x02" * 500])
def test_files_that_hold_no_table(people: People, database: Database, bucket: Bucket, put: Put, body: bytes) -> None:
    put("junk.bin", body)
    operation = services.create_table(people.carol.actor, database.name, "junk", f"s3://{bucket.name}/junk.bin")
    assert carried_out(operation).state == "failed"
    assert operation.error["code"] in ("EMPTY_FILE", "UNREADABLE_FILE")
    assert "/tmp" not in operation.error["message"]
    assert not Table.objects.exists()


def test_made_twice_is_made_once(people: People, make_table: MakeTable, cloud: Cloud) -> None:
    table = make_table("people")
    operation = Operation.objects.get(kind="table.create")
    Table.objects.all().delete()  # a crash after the provider and before the mirror
    assert again(operation).state == "succeeded", operation.error
    mended = Table.objects.get(name="people")
    assert (mended.version, mended.rows, mended.owner) == (table.version, 3, people.carol.user)
    assert again(operation).state == "succeeded"
    assert [t.name for t in cloud.catalog.tables(table.database.name)] == ["people"]


def test_another_table_of_that_name_is_not_taken_over(
    people: People, make_table: MakeTable, bucket: Bucket, put: Put
) -> None:
    table = make_table("people")
    Table.objects.all().delete()
    put("other/a.csv", b"x\n1\n")
    location = f"s3://{bucket.name}/other/"
    operation = carried_out(services.create_table(people.carol.actor, table.database.name, "people", location))
    assert (operation.state, operation.error["code"]) == ("failed", "CONFLICT")


def test_the_same_key_again_is_the_same_operation(people: People, make_table: MakeTable, bucket: Bucket) -> None:
    key = ("k-1", {"name": "people"})
    table = make_table("people", idempotency=key)
    arguments = (people.carol.actor, table.database.name, "people", table.location)
    assert services.create_table(*arguments, idempotency=key).pk == Operation.objects.get().pk
    with pytest.raises(Conflict):
        services.create_table(*arguments)
    with pytest.raises(Conflict):
        services.create_table(*arguments, idempotency=("k-1", {"name": "else"}))


def test_refresh_finds_new_files(people: People, make_table: MakeTable, put: Put) -> None:
    table = make_table("people")
    put("people/more.csv", b"id,name,email\n4,Dora,d@example.org\n")
    services.update_table(people.carol.actor, table.database.name, "people", description="Kept")
    operation = carried_out(services.refresh_table(people.carol.actor, table.database.name, "people"))
    assert operation.result["rows"] == 4
    fresh = Table.objects.get(pk=table.pk)
    assert (fresh.files, fresh.rows, fresh.description) == (2, 4, "Kept")
    assert fresh.version != table.version
    assert fresh.file_stats.version == fresh.version


def test_refresh_of_what_is_gone(people: People, make_table: MakeTable, cloud: Cloud) -> None:
    table = make_table("people")
    operation = services.refresh_table(people.carol.actor, table.database.name, "people")
    cloud.catalog.delete_table(table.database.name, "people")
    assert carried_out(operation).error["code"] == "NOT_FOUND"
    assert not Table.objects.exists()


def test_infer_says_what_a_file_holds(people: People, bucket: Bucket, put: Put) -> None:
    put("in/people.csv", CSV)
    location = f"s3://{bucket.name}/in/people.csv"
    result = carried_out(services.infer(people.carol.actor, location)).result
    assert (result["format"], result["rows"], [c["name"] for c in result["columns"]]) == (
        "csv",
        3,
        ["id", "name", "email"],
    )
    assert set(result["evidence"]) >= {"id"}


def test_rights_are_asked_again_by_the_worker(people: People, bucket: Bucket, put: Put, database: Database) -> None:
    put("people/a.csv", CSV)
    location = f"s3://{bucket.name}/people/"
    pending = [
        services.infer(people.carol.actor, location),
        services.create_table(people.carol.actor, database.name, "people", location),
    ]
    people.carol.user.memberships.all().delete()
    assert [carried_out(operation).state for operation in pending] == ["failed", "failed"]
    assert not Table.objects.exists()


def test_a_table_wants_the_right_to_its_files(
    people: People, database: Database, bucket: Bucket, put: Put, give: Give
) -> None:
    put("people/a.csv", CSV)
    location = f"s3://{bucket.name}/people/"
    with pytest.raises(Denied):
        services.create_table(people.victor.actor, database.name, "people", location)
    with pytest.raises(Missing):
        services.create_table(people.charlie.actor, database.name, "people", location)
    own = services.create_database(people.charlie.actor, f"{database.name}_ops")
    with pytest.raises(Missing):
        services.create_table(people.charlie.actor, own.name, "people", location)
    with pytest.raises(Missing):
        services.infer(people.charlie.actor, location)
    give("bucket", f"{bucket.name}/people/")
    assert carried_out(services.create_table(people.charlie.actor, own.name, "people", location)).state == "succeeded"


@pytest.mark.parametrize(
    "wrong",
    [
        {"location": "/etc/passwd"},
        {"location": "s3://"},
        {"format": "xlsx"},
        {"columns": [{"name": "a", "type": ""}]},
        {"name": ""},
        {"options": {"delimiter": "x" * 301}},
    ],
)
def test_input_that_cannot_be(people: People, database: Database, bucket: Bucket, wrong: dict[str, Any]) -> None:
    given = {"name": "people", "location": f"s3://{bucket.name}/people/", **wrong}
    with pytest.raises(Invalid) as refused:
        services.create_table(people.carol.actor, database.name, **given)
    assert set(refused.value.errors) == set(wrong)
    assert not Operation.objects.exists()


def test_deleting_takes_owner_or_admin(people: People, make_table: MakeTable, give: Give, cloud: Cloud) -> None:
    table = make_table("people")
    name = table.database.name
    give("table", f"{name}.people", "write")
    for person in (people.bob, people.victor, people.charlie):
        with pytest.raises(Denied):
            services.delete_table(person.actor, name, "people")
    with pytest.raises(Conflict):
        services.delete_database(people.alice.actor, name)
    services.delete_table(people.carol.actor, name, "people")
    assert not Grant.objects.exists()
    with pytest.raises(NotFound):
        cloud.catalog.table(name, "people")
    services.delete_database(people.carol.actor, name)
    assert name not in cloud.catalog.databases()


def test_deleting_again_mends_a_crash(people: People, make_table: MakeTable, cloud: Cloud) -> None:
    table = make_table("people")
    cloud.catalog.delete_table(table.database.name, "people")
    services.delete_table(people.alice.actor, table.database.name, "people")
    assert not Table.objects.exists()
