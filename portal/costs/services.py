"""Money: an estimate is held before a launch and settled on what it really cost, exactly once.

Amounts are nano-USD as integers in rows and Decimal USD outside. Months and days are of the site's time zone. What a
launch costs counts in the month it was held in, also where it ends in the next.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal, InvalidOperation

from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from portal.access.decide import require
from portal.access.model import Action, Actor
from portal.accounts.models import Team
from portal.accounts.services import actor_in, get_team, team_resource, teams_of
from portal.cloud.ports import PriceBook
from portal.costs.models import Budget, Cost, TeamMonth
from portal.operations.models import Operation
from portal.problems import Denied, Invalid

NANO = 10**9
BUDGET_MAX = Decimal(9 * 10**9)  # USD: what fits in 64 bits as nano-USD
GB = 10**9
GROUPS = {"day": "day", "team": "team__slug", "user": "user__username", "service": "service"}


def nano(usd: Decimal) -> int:
    """USD as whole nano-USD, rounded away from zero: a sum of holds never falls short of what they stand for."""
    return int((usd * NANO).to_integral_value(ROUND_UP))


def dollars(amount: int) -> Decimal:
    """Nano-USD as USD, without zeros at the end."""
    return Decimal(plain(Decimal(amount).scaleb(-9)))


def plain(usd: Decimal) -> str:
    """An amount as the API writes it: digits and a point, no exponent, no zeros at the end."""
    text = format(usd, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def this_month() -> date:
    """The first day of the month, as the site's clock on the wall says."""
    return timezone.localdate().replace(day=1)


# --- hold and settle --------------------------------------------------------------------------------------------------


def hold(
    operation: Operation,
    service: str,
    estimate_usd: Decimal,
    *,
    arithmetic: Sequence[str],
    price_as_of: date,
    charges: bool,
) -> Cost:
    """Set the estimate of a launch aside from its team's budget, in the caller's transaction.

    `estimate_usd` is at list price; a connection that `charges` nothing holds nothing. Denied(budget) where a hard stop
    would be passed: the caller's transaction then leaves nothing behind. An operation that has its cost keeps it.
    """
    if found := Cost.objects.filter(operation=operation).first():
        return found
    estimate = nano(estimate_usd)
    held = estimate if charges else 0
    today = timezone.localdate()
    with transaction.atomic():
        if held:
            _hold(operation.team, today.replace(day=1), held)
        return Cost.objects.create(
            operation=operation, team=operation.team, user=operation.owner, service=service, day=today,
            estimate_nano=estimate, held_nano=held, arithmetic=list(arithmetic), price_as_of=price_as_of,
        )  # fmt: skip


def _hold(team: Team, month: date, amount: int) -> None:
    """One conditional UPDATE decides, so that of many at once no two can take the same money."""
    TeamMonth.objects.get_or_create(team=team, month=month)
    rows = TeamMonth.objects.filter(team=team, month=month)
    budget = Budget.objects.filter(team=team).first()
    if budget and budget.hard_stop:
        rows = rows.alias(total=F("held_nano") + F("charged_nano")).filter(total__lte=budget.monthly_nano - amount)
    if not rows.update(held_nano=F("held_nano") + amount):
        assert budget is not None
        raise Denied(
            f"This would cost up to {plain(dollars(amount))} USD, more than is left of {team.name}'s budget of "
            f"{plain(dollars(budget.monthly_nano))} USD for the month. Ask an admin of {team.slug} to raise it.",
            code="budget",
        )


def settle(operation: Operation, list_usd: Decimal, charged_usd: Decimal, arithmetic: Sequence[str]) -> bool:
    """Put what it really cost in place of what was held. True exactly once an operation; later calls change nothing."""
    with transaction.atomic():
        cost = Cost.objects.select_for_update().filter(operation=operation).first()
        if cost is None:
            return False
        charged = nano(charged_usd)
        settled = Cost.objects.filter(pk=cost.pk, settled_at=None).update(
            held_nano=0, list_nano=nano(list_usd), charged_nano=charged,
            arithmetic=list(arithmetic), settled_at=timezone.now(),
        )  # fmt: skip
        if settled and (cost.held_nano or charged):
            TeamMonth.objects.filter(team=cost.team_id, month=cost.day.replace(day=1)).update(
                held_nano=F("held_nano") - cost.held_nano, charged_nano=F("charged_nano") + charged
            )
        return bool(settled)


def record_storage(team: Team, day: date, size: int, book: PriceBook, charges: bool) -> Cost:
    """What `size` bytes cost a team for one day: a row a team and day. The first measurement of a day stands."""
    price = storage_estimate(size, book)
    usd = price.usd_per_month / calendar.monthrange(day.year, day.month)[1]
    charged = nano(usd) if charges else 0
    with transaction.atomic():
        cost, created = Cost.objects.get_or_create(
            team=team, day=day, service=Cost.Service.STORAGE, operation=None,
            defaults={
                "estimate_nano": nano(usd), "list_nano": nano(usd), "charged_nano": charged,
                "settled_at": timezone.now(), "price_as_of": book.as_of,
                "arithmetic": [*price.arithmetic, "one day of the month's price"],
            },
        )  # fmt: skip
        if created and charged:
            month, _ = TeamMonth.objects.get_or_create(team=team, month=day.replace(day=1))
            TeamMonth.objects.filter(pk=month.pk).update(charged_nano=F("charged_nano") + charged)
    return cost


@dataclass(frozen=True)
class StoragePrice:
    """What keeping some bytes costs a month at list price."""

    bytes: int
    usd_per_month: Decimal
    price_as_of: date
    arithmetic: tuple[str, ...]


def storage_estimate(size: int, book: PriceBook) -> StoragePrice:
    """The list price of keeping `size` bytes for a month."""
    rate = book.storage_usd_per_gb_month
    usd = Decimal(size) / GB * rate
    return StoragePrice(size, usd, book.as_of, (f"{size:,} bytes × {rate} USD per GB and month",))


# --- what was spent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One group and its four figures in USD. `group` is an ISO day, a slug, a username ("" is storage) or a service."""

    group: str
    estimate_usd: Decimal
    held_usd: Decimal
    list_usd: Decimal
    charged_usd: Decimal


def entries(actor: Actor, team: str = "", start: date | None = None, end: date | None = None) -> QuerySet[Cost]:
    """The rows themselves, newest first, from `start` to `end` (both days count; by default this month so far).

    Of one team, or of all teams that the actor is in. Each row carries its arithmetic.
    """
    start = start or this_month()
    if end and end < start:
        raise Invalid.field("to", "The last day is before the first.")
    if team:
        chosen = get_team(actor, team)
        require(actor_in(actor, chosen), Action.VIEW, team_resource(chosen))
        rows = Cost.objects.filter(team=chosen)
    else:
        rows = Cost.objects.filter(team__in=teams_of(actor))
    rows = rows.filter(day__gte=start).select_related("team", "user", "operation")
    return rows.filter(day__lte=end) if end else rows


def summary(
    actor: Actor, team: str = "", start: date | None = None, end: date | None = None, group_by: str = "day"
) -> list[Line]:
    """entries(), summed by `group_by`, in the order of the groups."""
    if group_by not in GROUPS:
        raise Invalid.field("group_by", f"Group by one of {', '.join(GROUPS)}.")
    field = GROUPS[group_by]
    sums = (
        entries(actor, team, start, end)
        .order_by(field)
        .values_list(field)
        .annotate(*(Sum(name) for name in ("estimate_nano", "held_nano", "list_nano", "charged_nano")))
    )
    return [Line(str(group or ""), *(dollars(figure) for figure in figures)) for group, *figures in sums]


def summaries(actor: Actor, team: str, start: date, groups: Sequence[str]) -> dict[str, list[Line]]:
    """summary() by each of `groups` at once, in one query: for a page that shows them side by side."""
    fields = [GROUPS[group] for group in groups]
    figures = ("estimate_nano", "held_nano", "list_nano", "charged_nano")
    rows = entries(actor, team, start).order_by().values_list(*fields).annotate(*(Sum(name) for name in figures))
    sums: dict[str, dict[str, list[int]]] = {group: {} for group in groups}
    for *keys, estimate, held, listed, charged in rows:
        for group, key in zip(groups, keys, strict=True):
            kept = sums[group].setdefault(str(key or ""), [0, 0, 0, 0])
            sums[group][str(key or "")] = [a + b for a, b in zip(kept, (estimate, held, listed, charged), strict=True)]
    return {
        group: [Line(key, *(dollars(figure) for figure in found[key])) for key in sorted(found)]
        for group, found in sums.items()
    }


# --- budgets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """A team's month in USD. `spent` is charged, `list` is at list price, `left` is None without a budget and never
    below 0; `warn` says that spent and held have passed the budget's `warn_at`."""

    month: date
    spent: Decimal
    held: Decimal
    list: Decimal
    left: Decimal | None
    budget: Decimal | None
    warn: bool
    hard_stop: bool


def month(actor: Actor) -> Month:
    """How the month of the actor's team stands."""
    team = get_team(actor, actor.team)
    require(actor, Action.VIEW, team_resource(team))
    row = TeamMonth.objects.filter(team=team, month=this_month()).first() or TeamMonth()
    budget = Budget.objects.filter(team=team).first()
    listed = Cost.objects.filter(team=team, day__gte=this_month()).aggregate(sum=Sum("list_nano"))["sum"] or 0
    taken = row.held_nano + row.charged_nano
    return Month(
        month=this_month(),
        spent=dollars(row.charged_nano),
        held=dollars(row.held_nano),
        list=dollars(listed),
        left=dollars(max(0, budget.monthly_nano - taken)) if budget else None,
        budget=dollars(budget.monthly_nano) if budget else None,
        warn=budget is not None and 0 < taken >= budget.monthly_nano * budget.warn_at,
        hard_stop=budget is not None and budget.hard_stop,
    )


def get_budget(actor: Actor, slug: str) -> Budget | None:
    """The budget of a team that the actor is in, or None where none is set."""
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.VIEW, team_resource(team))
    return Budget.objects.filter(team=team).first()


def set_budget(
    actor: Actor, slug: str, monthly_usd: Decimal | None, warn_at: float = 0.8, hard_stop: bool = False
) -> Budget | None:
    """Set what a team may be charged a month; `monthly_usd` None takes the budget away. An admin of the team may."""
    team = get_team(actor, slug)
    require(actor_in(actor, team), Action.MANAGE, team_resource(team))
    if monthly_usd is None:
        Budget.objects.filter(team=team).delete()
        return None
    try:
        fits = 0 <= monthly_usd <= BUDGET_MAX
    except InvalidOperation:  # a NaN compares with nothing
        fits = False
    if not fits:
        raise Invalid.field("monthly_usd", "A budget is an amount in USD from 0 to 9,000,000,000.")
    if not 0 < warn_at <= 1:
        raise Invalid.field("warn_at", "Warn at a share of the budget: more than 0, at most 1 (0.8 is 80 %).")
    values = {"monthly_nano": nano(monthly_usd), "warn_at": warn_at, "hard_stop": hard_stop}
    return Budget.objects.update_or_create(team=team, defaults=values)[0]
