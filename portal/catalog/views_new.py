"""Making a table of files: look into them, show what seems to be in them, make it, and open it in the editor."""

import re
import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.access.decide import decide
from portal.access.model import Action, Actor
from portal.catalog import resources, services
from portal.cloud.errors import Rejected
from portal.operations import services as operations
from portal.operations.models import Operation, State
from portal.problems import Conflict, Invalid, Missing, Problem
from portal.web.pages import PageRequest, go, page

TYPES = (
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(18,2)", "string", "varchar", "date",
    "timestamp",
)  # fmt: skip
NEW = "+"  # the choice of a new database in the form


@require_http_methods(["GET", "POST"])
@page("data")
def begin(request: PageRequest) -> HttpResponse:
    """Where the files lie; POST looks into them."""
    location = request.POST.get("location", request.GET.get("location", "")).strip()
    if request.method == "GET":
        return render(request, "catalog/new.html", {"location": location})
    try:
        operation = services.infer(request.actor, location)
    except (Invalid, Rejected) as error:
        return render(request, "catalog/new.html", {"location": location, "problem": error.message}, status=422)
    return go(request, reverse("define_table", args=[operation.pk]))


@require_http_methods(["GET", "POST"])
@page("data")
def define(request: PageRequest, operation_id: uuid.UUID) -> HttpResponse:
    """The sheet after an upload: what the files hold, types to change, *Create table and query*. While something runs
    it refetches itself; when the table stands it goes on to the editor."""
    operation = operations.get(request.actor, operation_id)
    if operation.kind not in ("table.infer", "table.create", "table.refresh"):
        raise Missing
    if operation.kind == "table.infer":  # it tells of values, and a right may be personal, or have ended
        services.require_raw_at(request.actor, operation.params["location"])
    problem = ""
    if request.method == "POST":
        try:
            created = _create(request, operation)
            return go(request, reverse("define_table", args=[created.pk]))
        except (Invalid, Conflict, Rejected) as error:
            problem = error.message
    if operation.kind != "table.infer" and operation.state == State.SUCCEEDED:
        where = f"{operation.params['database']}.{operation.params['name']}"
        target = reverse("table", args=where.split(".", 1)) if operation.kind == "table.refresh" else _query(where)
        return go(request, target)
    context = {"operation": operation, "problem": problem, "location": operation.params.get("location", "")}
    if operation.kind == "table.infer" and operation.state == State.SUCCEEDED:
        context |= _sheet(request, operation)
    template = "catalog/_define.html" if request.htmx else "catalog/define.html"
    return render(request, template, context, status=422 if problem and not request.htmx else 200)


def _query(table: str) -> str:
    return f"{reverse('query')}?{urlencode({'table': table})}"


def _sheet(request: PageRequest, operation: Operation) -> dict[str, Any]:
    """What the form shows: the inference, changed by what was sent with it."""
    found = operation.result
    location = operation.params["location"]
    databases = _own(request.actor)
    types = request.POST.getlist("type")
    shown = []
    for number, column in enumerate(found["columns"]):
        chosen = types[number] if number < len(types) else column["type"]
        shown.append({**column, "type": chosen, "why": found["evidence"].get(column["name"], "")})
    return {
        "found": found,
        "columns": shown,
        "types": TYPES,
        "name": request.POST.get("name", "") or suggested_name(location),
        "databases": databases,
        "database": request.POST.get("database", databases[0] if databases else NEW),
        "new_database": request.POST.get("new_database", "") or (request.actor.team.replace("-", "_")),
        "file": location.rstrip("/").rpartition("/")[2],
    }


def _own(actor: Actor) -> list[str]:
    """The databases the actor may make tables in; the team's own that are not the sample's first."""
    rows = [row for row in services.databases(actor) if decide(actor, Action.WRITE, resources.of_database(row))]
    rows.sort(key=lambda row: (row.is_sample, row.team.slug != actor.team, row.name))
    return [row.name for row in rows if not row.is_sample]


def suggested_name(location: str) -> str:
    """A table's name out of a file's or folder's: `Orders 2026.csv.gz` is orders_2026."""
    last = location.rstrip("/").rpartition("/")[2].lower()
    stem = re.sub(r"(\.(csv|tsv|txt|jsonl?|ndjson|parquet|gz))+$", "", last)
    name = re.sub(r"[^a-z0-9]+", "_", stem).strip("_")
    return f"t_{name}" if not name or name[0].isdigit() else name[:100]


def _create(request: PageRequest, operation: Operation) -> Operation:
    """A new table.create from the form and the inference it was made from."""
    if operation.kind != "table.infer" or operation.state != State.SUCCEEDED:
        raise Problem("There is nothing to make a table of here.")
    form, found = request.POST, operation.result
    database = form.get("database", NEW)
    if database == NEW:
        database = form.get("new_database", "").strip().lower()
        try:
            services.create_database(request.actor, database)
        except Conflict:
            pass  # it stands already: whether one may make a table in it is decided below
        except Rejected as error:
            if error.code != "CONFLICT":
                raise
    types = form.getlist("type")
    if len(types) != len(found["columns"]):
        raise Invalid("The list of columns came incomplete. Reload the page and try again.")
    columns = [{**column, "type": chosen} for column, chosen in zip(found["columns"], types, strict=True)]
    return services.create_table(
        request.actor, database, form.get("name", ""), operation.params["location"],
        format=found["format"], columns=columns, partition_keys=found["partition_keys"], options=found["options"],
        description=form.get("description", ""),
    )  # fmt: skip
