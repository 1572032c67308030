"""Costs: the month's money, by day, by who and what, each row with its arithmetic; the budget; everything as CSV."""

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from portal.access.decide import decide
from portal.access.model import Action, Actor, Resource
from portal.costs import services
from portal.problems import Denied, Invalid
from portal.web.pages import PageRequest, go, page, told

ENTRIES = 100
CSV_ENTRIES = 100_000
COLUMNS = ("day", "service", "what", "user", "estimate_usd", "held_usd", "list_usd", "charged_usd", "price_as_of")


@dataclass(frozen=True)
class Bar:
    """A day's bar in a chart of 100 × 100: x and width, top and height, and what it stands for."""

    day: date
    usd: Decimal
    x: float
    width: float
    height: float

    @property
    def y(self) -> float:
        return 100 - self.height


@require_GET
@page("costs")
def costs(request: PageRequest) -> HttpResponse:
    """The month of the team one works in."""
    actor = request.actor
    if not actor.team:
        raise Denied("You are in no team yet, so there are no costs to see. Ask an admin for an invitation.")
    month = services.month(actor)
    sums = services.summaries(actor, actor.team, month.month, ("day", "user", "service"))
    context = {
        "month": month,
        "bars": bars(month.month, sums["day"]),
        "by_user": sums["user"],
        "by_service": sums["service"],
        "entries": list(services.entries(actor, actor.team, month.month)[:ENTRIES]),
        "manages": decide(actor, Action.MANAGE, Resource("team", actor.team, actor.connection, actor.team)).allowed,
    }
    return render(request, "costs/_costs.html" if request.htmx else "costs/costs.html", context)


def bars(month: date, days: list[services.Line]) -> list[Bar]:
    """A bar for each day of the month, at list price."""
    spent = {line.group: line.list_usd for line in days}
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    count = (following - month).days
    highest = max(spent.values(), default=Decimal(0))
    found = []
    for number in range(count):
        day = month + timedelta(days=number)
        usd = spent.get(day.isoformat(), Decimal(0))
        height = float(usd / highest * 100) if highest else 0.0
        found.append(Bar(day, usd, x=number * 100 / count + 0.4, width=100 / count - 0.8, height=height))
    return found


@require_GET
@page("costs")
def download(request: PageRequest) -> HttpResponse:
    """The month's entries as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(request.actor):
        writer.writerow([_plain(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="costs-{request.actor.team}.csv"'}
    return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _rows(actor: Actor) -> list[tuple[object, ...]]:
    return [
        (
            row.day, row.service, row.operation.title if row.operation else "", row.user.username if row.user else "",
            *(services.dollars(n) for n in (row.estimate_nano, row.held_nano, row.list_nano, row.charged_nano)),
            row.price_as_of,
        )
        for row in services.entries(actor, actor.team)[:CSV_ENTRIES]
    ]  # fmt: skip


def _plain(cell: object) -> str:
    """A title that begins like a formula is text to a spreadsheet, too."""
    if isinstance(cell, Decimal):
        return services.plain(cell)
    text = str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@require_POST
@page("costs")
def budget(request: PageRequest) -> HttpResponse:
    """What the team may be charged a month; an empty amount takes the budget away."""
    with told(request):
        amount = request.POST.get("monthly_usd", "").strip()
        try:
            usd = Decimal(amount) if amount else None
        except InvalidOperation:
            raise Invalid.field("monthly_usd", f"“{amount[:40]}” is not an amount in USD.") from None
        hard = bool(request.POST.get("hard_stop"))
        services.set_budget(request.actor, request.actor.team, usd, hard_stop=hard)
        messages.success(request, "The budget is set." if amount else "The budget is taken away.")
    return go(request, "/costs")
