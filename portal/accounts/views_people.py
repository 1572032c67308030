"""People & access: who is in the team, who is invited, and what was granted beyond it."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.access import services as access
from portal.access.decide import decide
from portal.access.model import Action, Actor, Resource
from portal.accounts import services
from portal.accounts.models import ROLE_ABOUT, Role
from portal.problems import Invalid
from portal.web.pages import PageRequest, go, page, told, whole

ROLES = [(role.value, role.label, ROLE_ABOUT[role]) for role in Role]
LEVELS = [("read", "Read"), ("write", "Insert and replace rows"), ("manage", "Manage")]


@never_cache
@require_GET
@page("people")
def people(request: PageRequest) -> HttpResponse:
    """The team one works in."""
    return _people(request)


def _people(request: PageRequest, **more: object) -> HttpResponse:
    actor = request.actor
    context = {
        "members": list(services.members(actor, actor.team)) if actor.team else [],
        "grants": list(access.grants(actor)[:200]),
        "manages": manages(actor),
        "roles": ROLES,
        "levels": LEVELS,
        "resource": request.GET.get("resource", ""),
        "connections": sorted(settings.CONNECTIONS),
        **more,
    }
    return render(request, "accounts/people.html", context)


def manages(actor: Actor) -> bool:
    """May they invite, and change roles, in the team they work in?"""
    resource = Resource("team", actor.team, actor.connection, actor.team)
    return bool(actor.team) and decide(actor, Action.MANAGE, resource).allowed


@never_cache
@require_POST
@page("people")
def invite(request: PageRequest) -> HttpResponse:
    """Show a new invitation's link, this once: so the page is the answer to the POST and no redirect."""
    link, path = services.invite(
        request.actor, request.actor.team, request.POST.get("role", ""), request.POST.get("email", "").strip()
    )
    return _people(request, link=link, link_url=request.build_absolute_uri(path))


@require_POST
@page("people")
def set_role(request: PageRequest, username: str) -> HttpResponse:
    with told(request):
        membership = services.set_member(request.actor, request.actor.team, username, request.POST.get("role", ""))
        messages.success(request, f"{username} is {membership.get_role_display().lower()} now.")
    return go(request, "/people")


@require_POST
@page("people")
def remove(request: PageRequest, username: str) -> HttpResponse:
    with told(request):
        services.remove_member(request.actor, request.actor.team, username)
        messages.success(request, f"{username} is no longer in this team.")
    return go(request, "/people")


@require_POST
@page("people")
def create_team(request: PageRequest) -> HttpResponse:
    """Site admins alone; the service says so."""
    with told(request):
        team = services.create_team(
            request.actor,
            request.POST.get("slug", ""),
            request.POST.get("name", ""),
            request.POST.get("connection", ""),
        )
        messages.success(request, f"The team {team.name} is made, and you are its admin. Switch to it at the top left.")
    return go(request, "/people")


@require_POST
@page("people")
def create_grant(request: PageRequest) -> HttpResponse:
    """Grant read, write or manage on a bucket's prefix, a database, a table or some of its columns."""
    form = request.POST
    days = whole(form.get("days"))
    with told(request):
        kind, _, name = form.get("resource", "").strip().partition(":")
        if kind == "bucket" and not name.endswith("/"):
            name += "/"
        columns = [part.strip() for part in form.get("columns", "").split(",") if part.strip()] or None
        principal = form.get("principal", "").strip()
        if ":" not in principal:
            raise Invalid.field("principal", "Write user:name for a person or team:name for a team.")
        expires = timezone.now() + timedelta(days=days) if days else None
        grant = access.give(request.actor, principal, f"{kind}:{name}", form.get("action", ""), columns, expires)
        messages.success(request, f"{grant.principal} may now {grant.action} {grant.resource}.")
    return go(request, "/people#grants")


@require_POST
@page("people")
def revoke_grant(request: PageRequest, grant_id: int) -> HttpResponse:
    with told(request):
        access.revoke(request.actor, grant_id)
        messages.success(request, "The grant is taken back.")
    return go(request, "/people#grants")
