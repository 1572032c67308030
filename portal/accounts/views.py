"""Signing in and out, invitations, and one's own account."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts import attempts, services
from portal.accounts.models import ROLE_ABOUT, OneTimeLink, Role, User
from portal.problems import Conflict, Invalid
from portal.web.middleware import TEAM_KEY
from portal.web.pages import PageRequest, go, page, told, way_back, whole

BACKEND = "django.contrib.auth.backends.ModelBackend"
TOKEN_DAYS = (30, 90, 365)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """By name and password. The same words whatever was wrong, so that names cannot be tried out."""
    back = way_back(request)
    if request.method == "GET":
        return (
            redirect(back)
            if request.user.is_authenticated
            else render(request, "accounts/sign_in.html", {"next": back})
        )
    username = request.POST.get("username", "").strip().lower()
    if not attempts.allowed(username):
        problem = (
            "This name was tried too often with a wrong password. Wait a quarter of an hour, or ask an admin for a "
            "sign-in link."
        )
        context = {"next": back, "username": username, "problem": problem}
        refused = render(request, "accounts/sign_in.html", context, status=429)
        refused["Retry-After"] = str(attempts.SECONDS)
        return refused
    user = authenticate(request, username=username, password=request.POST.get("password", ""))
    if user is None:
        problem = "This name and password do not belong together. Try again, or ask an admin for a new sign-in link."
        context = {"next": back, "username": username, "problem": problem}
        return render(request, "accounts/sign_in.html", context, status=422)
    attempts.forget(username)
    login(request, user)
    return go(request, back)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """GET shows a button, POST spends the link: a preview by a mail program cannot burn it."""
    if request.method == "GET":
        link = services.find_link(secret, OneTimeLink.Kind.SIGN_IN)
        return render(request, "accounts/sign_in_by_link.html", {"link": link})
    login(request, services.spend_sign_in(secret), backend=BACKEND)
    return go(request, "/")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return go(request, "/signin")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a team: as oneself where signed in, else as a new person."""
    link = services.find_link(secret, OneTimeLink.Kind.INVITATION)
    context = {"link": link, "about": ROLE_ABOUT.get(Role(link.role), ""), "values": request.POST}
    if request.method == "GET":
        return render(request, "accounts/invitation.html", context)
    user = request.user if isinstance(request.user, User) else None
    values = {name: request.POST.get(name, "") for name in ("username", "name", "password")}
    try:
        joined = services.accept_invitation(secret, user, **values)
    except (Invalid, Conflict) as error:
        return render(request, "accounts/invitation.html", {**context, "problem": error.message}, status=error.status)
    if user is None:
        login(request, joined, backend=BACKEND)
    if link.team:
        request.session[TEAM_KEY] = link.team.slug
        messages.success(request, f"Welcome to {link.team.name}.")
    return go(request, "/")


@never_cache
@require_GET
@page("account")
def account(request: PageRequest) -> HttpResponse:
    """One's tokens, password and teams."""
    return _account(request)


def _account(request: PageRequest, **more: object) -> HttpResponse:
    tokens = request.user.api_tokens.filter(revoked_at=None).order_by("-created_at")  # type: ignore[union-attr]
    return render(
        request, "accounts/account.html", {"tokens": tokens, "days": TOKEN_DAYS, "now": timezone.now(), **more}
    )


@never_cache
@require_POST
@page("account")
def create_token(request: PageRequest) -> HttpResponse:
    """Show a new token, this once: so the page is the answer to the POST and no redirect."""
    days = whole(request.POST.get("days"), 90, most=3650)
    expires = timezone.now() + timedelta(days=days) if days else None
    scopes = ["read"] if request.POST.get("scope") == "read" else []
    token, secret = services.create_token(request.user, request.POST.get("name", ""), expires, scopes)  # type: ignore[arg-type]
    return _account(request, new_token=token, secret=secret)


@require_POST
@page("account")
def revoke_token(request: PageRequest, token_id: int) -> HttpResponse:
    services.revoke_token(request.actor, token_id)
    messages.success(request, "The token is revoked: it opens nothing any more.")
    return go(request, "/account")


@require_POST
@page("account")
def change_password(request: PageRequest) -> HttpResponse:
    """Set one's password; who has one must know it."""
    user = request.user
    assert isinstance(user, User)
    if user.has_usable_password() and not user.check_password(request.POST.get("old", "")):
        messages.error(request, "The present password is not right. Nothing was changed.", extra_tags="error")
        return go(request, "/account")
    with told(request):
        services.set_password(user, request.POST.get("password", ""))
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is set.")
    return go(request, "/account")
