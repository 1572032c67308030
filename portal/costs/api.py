"""REST: costs and budgets (api.md, costs)."""

from datetime import date
from decimal import Decimal
from typing import Any

from ninja import Field, Query, Router, Schema

from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.costs import services
from portal.costs.models import Budget
from portal.costs.services import Line, dollars, plain

router = Router(tags=["costs"])


class CostQuery(PageQuery):
    """`from` and `to` are days of the site's time zone, both counted; by default this month so far."""

    team: str = ""
    start: date | None = Field(None, alias="from")
    end: date | None = Field(None, alias="to")
    group_by: str = "day"


class BudgetIn(Schema):
    """A monthly budget; null takes it away. From `warn_at` (a share of it) on people are warned; with `hard_stop`
    nothing starts that could pass it."""

    monthly_usd: Decimal | None
    warn_at: float = 0.8
    hard_stop: bool = False


def show(line: Line) -> dict[str, str]:
    figures = {name: plain(value) for name, value in line.__dict__.items() if name != "group"}
    return {"group": line.group, **figures}


def show_budget(budget: Budget | None) -> dict[str, Any]:
    if budget is None:
        return {"monthly_usd": None, "warn_at": None, "hard_stop": False}
    monthly = plain(dollars(budget.monthly_nano))
    return {"monthly_usd": monthly, "warn_at": budget.warn_at, "hard_stop": budget.hard_stop}


@router.get("/costs", summary="What was spent, by day, team, user or service")
def costs(request: Request, query: Query[CostQuery]) -> dict[str, Any]:
    """Of one team, or of all teams that the caller is in."""
    lines = services.summary(request.actor, query.team, query.start, query.end, query.group_by)
    return page(lines, query, show)


@router.get("/teams/{slug}/budget", summary="A team's monthly budget")
def get_budget(request: Request, slug: str) -> dict[str, Any]:
    return show_budget(services.get_budget(request.actor, slug))


@router.put("/teams/{slug}/budget", summary="Set a team's monthly budget (its admins)")
def set_budget(request: Request, slug: str, body: BudgetIn) -> dict[str, Any]:
    return show_budget(services.set_budget(request.actor, slug, body.monthly_usd, body.warn_at, body.hard_stop))
