"""The first page: what runs, what can be begun, what was done, and the month's money."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.access.decide import decide
from portal.access.model import Action, Actor, Resource
from portal.costs import services as costs
from portal.datasets.models import Upload
from portal.datasets.stored import own_bucket
from portal.operations import services as operations
from portal.operations.models import OPEN, Operation, State
from portal.queries import saved
from portal.web.pages import PageRequest, page

RECENT = 12


@require_GET
@page("home")
def home(request: PageRequest) -> HttpResponse:
    """As a fragment (htmx): the lists of what runs and what was done."""
    actor = request.actor
    recent = list(shown(actor)[:RECENT])
    work = {
        "active": [operation for operation in recent if operation.state in OPEN],
        "recent": [operation for operation in recent if operation.state not in OPEN],
    }
    if request.htmx:
        return render(request, "home/_work.html", work)
    return render(
        request,
        "home/home.html",
        {
            **work,
            "may_upload": may(actor, Action.UPLOAD),
            "bucket": own_bucket(actor),
            "saved": list(saved.visible(actor)[:8]),
            "month": costs.month(actor) if actor.team else None,
            "steps": steps(actor, recent),
        },
    )


def may(actor: Actor, action: Action) -> bool:
    """May they do it in the team they work in?"""
    return (
        bool(actor.team) and decide(actor, action, Resource("team", actor.team, actor.connection, actor.team)).allowed
    )


def shown(actor: Actor) -> QuerySet[Operation]:
    """Work for people's lists: previews and reads of a file's shape are no work of theirs."""
    visible = operations.visible(actor).select_related("cost").exclude(kind="table.infer")
    return visible.exclude(params__has_key="preview")


def steps(actor: Actor, recent: list[Operation]) -> list[tuple[str, str, bool]] | None:
    """The three steps of a first visit as (words, address, done); None once all are done."""
    mine = Operation.objects.filter(owner_id=actor.user_id, state=State.SUCCEEDED)
    done = set(mine.exclude(params__has_key="preview").values_list("kind", flat=True).distinct())
    uploaded = Upload.objects.filter(owner_id=actor.user_id, state=Upload.State.COMPLETE).exists()
    found = [
        ("Run a saved query", "/query", "query.run" in done),
        ("Upload a file", "/data/files", uploaded),
        ("Train a model", "/training/new", "training.run" in done),
    ]
    return None if all(step[2] for step in found) else found
