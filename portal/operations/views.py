"""Activity: what runs and ran, with Stop. The same view is the page and the drawer."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from portal.operations import services
from portal.operations.models import OPEN
from portal.web.pages import PageRequest, go, page, way_back

RECENT = 50


@require_GET
@page("activity")
def activity(request: PageRequest) -> HttpResponse:
    """The newest work of the team, previews left out."""
    rows = services.visible(request.actor).select_related("cost").exclude(params__has_key="preview")
    found = list(rows[:RECENT])
    context = {
        "active": [operation for operation in found if operation.state in OPEN],
        "ended": [operation for operation in found if operation.state not in OPEN],
    }
    template = "operations/_activity.html" if request.htmx else "operations/activity.html"
    return render(request, template, context)


@require_GET
@page()
def pill(request: PageRequest) -> HttpResponse:
    """How much runs."""
    return render(request, "operations/pill.html", {"running": services.running_count(request.actor)})


@require_POST
@page("activity")
def stop(request: PageRequest, operation_id: uuid.UUID) -> HttpResponse:
    """Ask for its end; the live page shows when it came."""
    services.cancel(request.actor, operation_id)
    if request.htmx:
        return HttpResponse(status=204)
    return go(request, way_back(request, "/activity"))
