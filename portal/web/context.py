"""What the frame around every page shows."""

from typing import Any

from django.http import HttpRequest

from portal.accounts.services import teams_of
from portal.operations.services import running_count


def frame(request: HttpRequest) -> dict[str, Any]:
    """actor, their team and teams, and how much runs; empty for strangers and for fragments, which have no frame."""
    actor = getattr(request, "actor", None)
    if actor is None:
        return {"actor": None}
    if getattr(request, "htmx", False):
        return {"actor": actor}
    teams = list(teams_of(actor))
    team = next((team for team in teams if team.slug == actor.team), None)
    return {"actor": actor, "team": team, "teams": teams, "running": running_count(actor)}
