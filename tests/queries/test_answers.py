"""SHOW, DESCRIBE and EXPLAIN: answered from the catalog, under the reader's rights, as queries like any other."""

import pytest

from portal.access.models import Grant
from portal.accounts.models import Team
from portal.problems import Denied
from portal.queries import services
from portal.queries.answers import values
from portal.sql import SqlError
from tests.harness.people import Person
from tests.queries.conftest import Shop, carried_out


def answered(shop: Shop, person: Person, sql: str) -> tuple[list[str], list[list[object]]]:
    operation = carried_out(services.run(person.actor, sql, shop.database))
    assert operation.state == "succeeded", operation.error
    found = services.rows(person.actor, operation)
    return [column["name"] for column in found.columns], found.rows


def test_show_and_describe(shop: Shop) -> None:
    carol = shop.people.carol
    names, rows = answered(shop, carol, "SHOW DATABASES")
    assert (names, [shop.database] in rows) == (["database_name"], True)
    assert answered(shop, carol, "SHOW TABLES") == (["tab_name"], [["items"]])
    assert answered(shop, carol, f"SHOW TABLES IN {shop.database} 'it*|x'") == (["tab_name"], [["items"]])
    assert answered(shop, carol, "SHOW TABLES 'nothing*'") == (["tab_name"], [])
    assert answered(shop, carol, "SHOW COLUMNS IN items") == (["field"], [["id"], ["title"], ["price"], ["month"]])
    months = [["month=2026-01"], ["month=2026-02"], ["month=2026-03"]]
    assert answered(shop, carol, "SHOW PARTITIONS items") == (["partition"], months)
    assert answered(shop, carol, f"DESCRIBE {shop.items}") == (
        ["col_name", "data_type", "comment"],
        [
            ["id", "bigint", ""],
            ["title", "varchar", ""],
            ["price", "decimal(8,2)", ""],
            ["month", "varchar", "partition key"],
        ],
    )


def test_explain_says_what_would_be_read(shop: Shop) -> None:
    names, rows = answered(shop, shop.people.carol, "EXPLAIN SELECT id FROM items WHERE month = '2026-02'")
    assert names == ["query plan"]
    assert str(rows[0][0]).startswith(f"Read {shop.items}: id")
    assert "1 of 3 partitions" in str(rows[0][0])


def test_a_description_stops_where_rights_stop(shop: Shop) -> None:
    charlie = shop.people.charlie
    for sql in (f"DESCRIBE {shop.items}", "SHOW PARTITIONS items"):
        with pytest.raises(Denied):
            services.run(charlie.actor, sql, shop.database)
    with pytest.raises(SqlError, match="may not read"):
        services.run(charlie.actor, "EXPLAIN SELECT id FROM items", shop.database)
    Grant.objects.create(
        user=charlie.user, connection="local", resource_kind="table", resource_name=shop.items, action="read",
        columns=["id"], owner_team=Team.objects.get(slug="growth"),
    )  # fmt: skip
    assert answered(shop, charlie, "SHOW COLUMNS IN items")[1] == [["id"]]
    with pytest.raises(Denied):
        services.run(charlie.actor, "SHOW PARTITIONS items", shop.database)


def test_text_of_the_catalog_cannot_leave_its_quotes() -> None:
    assert values(["a"], [["it's"]]) == "SELECT \"a\" FROM (VALUES ('it''s')) AS answer(\"a\")"


def test_a_list_that_is_too_long_says_so() -> None:
    with pytest.raises(SqlError, match="too long"):
        values(["a"], [["x" * 1000]] * 300)


def test_what_the_catalog_answered_is_one_persons_alone(shop: Shop) -> None:
    operation = carried_out(services.run(shop.people.carol.actor, "SHOW TABLES", shop.database))
    assert services.rows(shop.people.carol.actor, operation).rows == [["items"]]
    with pytest.raises(Denied):
        services.rows(shop.people.alice.actor, operation)
