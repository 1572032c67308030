"""Holds and settlements, and that many launches at once never pass a hard stop: on SQLite and on PostgreSQL."""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

from portal.accounts.models import Team
from portal.costs.models import Cost, TeamMonth
from portal.costs.services import dollars, hold, month, nano, plain, set_budget, settle, this_month
from portal.operations import ledger
from portal.operations.models import Operation
from portal.problems import Denied
from tests.harness.people import People

AS_OF = date(2026, 11, 1)
ZERO = Decimal(0)


def launch(people: People, usd: str, charges: bool = True) -> Operation:
    carol = people.carol
    with transaction.atomic():
        operation = ledger.record(
            kind="query.run", team=Team.objects.get(slug="growth"), owner=carol.user, connection="local", params={}
        )
        hold(operation, "query", Decimal(usd), arithmetic=["a line"], price_as_of=AS_OF, charges=charges)
    return operation


@pytest.mark.parametrize("usd", ["0", "0.000000001", "0.00005", "5", "123456789.987654321"])
def test_nano_and_back(usd: str) -> None:
    assert dollars(nano(Decimal(usd))) == Decimal(usd)
    assert plain(dollars(nano(Decimal(usd)))) == usd


def test_nano_rounds_up_so_that_holds_never_fall_short() -> None:
    assert nano(Decimal("0.0000000001")) == 1


def test_a_hold_is_released_by_what_it_really_cost(people: People) -> None:
    operation = launch(people, "0.3")
    now = month(people.carol.actor)
    assert (now.held, now.spent) == (Decimal("0.3"), ZERO)
    assert settle(operation, Decimal("0.2"), Decimal("0.2"), ["less was read"])
    now = month(people.carol.actor)
    assert (now.held, now.spent, now.list) == (ZERO, Decimal("0.2"), Decimal("0.2"))
    cost = Cost.objects.get(operation=operation)
    assert (cost.estimate_nano, cost.held_nano, cost.arithmetic) == (nano(Decimal("0.3")), 0, ["less was read"])


def test_settling_twice_changes_nothing(people: People) -> None:
    operation = launch(people, "0.3")
    assert settle(operation, Decimal("0.2"), Decimal("0.2"), [])
    assert not settle(operation, Decimal("0.9"), Decimal("0.9"), [])
    assert month(people.carol.actor).spent == Decimal("0.2")


def test_holding_twice_for_one_operation_holds_once(people: People) -> None:
    operation = launch(people, "0.3")
    hold(operation, "query", Decimal("0.3"), arithmetic=[], price_as_of=AS_OF, charges=True)
    assert month(people.carol.actor).held == Decimal("0.3")


def test_three_holds_of_a_tenth_fit_three_tenths(people: People) -> None:
    set_budget(people.alice.actor, "growth", Decimal("0.3"), hard_stop=True)
    for _ in range(3):
        launch(people, "0.1")
    assert month(people.carol.actor).left == 0


def test_a_hard_stop_refuses_and_leaves_nothing_behind(people: People) -> None:
    set_budget(people.alice.actor, "growth", Decimal("0.3"), hard_stop=True)
    launch(people, "0.25")
    with pytest.raises(Denied) as refused:
        launch(people, "0.06")
    assert refused.value.code == "budget"
    assert "0.06 USD" in refused.value.message
    assert Operation.objects.count() == 1
    assert TeamMonth.objects.get().held_nano == nano(Decimal("0.25"))
    launch(people, "0.05")


def test_without_a_hard_stop_a_budget_only_warns(people: People) -> None:
    set_budget(people.alice.actor, "growth", Decimal("0.3"), warn_at=0.5)
    launch(people, "0.1")
    assert not month(people.carol.actor).warn
    launch(people, "1")
    now = month(people.carol.actor)
    assert (now.warn, now.left, now.held) == (True, ZERO, Decimal("1.1"))


def test_where_nothing_is_charged_nothing_is_held_but_the_estimate_is_kept(people: People) -> None:
    set_budget(people.alice.actor, "growth", Decimal(0), hard_stop=True)
    operation = launch(people, "4", charges=False)
    cost = Cost.objects.get(operation=operation)
    assert (cost.estimate_nano, cost.held_nano) == (nano(Decimal(4)), 0)
    settle(operation, Decimal(3), Decimal(0), [])
    now = month(people.carol.actor)
    assert (now.spent, now.held, now.list) == (ZERO, ZERO, Decimal(3))


def test_what_was_held_last_month_is_settled_there(people: People) -> None:
    operation = launch(people, "2")
    last = date(2026, 1, 1)
    Cost.objects.filter(operation=operation).update(day=last)
    TeamMonth.objects.update(month=last)
    settle(operation, Decimal(1), Decimal(1), [])
    row = TeamMonth.objects.get()
    assert (row.month, row.held_nano, row.charged_nano) == (last, 0, nano(Decimal(1)))
    assert this_month() != last


RACE = """
import json, sys, threading
from datetime import date
from decimal import Decimal
import django
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
call_command("migrate", verbosity=0)
from portal.accounts.models import Team, User
from portal.costs.models import Budget, TeamMonth
from portal.costs.services import hold, nano, settle
from portal.operations.models import Operation
from portal.problems import Denied

team = Team.objects.create(slug="growth", name="Growth", connection="local")
owner = User.objects.create(username="carol")
Budget.objects.create(team=team, monthly_nano=nano(Decimal("1")), hard_stop=True)
outcomes, settled, start = [], [], threading.Barrier(12)

def launch():
    start.wait()
    try:
        with transaction.atomic():
            operation = Operation.objects.create(kind="query.run", team=team, owner=owner, connection="local")
            hold(operation, "query", Decimal("0.3"), arithmetic=[], price_as_of=date(2026, 11, 1), charges=True)
        outcomes.append("held")
    except Denied:
        outcomes.append("denied")
    finally:
        connection.close()

def end():
    start.wait()
    try:
        operation = Operation.objects.first()
        settled.append(settle(operation, Decimal("0.3"), Decimal("0.3"), []))
    finally:
        connection.close()

for target in (launch, end):
    threads = [threading.Thread(target=target) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
month = TeamMonth.objects.get()
sums = {"held_nano": month.held_nano, "charged_nano": month.charged_nano, "operations": Operation.objects.count()}
ends = {"held": outcomes.count("held"), "denied": outcomes.count("denied"), "settled": sum(settled)}
json.dump({**sums, **ends}, sys.stdout)
"""


def race(database_url: str, data: Path) -> dict[str, int]:
    environment = {**os.environ, "DATABASE_URL": database_url, "SKYDECK_DATA": str(data), "SKYDECK_LOG_LEVEL": "ERROR"}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    done = subprocess.run([sys.executable, "-c", RACE], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


FITTING = {"held": 3, "denied": 9, "settled": 1, "operations": 3, "held_nano": 600_000_000, "charged_nano": 300_000_000}


def test_twelve_launches_at_once_hold_no_more_than_fits_on_sqlite(tmp_path: Path) -> None:
    assert race(f"sqlite:///{tmp_path / 'race.sqlite3'}", tmp_path) == FITTING


def test_twelve_launches_at_once_hold_no_more_than_fits_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    assert race(postgres_url, tmp_path) == FITTING
