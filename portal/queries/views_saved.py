"""Saved queries: open, save, share, run, delete."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.problems import Invalid
from portal.queries import saved
from portal.queries.charts import KINDS
from portal.queries.views import frame, refused
from portal.sql import SqlError
from portal.web.pages import PageRequest, go, page, told


@require_GET
@page("query")
def show(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """A saved query in the editor, ready to run."""
    query = saved.get(request.actor, saved_id)
    context = frame(request.actor, sql=query.sql, database=query.database, saved=query)
    return render(request, "queries/query.html", context)


@require_POST
@page("query")
def save(request: PageRequest) -> HttpResponse:
    """Keep what is in the editor: over the saved query in `over`, else as a new one."""
    form = request.POST
    text: dict[str, Any] = {"sql": form.get("sql", ""), "database": form.get("database", "")}
    if chart := _chart(form.get("chart", "")):
        text["chart"] = chart
    if over := form.get("over", ""):
        kept = saved.update(request.actor, over, **text)
    else:
        team = request.actor.team if form.get("team") else ""
        name, description = form.get("name", ""), form.get("description", "").strip()
        kept = saved.create(request.actor, name=name, description=description, team=team, **text)
    messages.success(request, f"“{kept.name}” is saved.")
    return go(request, f"/saved/{kept.pk}")


def _chart(text: str) -> dict[str, str] | None:
    """The chart as the browser last drew it, or None."""
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("kind") not in KINDS:
        return None
    return {name: str(found.get(name) or "")[:255] for name in ("kind", "x", "y", "color")}


@require_POST
@page("query")
def run(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """Run it as it was saved, with one's own rights."""
    query = saved.get(request.actor, saved_id)
    try:
        operation = saved.run(request.actor, saved_id)
    except SqlError as error:
        return refused(request, query.sql, query.database, error)
    return go(request, f"/query/{operation.pk}")


@require_http_methods(["GET", "POST"])
@page("query")
def share(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """With whom it is shared. POST `add` (and `can_edit`) or `remove`, each a principal such as `user:maria`."""
    query = saved.get(request.actor, saved_id)
    shares = list(saved.shares(request.actor, saved_id))
    if request.method == "POST":
        wanted = {_principal(row): row.can_edit for row in shares}
        with told(request):
            if added := request.POST.get("add", "").strip():
                if ":" not in added:
                    raise Invalid.field("add", "Write user:name for a person or team:name for a team.")
                wanted[added] = bool(request.POST.get("can_edit"))
            wanted.pop(request.POST.get("remove", ""), None)
            saved.set_shares(request.actor, saved_id, wanted)
        return go(request, request.path)
    context = {
        "saved": query,
        "shares": [(_principal(row), row.can_edit) for row in shares],
        "address": request.build_absolute_uri(f"/saved/{query.pk}"),
        "may_manage": saved.may_manage(request.actor, query),
        "versions": list(saved.versions(request.actor, saved_id)[:20]),
    }
    return render(request, "queries/share.html", context)


def _principal(share: Any) -> str:
    return f"team:{share.team.slug}" if share.team else f"user:{share.user.username}"


@require_POST
@page("query")
def delete(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    query = saved.get(request.actor, saved_id)
    saved.delete(request.actor, saved_id)
    messages.success(request, f"“{query.name}” is deleted. What it ran stays in the history.")
    return go(request, "/query")
