"""The routes of costs: as admin, team-mate, viewer, stranger, site admin, nobody and with a wrong token."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Team
from portal.cloud.ports import PriceBook
from portal.costs.models import Cost
from portal.costs.services import entries, hold, month, record_storage, settle, storage_estimate, summary
from portal.operations import ledger
from portal.problems import Invalid
from tests.harness.people import People, Person

BUDGET = "/api/v1/teams/growth/budget"
BOOK = PriceBook("us-east-1", date(2026, 11, 1), "a test", Decimal(5), 10_000_000, Decimal("0.023"))


def spend(person: Person, team: str, usd: str, service: str = "query") -> None:
    operation = ledger.record(
        kind="query.run", team=Team.objects.get(slug=team), owner=person.user, connection="local", params={}
    )
    hold(operation, service, Decimal(usd), arithmetic=[usd], price_as_of=BOOK.as_of, charges=True)
    settle(operation, Decimal(usd) / 2, Decimal(usd) / 4, [f"half of {usd}"])


def test_costs_by_service_are_summed_to_the_nano_dollar(people: People) -> None:
    for usd in ("0.1", "0.2", "0.00005"):
        spend(people.carol, "growth", usd)
    spend(people.bob, "growth", "4", "training")
    answer = people.victor.api.get("/api/v1/costs", {"team": "growth", "group_by": "service"}).json()
    assert answer == {
        "items": [
            {
                "group": "query", "estimate_usd": "0.30005", "held_usd": "0",
                "list_usd": "0.150025", "charged_usd": "0.0750125",
            },
            {"group": "training", "estimate_usd": "4", "held_usd": "0", "list_usd": "2", "charged_usd": "1"},
        ],
        "next": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("group_by", "groups"), [("user", ["bob", "carol"]), ("team", ["growth"]), ("day", [str(timezone.localdate())])]
)
def test_costs_are_grouped_as_asked(people: People, group_by: str, groups: list[str]) -> None:
    spend(people.bob, "growth", "1")
    spend(people.carol, "growth", "1")
    spend(people.charlie, "ops", "1")
    answer = people.alice.api.get("/api/v1/costs", {"group_by": group_by}).json()
    assert [line["group"] for line in answer["items"]] == groups


def test_costs_between_two_days_count_both(people: People) -> None:
    for usd, day in (("1", 1), ("2", 2), ("4", 3)):
        spend(people.bob, "growth", usd)
        Cost.objects.filter(estimate_nano=int(usd) * 10**9).update(day=date(2026, 3, day))
    answer = people.alice.api.get("/api/v1/costs?team=growth&from=2026-03-02&to=2026-03-03").json()
    assert [(line["group"], line["estimate_usd"]) for line in answer["items"]] == [
        ("2026-03-02", "2"),
        ("2026-03-03", "4"),
    ]


def test_pages_of_costs(people: People) -> None:
    spend(people.bob, "growth", "1")
    spend(people.carol, "growth", "1")
    first = people.alice.api.get("/api/v1/costs", {"group_by": "user", "limit": "1"}).json()
    rest = people.alice.api.get(
        "/api/v1/costs", {"group_by": "user", "limit": "1", "cursor": str(first["next"])}
    ).json()
    assert [line["group"] for line in first["items"] + rest["items"]] == ["bob", "carol"]
    assert rest["next"] is None


def test_what_cannot_be_asked(people: People) -> None:
    for asked in ("group_by=colour", "from=yesterday", "from=2026-02-02&to=2026-02-01", "cursor=x"):
        assert people.alice.api.get(f"/api/v1/costs?{asked}").status_code == 422


def test_a_stranger_sees_nothing_of_another_team(people: People) -> None:
    spend(people.bob, "growth", "1")
    assert people.charlie.api.get("/api/v1/costs?team=growth").status_code == 404
    assert people.charlie.api.get("/api/v1/costs").json()["items"] == []
    assert len(people.root.api.get("/api/v1/costs?team=growth").json()["items"]) == 1


def test_nobody_comes_in_without_a_token(people: People) -> None:
    for client in (Client(), Client(headers={"Authorization": "Bearer sky_wrong"})):
        assert client.get("/api/v1/costs").status_code == 401
        assert client.get(BUDGET).status_code == 401
        assert client.put(BUDGET, {"monthly_usd": "1"}, content_type="application/json").status_code == 401


def test_an_admin_sets_a_budget_and_the_team_reads_it(people: People) -> None:
    unset = {"monthly_usd": None, "warn_at": None, "hard_stop": False}
    assert people.victor.api.get(BUDGET).json() == unset
    wanted = {"monthly_usd": "250.5", "warn_at": 0.5, "hard_stop": True}
    put = people.alice.api.put(BUDGET, wanted, content_type="application/json")
    assert (put.status_code, put.json()) == (200, wanted)
    assert people.victor.api.get(BUDGET).json() == wanted
    assert month(people.victor.actor).left == Decimal("250.5")
    assert people.alice.api.put(BUDGET, {"monthly_usd": None}, content_type="application/json").json() == unset


def test_only_admins_set_a_budget(people: People) -> None:
    statuses = {
        name: getattr(people, name).api.put(BUDGET, {"monthly_usd": "1"}, content_type="application/json").status_code
        for name in ("bob", "carol", "victor", "charlie", "root")
    }
    assert statuses == {"bob": 403, "carol": 403, "victor": 403, "charlie": 404, "root": 200}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("monthly_usd", {"monthly_usd": "-1"}),
        ("monthly_usd", {"monthly_usd": "9000000001"}),
        ("monthly_usd", {"monthly_usd": "NaN"}),
        ("monthly_usd", {"monthly_usd": "Infinity"}),
        ("warn_at", {"monthly_usd": "1", "warn_at": 0}),
        ("warn_at", {"monthly_usd": "1", "warn_at": 1.01}),
    ],
)
def test_a_budget_that_makes_no_sense(people: People, field: str, body: dict[str, object]) -> None:
    answer = people.alice.api.put(BUDGET, body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith(field)


def test_a_day_of_storage_is_booked_once(people: People) -> None:
    team = Team.objects.get(slug="growth")
    day = date(2026, 11, 5)
    for size in (10**12, 5):
        record_storage(team, day, size, BOOK, charges=True)
    line = summary(people.bob.actor, "growth", day, day, "service")[0]
    assert line.group == "storage"
    assert abs(line.charged_usd - Decimal(23) / 30) < Decimal("0.000000002")
    assert entries(people.bob.actor, "growth", day).get().arithmetic[0] == (
        "1,000,000,000,000 bytes × 0.023 USD per GB and month"
    )


def test_what_storage_costs_a_month() -> None:
    assert storage_estimate(5 * 10**9, BOOK).usd_per_month == Decimal("0.115")


def test_a_range_that_ends_before_it_begins(people: People) -> None:
    with pytest.raises(Invalid):
        entries(people.bob.actor, "growth", timezone.localdate(), timezone.localdate() - timedelta(days=1))
