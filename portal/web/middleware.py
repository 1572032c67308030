"""Who acts, for every page: `request.actor`. And problems raised by services become pages."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.access.model import Actor
from portal.accounts.services import actor_of
from portal.cloud.errors import Broken, CloudError, NotFound, Rejected
from portal.problems import Missing, Problem

log = logging.getLogger(__name__)
TEAM_KEY = "team"


class ActorMiddleware:
    """Sets `request.actor` for signed-in people: in the team of their session, else their first. The API sets its
    own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = session_actor(request)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A problem, as a page: the same words that the API would give."""
        if request.path.startswith("/api/"):
            return None
        if isinstance(error, Problem):
            return problem_page(request, error.status, error.message, error.code)
        if isinstance(error, CloudError):
            return problem_page(request, cloud_status(error), error.message, error.code)
        return None


def session_actor(request: HttpRequest) -> Actor | None:
    if not request.user.is_authenticated:
        return None
    try:
        return actor_of(request.user, request.session.get(TEAM_KEY, ""))
    except Missing:  # they left that team since
        request.session.pop(TEAM_KEY, None)
        return actor_of(request.user)


def cloud_status(error: CloudError) -> int:
    """The HTTP status of a provider's error."""
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Rejected):
        return 409 if error.code == "CONFLICT" else 422
    if isinstance(error, Broken):
        log.error("broken", exc_info=error)
        return 500
    return 503


def problem_page(request: HttpRequest, status: int, message: str, code: str) -> HttpResponse:
    """The error as a whole page, or for htmx as a fragment that is shown as a flash message."""
    template = "components/problem.html" if getattr(request, "htmx", False) else "problem.html"
    response = render(request, template, {"status": status, "message": message, "code": code}, status=status)
    if getattr(request, "htmx", False):
        response["HX-Retarget"] = "#flash"
        response["HX-Reswap"] = "beforeend"
    return response
