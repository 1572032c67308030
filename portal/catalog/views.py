"""Data · Tables, and the page of one table."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from portal.access import services as access
from portal.access.decide import decide
from portal.access.model import Action, Actor
from portal.catalog import resources, services
from portal.catalog.known import KnownTable
from portal.web.pages import PageRequest, go, page, told

TABS = [("columns", "Columns"), ("preview", "Preview"), ("access", "Access"), ("python", "Use in Python")]


@require_GET
@page("data")
def tables(request: PageRequest) -> HttpResponse:
    """All tables one may know of; `?q=` narrows."""
    q = request.GET.get("q", "").strip()[:200]
    context = {"tables": services.tables(request.actor, q=q), "table_q": q}
    return render(request, "catalog/_tables.html" if request.htmx else "catalog/tables.html", context)


@require_GET
@page("data")
def table(request: PageRequest, database: str, name: str) -> HttpResponse:
    """One table. Who may know of it but not read it sees whom to ask."""
    actor = request.actor
    known = services.get_table(actor, database, name)
    tab = request.GET.get("tab", "columns")
    keys = {key["name"] for key in known.partition_keys}
    resource = resources.of_table(known.table)
    context: dict[str, Any] = {
        "known": known,
        "table": known.table,
        "total": len(known.all_columns),
        "columns": [{**column, "is_key": column["name"] in keys} for column in known.columns],
        "tab": tab if tab in dict(TABS) else "columns",
        "tabs": TABS,
        "may_write": bool(decide(actor, Action.WRITE, resource)),
        "may_manage": bool(decide(actor, Action.MANAGE, resource)),
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    if tab == "access":
        context["grants"] = _grants(actor, known)
    return render(request, "catalog/table.html", context, status=200 if known.may_read else 403)


def _grants(actor: Actor, known: KnownTable) -> list[Any]:
    """The grants that reach this table, as far as the actor may know of them."""
    database = known.table.database
    rows = access.grants(actor).filter(connection=database.connection)
    names = {"database": database.name, "table": f"{database.name}.{known.table.name}"}
    return [grant for grant in rows if names.get(grant.resource_kind) == grant.resource_name]


@require_POST
@page("data")
def describe(request: PageRequest, database: str, name: str) -> HttpResponse:
    with told(request):
        services.update_table(request.actor, database, name, description=request.POST.get("description", ""))
        messages.success(request, "The description is kept.")
    return go(request, reverse("table", args=[database, name]))


@require_POST
@page("data")
def refresh(request: PageRequest, database: str, name: str) -> HttpResponse:
    """Look for new files and partitions."""
    with told(request):
        services.refresh_table(request.actor, database, name)
        messages.info(request, "Looking for new files. Activity says when it is done.")
    return go(request, reverse("table", args=[database, name]))


@require_POST
@page("data")
def delete(request: PageRequest, database: str, name: str) -> HttpResponse:
    with told(request):
        services.delete_table(request.actor, database, name)
        messages.success(request, f"The table {database}.{name} is deleted. Its files stay where they are.")
        return go(request, reverse("tables"))
    return go(request, reverse("table", args=[database, name]))
