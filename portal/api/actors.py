"""In which team a caller works, where a request names a thing rather than a team.

Rights are a person's and one team's. A browser says which by its session; a client with a token may be in several
teams, and then works in the one that owns what it names.
"""

from collections.abc import Iterable

from portal.access.model import Actor
from portal.accounts.models import Membership, User
from portal.accounts.services import actor_of
from portal.api.auth import in_team
from portal.api.requests import Request


def for_owner(request: Request, team: str | None, owners: Iterable[str]) -> Actor:
    """The caller in `team` if it is given, else in the first of `owners` (slugs of the teams that own things of this
    name) that they are in, else as they come."""
    if team:
        return in_team(request, team)
    if _by_session(request):
        return request.actor
    mine = _teams(request.actor)
    own = next((slug for slug in owners if slug in mine), "")
    return actor_of(_user(request), own, request.actor.scopes) if own else request.actor


def everywhere(request: Request, team: str | None) -> list[Actor]:
    """The caller in each team to list from: `team` if it is given, the session's, or all of theirs."""
    if team:
        return [in_team(request, team)]
    if _by_session(request):
        return [request.actor]
    mine = _teams(request.actor)
    return [actor_of(_user(request), slug, request.actor.scopes) for slug in mine] or [request.actor]


def _by_session(request: Request) -> bool:
    return "Authorization" not in request.headers


def _teams(actor: Actor) -> list[str]:
    rows = Membership.objects.filter(user_id=actor.user_id, team__archived_at=None)
    return list(rows.order_by("team__name").values_list("team__slug", flat=True))


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
