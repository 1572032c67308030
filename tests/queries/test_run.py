"""A query from its text to its rows, on the real local cloud: gate, ledger, engine, result, cost."""

from decimal import Decimal

import pytest

from portal.access.models import Grant
from portal.accounts.models import Membership, Team
from portal.cloud import ports
from portal.costs.models import Cost
from portal.operations import ledger
from portal.operations.models import Operation, State
from portal.problems import Conflict, Denied, Invalid, Missing
from portal.queries import services
from portal.sql import SqlError
from tests.harness.people import Person
from tests.queries.conftest import ROWS_A_MONTH, Shop, carried_out


def grant(shop: Shop, to: Person, columns: list[str] | None = None) -> Grant:
    return Grant.objects.create(
        user=to.user, connection="local", resource_kind="table", resource_name=shop.items, action="read",
        columns=columns, owner_team=Team.objects.get(slug="growth"),
    )  # fmt: skip


def ran(shop: Shop, person: Person, sql: str, **options: object) -> Operation:
    return carried_out(services.run(person.actor, sql, shop.database, **options))  # type: ignore[arg-type]


def code(operation: Operation) -> str:
    assert operation.error
    return str(operation.error["code"])


def test_a_query_runs_and_gives_its_rows(shop: Shop) -> None:
    carol = shop.people.carol
    operation = ran(shop, carol, "SELECT id, price, month FROM items WHERE month = '2026-02' ORDER BY id")
    assert operation.state == State.SUCCEEDED, operation.error
    found = services.rows(carol.actor, operation, offset=998, limit=5)
    assert found.columns == [
        {"name": "id", "type": "bigint"},
        {"name": "price", "type": "decimal(8,2)"},
        {"name": "month", "type": "varchar"},
    ]
    assert found.rows == [[20998, "98.00", "2026-02"], [20999, "99.00", "2026-02"]]
    assert found.total == ROWS_A_MONTH
    assert operation.result["rows"] == ROWS_A_MONTH
    assert operation.result["bytes_scanned"] > 0
    assert operation.title.startswith("SELECT id, price, month FROM items")


def test_the_estimate_moves_with_the_statement(shop: Shop) -> None:
    actor = shop.people.carol.actor
    one = services.estimate(actor, "SELECT id FROM items WHERE month = '2026-02'", shop.database)
    whole = services.estimate(actor, "SELECT * FROM items", shop.database)
    assert 0 < one.bytes < whole.bytes <= shop.table.bytes
    assert (one.tables[0].partitions, one.tables[0].partitions_total) == (1, 3)
    assert (one.billed_bytes, one.usd) == (10_000_000, Decimal("0.00005"))
    assert services.estimate(actor, "SELECT 1", shop.database).usd == 0


def test_what_it_cost_is_kept_with_its_arithmetic(shop: Shop) -> None:
    operation = ran(shop, shop.people.carol, "SELECT count(*) FROM items")
    cost = Cost.objects.get(operation=operation)
    assert (cost.list_nano, cost.charged_nano, cost.held_nano) == (50_000, 0, 0)
    assert cost.settled_at is not None
    assert cost.arithmetic[-1] == "nothing is charged on this connection"
    assert services.shown(operation)["list_usd"] == "0.00005"


def test_a_statement_that_fails_while_it_runs_says_why_and_costs_nothing(shop: Shop) -> None:
    operation = ran(shop, shop.people.carol, "SELECT 1 / (id - id) FROM items")
    assert operation.state == State.FAILED
    assert code(operation) == "DIVISION_BY_ZERO"
    assert Cost.objects.get(operation=operation).list_nano == 0
    with pytest.raises(Conflict):
        services.rows(shop.people.carol.actor, operation)


def test_a_wrong_statement_is_refused_with_its_place_and_nothing_is_recorded(shop: Shop) -> None:
    with pytest.raises(SqlError) as refused:
        services.run(shop.people.carol.actor, "SELECT id,\n  titel FROM items", shop.database)
    assert (refused.value.code, refused.value.line, refused.value.column) == ("COLUMN_NOT_FOUND", 2, 3)
    assert not Operation.objects.exists()


def test_parameters_are_literals_in_order(shop: Shop) -> None:
    sql = "SELECT id FROM items WHERE month = ? AND id < ? ORDER BY 1"
    operation = ran(shop, shop.people.carol, sql, parameters=["'2026-01'", "10002"])
    assert services.rows(shop.people.carol.actor, operation).rows == [[10000], [10001]]
    for wrong in ([], ["'2026-01'"], ["'2026-01'", "(SELECT 1)"]):
        with pytest.raises(SqlError) as refused:
            services.run(shop.people.carol.actor, sql, shop.database, wrong)
        assert refused.value.code == "INVALID_PARAMETER"


def test_a_limit_in_dollars_stops_before_the_start(shop: Shop) -> None:
    actor, sql = shop.people.carol.actor, "SELECT id FROM items"
    with pytest.raises(Invalid) as refused:
        services.run(actor, sql, shop.database, max_usd=Decimal("0.00004"))
    assert "0.00005 USD" in refused.value.message
    assert not Operation.objects.exists()
    assert services.run(actor, sql, shop.database, max_usd=Decimal("0.00005")).state == State.QUEUED


def test_the_same_key_starts_nothing_twice(shop: Shop) -> None:
    actor, sql = shop.people.carol.actor, "SELECT 1"
    first = services.run(actor, sql, shop.database, idempotency=("k", {"sql": sql}))
    assert services.run(actor, sql, shop.database, idempotency=("k", {"sql": sql})) == first
    assert Cost.objects.count() == 1
    with pytest.raises(Conflict):
        services.run(actor, "SELECT 2", shop.database, idempotency=("k", {"sql": "SELECT 2"}))


# --- rights -----------------------------------------------------------------------------------------------------------


def test_a_viewer_runs_nothing_but_sees_the_result_of_a_team_mate(shop: Shop) -> None:
    victor = shop.people.victor
    with pytest.raises(Denied):
        services.run(victor.actor, "SELECT 1", shop.database)
    operation = ran(shop, shop.people.carol, "SELECT id FROM items LIMIT 3")
    assert services.get(victor.actor, operation.id) == operation
    assert len(services.rows(victor.actor, operation).rows) == 3


def test_a_stranger_knows_of_no_query_and_may_not_count_a_table(shop: Shop) -> None:
    charlie = shop.people.charlie
    operation = ran(shop, shop.people.carol, "SELECT id FROM items LIMIT 3")
    with pytest.raises(Missing):
        services.get(charlie.actor, operation.id)
    with pytest.raises(Denied):
        services.rows(charlie.actor, operation)
    for sql in ("SELECT count(*) FROM items", "SELECT id FROM items", "SELECT\ttitel FROM items"):
        with pytest.raises(SqlError) as refused:
            services.run(charlie.actor, sql, shop.database)
        assert refused.value.code == "PERMISSION_DENIED"
        assert "title" not in refused.value.message


def test_granted_columns_and_no_others(shop: Shop) -> None:
    charlie = shop.people.charlie
    grant(shop, charlie, ["id"])
    operation = ran(shop, charlie, "SELECT max(id) FROM items")
    assert services.rows(charlie.actor, operation).rows == [[30999]]
    for sql in ("SELECT price FROM items", "SELECT id FROM items WHERE price > 1", "SELECT * FROM items"):
        with pytest.raises(SqlError) as refused:
            services.run(charlie.actor, sql, shop.database)
        assert refused.value.code == "PERMISSION_DENIED"


def test_a_grant_that_is_taken_back_closes_results_that_stand(shop: Shop) -> None:
    charlie = shop.people.charlie
    given = grant(shop, charlie)
    operation = ran(shop, charlie, "SELECT id, price FROM items LIMIT 1")
    assert services.rows(charlie.actor, operation).total == 1
    given.columns = ["id"]
    given.save()
    with pytest.raises(Denied):
        services.rows(charlie.actor, operation)
    given.delete()
    for ask in (
        lambda: services.rows(charlie.actor, operation),
        lambda: services.download(charlie.actor, operation, "csv"),
    ):
        with pytest.raises(Denied):
            ask()
    assert services.get(charlie.actor, operation.id) == operation


def test_a_grant_that_is_taken_back_before_the_start_stops_it(shop: Shop) -> None:
    charlie = shop.people.charlie
    given = grant(shop, charlie)
    operation = services.run(charlie.actor, "SELECT id FROM items", shop.database)
    given.delete()
    carried_out(operation)
    assert (operation.state, code(operation)) == (State.FAILED, "PERMISSION_DENIED")
    assert not operation.ref


def test_whoever_left_the_team_before_the_start_runs_nothing(shop: Shop) -> None:
    operation = services.run(shop.people.carol.actor, "SELECT id FROM items", shop.database)
    Membership.objects.filter(user=shop.people.carol.user).update(role="viewer")
    carried_out(operation)
    assert (operation.state, code(operation)) == (State.FAILED, "DENIED")


# --- tables that change -----------------------------------------------------------------------------------------------


def test_a_table_that_grew_since_the_launch_is_read_as_it_is(shop: Shop) -> None:
    before = shop.table.version
    operation = services.run(shop.people.carol.actor, "SELECT count(*) FROM items", shop.database)
    shop.grow()
    assert shop.table.version != before
    carried_out(operation)
    assert services.rows(shop.people.carol.actor, operation).rows == [[4 * ROWS_A_MONTH]]


def test_a_table_whose_columns_changed_what_is_shown_is_refused(shop: Shop) -> None:
    operation = services.run(shop.people.carol.actor, "SELECT * FROM items", shop.database)
    shop.redefine(ports.Column("id", "bigint"), ports.Column("title", "varchar"))
    carried_out(operation)
    assert (operation.state, code(operation)) == (State.FAILED, "TABLE_CHANGED")


# --- previews, history, cancel ----------------------------------------------------------------------------------------


def test_a_preview_shows_what_one_may_see_and_is_made_once_a_version(shop: Shop) -> None:
    charlie, victor = shop.people.charlie, shop.people.victor
    grant(shop, charlie, ["id", "month"])
    first = carried_out(services.preview(charlie.actor, shop.database, "items", 10))
    found = services.rows(charlie.actor, first)
    assert [column["name"] for column in found.columns] == ["id", "month"]
    assert len(found.rows) == 10
    assert services.preview(charlie.actor, shop.database, "items", 10) == first
    seen_by_viewer = services.preview(victor.actor, shop.database, "items", 10)
    assert carried_out(seen_by_viewer).state == State.SUCCEEDED
    shop.grow()
    assert services.preview(charlie.actor, shop.database, "items", 10) != first


def test_previews_stay_out_of_the_history(shop: Shop) -> None:
    carol, alice = shop.people.carol, shop.people.alice
    services.preview(carol.actor, shop.database, "items")
    mine = services.run(carol.actor, "SELECT 1", shop.database)
    other = services.run(alice.actor, "SELECT 2", shop.database)
    assert list(services.history(carol.actor)) == [other, mine]
    assert list(services.history(carol.actor, mine=True)) == [mine]
    assert list(services.history(carol.actor, state="running")) == []
    assert list(services.history(shop.people.charlie.actor)) == []


def test_a_query_that_nobody_began_is_stopped_at_once_and_releases_its_hold(shop: Shop) -> None:
    operation = services.run(shop.people.carol.actor, "SELECT id FROM items", shop.database)
    services.cancel(shop.people.alice.actor, operation.id)
    operation.refresh_from_db()
    cost = Cost.objects.get(operation=operation)
    assert operation.state == State.CANCELLED
    assert (cost.list_nano, cost.settled_at is not None) == (0, True)


def test_a_late_attempt_finds_the_query_done_and_its_cost_settled_once(shop: Shop) -> None:
    operation = ran(shop, shop.people.carol, "SELECT count(*) FROM items")
    settled = Cost.objects.get(operation=operation).settled_at
    assert not ledger.ended(operation, State.FAILED)
    carried_out(operation)
    assert Cost.objects.get(operation=operation).settled_at == settled
