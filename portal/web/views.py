"""The frame's own verbs: which team, light or dark, and search."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.services import get_team
from portal.web.middleware import TEAM_KEY
from portal.web.pages import PageRequest, go, page, way_back
from portal.web.search import find

YEAR = 365 * 24 * 3600


@require_POST
@page()
def switch_team(request: PageRequest) -> HttpResponse:
    """Work in another team of one's own: what is shown and allowed is that team's from here on."""
    team = get_team(request.actor, request.POST.get("team", ""))
    request.session[TEAM_KEY] = team.slug
    messages.info(request, f"You work in {team.name} now.")
    return go(request, "/")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the system has it, in turn."""
    turn = {"": "dark", "dark": "light", "light": ""}
    asked = request.POST.get("theme", turn.get(request.COOKIES.get("theme", ""), ""))
    response = go(request, way_back(request))
    response.set_cookie("theme", asked if asked in turn else "", max_age=YEAR, samesite="Lax")
    return response


@require_GET
@page()
def search(request: PageRequest) -> HttpResponse:
    """Everything with these words in its name that one may know of."""
    q = request.GET.get("q", "").strip()[:200]
    return render(request, "home/search.html", {"q": q, "found": find(request.actor, q) if q else None})
