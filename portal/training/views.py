"""Training jobs: the list, and the page of one."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from portal.access.model import Actor
from portal.catalog import services as catalog
from portal.cloud.errors import CloudError
from portal.datasets.stored import ensure_bucket, store
from portal.operations.events import shown
from portal.operations.models import OPEN, Operation, State
from portal.problems import Missing, Problem
from portal.training import curves, services
from portal.training.report import report
from portal.web.pages import PageRequest, go, page

LISTED = 100
TAIL = 200  # lines of the log on the page
LOG_PAGES = 50
PREDICTIONS = "data/predictions.csv"


@require_GET
@page("training")
def jobs(request: PageRequest) -> HttpResponse:
    """The jobs of the team, newest first."""
    context = {"jobs": list(services.jobs(request.actor)[:LISTED])}
    return render(request, "training/_jobs.html" if request.htmx else "training/jobs.html", context)


@require_GET
@page("training")
def job(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """One job: while it runs its curve, log and cost so far; then what it came to."""
    operation = services.get(request.actor, job_id)
    context = {
        "operation": operation,
        "request_of": services.request_of(operation),
        **_inside(request.actor, operation),
    }
    return render(request, "training/_job.html" if request.htmx else "training/job.html", context)


def _inside(actor: Actor, operation: Operation) -> dict[str, Any]:
    """Log, metrics and outputs; or why they are closed to this reader."""
    try:
        outputs = list(services.outputs(actor, operation.pk)) if operation.state not in OPEN else []
        paths = {str(output.path) for output in outputs}
        return {
            "failure": operation.error,
            "curves": curves.curves(services.metrics(actor, operation.pk)),
            "log": _tail(actor, operation),
            "outputs": outputs,
            "report": report(actor, operation.pk, paths) if operation.state == State.SUCCEEDED else None,
            "predictions": PREDICTIONS in paths,
        }
    except (Problem, CloudError) as error:
        return {"closed": error.message, "failure": shown(operation)["error"]}


def _tail(actor: Actor, operation: Operation) -> list[str]:
    """The last lines of the log."""
    lines: list[str] = []
    cursor = ""
    for _ in range(LOG_PAGES):
        found = services.logs(actor, operation.pk, cursor)
        lines = [*lines, *(line for _, line in found.lines)][-TAIL:]
        if not found.lines or found.next == cursor:
            break
        cursor = found.next
    return lines


@require_POST
@page("training")
def save_predictions(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """A job's predictions become a file of the team's, and then, by the sheet of every new table, a table."""
    actor = request.actor
    operation = services.get(actor, job_id)
    found = {str(output.path): output for output in services.outputs(actor, operation.pk)}
    if PREDICTIONS not in found:
        raise Missing("This job left no predictions.csv among its outputs.")
    bucket, key = ensure_bucket(actor), f"predictions/{operation.pk}.csv"
    with services.open_output(actor, operation.pk, PREDICTIONS) as body:
        store(actor, bucket, key, body, found[PREDICTIONS].size, "text/csv")
    look = catalog.infer(actor, f"s3://{bucket}/{key}")
    return go(request, reverse("define_table", args=[look.pk]))
