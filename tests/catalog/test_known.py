"""Who knows of what: strangers, column grants, hidden tables, raw reads, search, and what portal.sql is handed."""

import pytest

from portal.catalog import services
from portal.datasets import services as datasets
from portal.problems import Denied, Missing
from portal.sql import Right
from tests.catalog.conftest import MakeTable
from tests.datasets.conftest import Give
from tests.harness.people import People


def names(columns: list[dict[str, str]]) -> list[str]:
    return [column["name"] for column in columns]


def test_a_team_mate_sees_all(people: People, make_table: MakeTable) -> None:
    table = make_table("people")
    one = services.get_table(people.victor.actor, table.database.name.upper(), "People")
    assert (one.may_read, names(one.columns), one.hidden_count) == (True, ["id", "name", "email"], 0)


def test_a_stranger_knows_of_a_table_and_no_more(people: People, make_table: MakeTable) -> None:
    table = make_table("people", description="Who we know")
    one = services.get_table(people.charlie.actor, table.database.name, "people")
    assert (one.table.description, one.may_read, one.columns, one.partition_keys) == ("Who we know", False, [], [])
    assert services.databases(people.charlie.actor) == [table.database]
    with pytest.raises(Denied, match="carol or an admin of growth"):
        services.readable(people.charlie.actor, table.database.name, "people")
    with pytest.raises(Denied):
        services.partitions(people.charlie.actor, table.database.name, "people")
    for change in (services.refresh_table, services.delete_table):
        with pytest.raises(Denied):
            change(people.charlie.actor, table.database.name, "people")


def test_a_hidden_table_is_not_there(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("secret")
    database = table.database.name
    with pytest.raises(Denied):
        services.update_table(people.bob.actor, database, "secret", hidden=True)
    services.update_table(people.carol.actor, database, "secret", hidden=True)
    stranger = people.charlie.actor
    assert services.tables(stranger) == services.databases(stranger) == services.search(stranger, "secret") == []
    for look in (services.get_table, services.delete_table, services.partitions, services.refresh_table):
        with pytest.raises(Missing):
            look(stranger, database, "secret")
    with pytest.raises(Missing):
        services.get_database(stranger, database)
    assert services.schema_and_rights(stranger, {(database, "secret")}) == ({}, {}, {})
    assert services.get_table(people.victor.actor, database, "secret").may_read
    assert not services.get_table(people.root.actor, database, "secret").may_read
    give("table", f"{database}.secret", columns=["id"])
    assert names(services.get_table(stranger, database, "secret").columns) == ["id"]


def test_some_columns(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    database = table.database.name
    give("table", f"{database}.people", columns=["id", "name"])
    one = services.get_table(people.charlie.actor, database, "people")
    assert (one.may_read, names(one.columns), one.hidden_count) == (True, ["id", "name"], 1)
    schema, rights, versions = services.schema_and_rights(people.charlie.actor, {(database, "people"), ("no", "such")})
    assert schema.keys() == rights.keys() == versions.keys() == {(database, "people")}
    assert schema[database, "people"].names == ("id", "name", "email")
    assert rights[database, "people"] == Right(frozenset({"id", "name"}))
    assert versions[database, "people"] == table.version


def test_rights_for_sql(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    pair = (table.database.name, "people")

    def right(person) -> Right:
        return services.schema_and_rights(person.actor, {pair})[1][pair]

    assert right(people.victor) == Right(None)
    assert right(people.charlie) == Right(frozenset())
    give("database", table.database.name)
    assert right(people.charlie) == Right(None)


def test_raw_bytes_where_columns_are_withheld(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    database, bucket = table.database.name, table.location.split("/")[2]
    give("bucket", f"{bucket}/")
    info = datasets.head_object(people.charlie.actor, bucket, "people/data.csv")
    give("table", f"{database}.people", columns=["id"])
    for attempt in (
        lambda: datasets.open_object(people.charlie.actor, bucket, "people/data.csv"),
        lambda: services.infer(people.charlie.actor, table.location),
        lambda: services.infer(people.charlie.actor, f"s3://{bucket}/"),
        lambda: services.infer(people.charlie.actor, f"s3://{bucket}/people"),
        lambda: services.require_raw(people.charlie.actor, bucket, ""),
    ):
        with pytest.raises(Denied, match="withheld"):
            attempt()
    assert datasets.list_objects(people.charlie.actor, bucket, "people/").objects == (info,)
    services.require_raw(people.charlie.actor, bucket, "elsewhere/")
    services.require_raw(people.victor.actor, bucket, "")


def test_search_by_what_one_may_see(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    database = table.database.name
    make_table("people_old", key="people_old/x.csv")
    services.update_table(people.carol.actor, database, "people", description="Café guests", tags=["Größe", "crm"])

    def found(person, q: str) -> list[str]:
        return [one.table.name for one in services.search(person.actor, q)]

    assert found(people.victor, "people") == ["people", "people_old"]
    assert found(people.victor, "PEOPLE café") == found(people.victor, "größe") == ["people"]
    assert found(people.victor, f"{database}.peo") == ["people", "people_old"]
    assert found(people.victor, "email") == ["people", "people_old"]
    assert found(people.victor, "%") == found(people.victor, "nothing") == found(people.victor, " ") == []
    assert found(people.charlie, "email") == []
    assert found(people.charlie, "guests") == ["people"]
    give("table", f"{database}.people", columns=["email"])
    assert found(people.charlie, "email") == ["people"]
    assert [one.table.name for one in services.tables(people.victor.actor, database, "old")] == ["people_old"]


def test_a_list_costs_few_queries(people: People, make_table: MakeTable, django_assert_max_num_queries) -> None:
    database = make_table("a").database
    for name in ("b", "c"):
        make_table(name)
    actor = people.charlie.actor
    with django_assert_max_num_queries(2):
        assert len(services.tables(actor)) == 3
    with django_assert_max_num_queries(4):
        services.databases(actor)
    with django_assert_max_num_queries(2):
        services.schema_and_rights(actor, {(database.name, "a"), (database.name, "b")})
    with django_assert_max_num_queries(2):
        services.search(actor, "a")


def test_nobody_without_a_team_knows_anything(people: People, make_table: MakeTable) -> None:
    table = make_table("people")
    people.charlie.user.memberships.all().delete()
    assert services.tables(people.charlie.actor) == []
    with pytest.raises(Missing):
        services.get_table(people.charlie.actor, table.database.name, "people")
