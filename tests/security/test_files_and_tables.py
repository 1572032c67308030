"""Files and the tables over them: neither way shows what the other withholds, and taking a right back takes it back."""

import io

import pytest

from portal.access import services as access
from portal.access.models import Grant
from portal.accounts.models import Membership, Role, Team
from portal.catalog import services as catalog
from portal.catalog.known import as_json
from portal.catalog.models import Table
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.datasets import services as datasets
from portal.datasets.models import Bucket
from portal.operations.models import Operation
from portal.problems import Denied, Missing
from portal.queries.gate import examine
from portal.sql import SqlError
from tests.catalog.conftest import MakeTable, bucket, carried_out, database, give, make_table, put
from tests.datasets.conftest import Give, Put, name_of_its_own
from tests.harness.people import People
from tests.harness.servers import CloudServer

__all__ = ["bucket", "database", "give", "make_table", "put"]


def bucket_of(table: Table) -> str:
    return table.location.split("/")[2]


def over(people: People, location: str) -> Operation:
    """Charlie's own table over a location."""
    own = catalog.create_database(people.charlie.actor, name_of_its_own("c").replace("-", "_"))
    operation = carried_out(catalog.create_table(people.charlie.actor, own.name, "copy", location))
    assert operation.state == "succeeded", operation.error
    return operation


def test_taking_columns_back_never_widens_what_is_read(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    give("bucket", f"{bucket_of(table)}/")
    for columns in ([], ["id"], []):
        Grant.objects.filter(resource_kind="table").delete()
        if columns:
            give("table", str(table), columns=columns)
        with pytest.raises(Denied, match="withheld"):
            catalog.require_raw_at(people.charlie.actor, table.location)
    give("table", str(table))
    catalog.require_raw_at(people.charlie.actor, table.location)


def test_a_hidden_table_withholds_its_files_and_is_not_named(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    Table.objects.filter(pk=table.pk).update(hidden=True)
    give("bucket", f"{bucket_of(table)}/")
    with pytest.raises(Denied) as refused:
        catalog.require_raw_at(people.charlie.actor, table.location)
    assert table.database.name not in refused.value.message


def test_a_table_over_granted_files_ends_with_the_grant(people: People, put: Put, bucket: Bucket, give: Give) -> None:
    put("lent/data.csv", b"id,name\n1,Ann\n")
    grant = give("bucket", f"{bucket.name}/lent/")
    made = over(people, f"s3://{bucket.name}/lent/").params["database"]
    assert examine(people.charlie.actor, "SELECT name FROM copy", made).opens
    grant.delete()
    with pytest.raises(SqlError) as refused:
        examine(people.charlie.actor, "SELECT name FROM copy", made)
    assert refused.value.code == "PERMISSION_DENIED"
    with pytest.raises(Denied):
        catalog.readable(people.charlie.actor, made, "copy")


def test_a_personal_grant_is_not_passed_on_by_a_table(people: People, put: Put, bucket: Bucket, give: Give) -> None:
    put("lent/data.csv", b"id,name\n1,Ann\n")
    give("bucket", f"{bucket.name}/lent/")
    made = over(people, f"s3://{bucket.name}/lent/").params["database"]
    Membership.objects.create(user=people.root.user, team=Team.objects.get(slug="ops"), role=Role.ANALYST)
    assert catalog.get_table(people.charlie.actor, made, "copy").may_read
    assert not catalog.get_table(people.root.actor, made, "copy").may_read


def test_a_bucket_made_anew_by_another_team_is_not_in_old_tables(people: People, cloud_server: CloudServer) -> None:
    name = name_of_its_own()
    datasets.create_bucket(people.charlie.actor, name)
    store = connect("local", Caller("ops", "charlie")).store
    store.put(name, "t/data.csv", io.BytesIO(b"id\n1\n"))
    made = over(people, f"s3://{name}/t/").params["database"]
    datasets.delete_object(people.charlie.actor, name, "t/data.csv")
    datasets.delete_bucket(people.charlie.actor, name)
    datasets.create_bucket(people.alice.actor, name)
    store.put(name, "t/data.csv", io.BytesIO(b"id\n4711\n"))
    with pytest.raises(SqlError):
        examine(people.charlie.actor, "SELECT id FROM copy", made)


def test_names_of_withheld_columns_stay_withheld(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    Table.objects.filter(pk=table.pk).update(options={"field.email": "E-Mail", "delimiter": ","})
    give("table", str(table), columns=["id"])
    charlie = people.charlie.actor
    shown = as_json(catalog.get_table(charlie, table.database.name, "people"))
    assert shown["options"] == {"delimiter": ","}
    for sql in ("SELECT emai FROM people", "SELECT p.emial FROM people p"):
        with pytest.raises(SqlError) as refused:
            examine(charlie, sql, table.database.name)
        assert refused.value.code == "COLUMN_NOT_FOUND"
        assert "email" not in refused.value.message
    with pytest.raises(SqlError) as refused:
        examine(people.carol.actor, "SELECT emai FROM people", table.database.name)
    assert "Did you mean email?" in refused.value.message


def test_who_asks_why_learns_of_nothing_hidden(people: People, make_table: MakeTable, bucket: Bucket) -> None:
    table = make_table("people")
    name = table.database.name
    ask = "/api/v1/access?action=read&resource="
    assert people.charlie.api.get(f"{ask}table:{table}").json()["allowed"] is False
    Table.objects.filter(pk=table.pk).update(hidden=True)
    for there, absent in (
        (f"table:{table}", f"table:{name}.nothing"),
        (f"database:{name}", "database:nothing"),
        (f"bucket:{bucket.name}/x/", "bucket:nothing/x/"),
    ):
        answers = [people.charlie.api.get(ask + one) for one in (there, absent)]
        assert [answer.status_code for answer in answers] == [404, 404]
        words = [answer.json()["detail"].split("“")[0] + answer.json()["detail"].split("”")[1] for answer in answers]
        assert words[0] == words[1]
    assert people.victor.api.get(f"{ask}table:{table}").json()["allowed"] is True
    with pytest.raises(Missing):
        access.explain(people.charlie.actor, people.charlie.actor, "write", f"table:{table}")
