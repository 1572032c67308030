"""Who calls: a bearer token, or a signed-in browser with its CSRF token."""

from typing import Any

from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from portal.access.model import Actor
from portal.accounts.models import Membership
from portal.accounts.services import actor_of, user_of_token
from portal.problems import Invalid
from portal.web.middleware import session_actor


class BearerAuth(HttpBearer):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        found = user_of_token(token)
        if found is None:
            return None
        request.user = found.user
        request.actor = actor_of(found.user, scopes=frozenset(found.scopes))  # type: ignore[attr-defined]
        return request.actor  # type: ignore[attr-defined,no-any-return]


class SessionAuth(APIKeyCookie):
    """The browser's session; ninja checks CSRF for cookies."""

    param_name = "skydeck_session"

    def __call__(self, request: HttpRequest) -> Any:
        """None without a session; and a wrong token is a wrong token, whatever the cookie says."""
        if "Authorization" in request.headers or self.param_name not in request.COOKIES:
            return None
        return super().__call__(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return session_actor(request)


def in_team(request: HttpRequest, team: str | None) -> Actor:
    """The caller at work in the team they named; by default their only one. Invalid (422) where that is not clear."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if team:
        return actor_of(request.user, team, actor.scopes)  # type: ignore[arg-type]
    if Membership.objects.filter(user_id=actor.user_id, team__archived_at=None).count() == 1:
        return actor_of(request.user, "", actor.scopes)  # type: ignore[arg-type]
    raise Invalid.field("team", "Say which team this is for: you are in none, or in several.")
