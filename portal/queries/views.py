"""The query page: editor, price, run, and the result as a table or a chart. One view shows page and fragment."""

import json
import uuid
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from portal.access.model import Actor
from portal.api.streaming import attachment
from portal.catalog import services as catalog
from portal.cloud.errors import CloudError
from portal.operations.models import Operation, State
from portal.problems import Problem
from portal.queries import charts, saved, services
from portal.sql import SqlError
from portal.web.pages import PageRequest, go, page, whole

ROWS = 100
SHOWN_TABLES = 200
HISTORY = 20


@require_GET
@page("query")
def editor(request: PageRequest) -> HttpResponse:
    """An empty editor, or one that begins with `?table=` (its first rows stand below) or `?sql=`."""
    start: dict[str, Any] = {"sql": request.GET.get("sql", ""), "database": request.GET.get("database", "")}
    if name := request.GET.get("table", ""):
        database, _, table = name.partition(".")
        known = catalog.get_table(request.actor, database, table)
        columns = "*" if not known.hidden_count else ", ".join(f'"{column["name"]}"' for column in known.columns)
        start = {"sql": f"SELECT {columns}\nFROM {database}.{table}\nLIMIT {ROWS}", "database": database}
        start["operation"] = services.preview(request.actor, database, table, ROWS)
    return render(request, "queries/query.html", frame(request.actor, **start))


@require_GET
@page("query")
def query(request: PageRequest, query_id: uuid.UUID) -> HttpResponse:
    """One query that was run: its text in the editor, its state or result below."""
    operation = services.get(request.actor, query_id)
    shown = result(request, operation)
    if request.htmx:
        return render(request, "queries/_result.html", shown)
    params = operation.params
    context = frame(request.actor, sql=params["sql"], database=params["database"], **shown)
    return render(request, "queries/query.html", context)


@require_POST
@page("query")
def run(request: PageRequest) -> HttpResponse:
    """Start what is in the editor; a refusal is shown at its line."""
    sql, database = request.POST.get("sql", ""), request.POST.get("database", "")
    query = request.POST.get("saved_query") or None
    try:
        operation = services.run(request.actor, sql, database, saved_query=_uuid(query))
    except SqlError as error:
        return refused(request, sql, database, error)
    if not request.htmx:
        return go(request, f"/query/{operation.id}")
    response = render(request, "queries/_result.html", result(request, operation))
    response["HX-Push-Url"] = f"/query/{operation.id}"
    return response


def refused(request: PageRequest, sql: str, database: str, error: SqlError) -> HttpResponse:
    """The refusal in the place of the result; without htmx the whole page with the text kept."""
    context: dict[str, Any] = {"refusal": error}
    if request.htmx:
        return render(request, "queries/_result.html", context, status=422)
    context = frame(request.actor, sql=sql, database=database, **context)
    return render(request, "queries/query.html", context, status=422)


@require_POST
@page("query")
def estimate(request: PageRequest) -> HttpResponse:
    """The price beside Run, as one types."""
    sql, database = request.POST.get("sql", ""), request.POST.get("database", "")
    if not sql.strip():
        return render(request, "queries/_price.html", {})
    try:
        expected = services.estimate(request.actor, sql, database)
    except SqlError as error:
        return render(request, "queries/_price.html", {"refusal": error})
    except Problem as problem:
        return render(request, "queries/_price.html", {"problem": problem})
    tables = {(scan.database, scan.table) for scan in expected.tables}
    total = sum(catalog.get_table(request.actor, *name).table.bytes for name in tables)
    return render(request, "queries/_price.html", {"estimate": expected, "total": max(total, expected.bytes)})


@require_GET
@page("query")
def download(request: PageRequest, query_id: uuid.UUID) -> HttpResponseBase:
    """The whole result as a file."""
    operation = services.get(request.actor, query_id)
    filename, content_type, stream = services.download(request.actor, operation, request.GET.get("format", "csv"))
    return attachment(filename, content_type, stream)


@require_GET
@page("data")
def preview(request: PageRequest, database: str, name: str) -> HttpResponse:
    """A table's first rows, as a fragment of its page."""
    operation = services.preview(request.actor, database, name, ROWS)
    if not request.htmx:
        return go(request, f"/query/{operation.id}")
    return render(request, "queries/_result.html", result(request, operation))


# --- what stands on the page ------------------------------------------------------------------------------------------


def frame(actor: Actor, sql: str = "", database: str = "", **more: Any) -> dict[str, Any]:
    """The editor and what stands at its left."""
    tables = [known for known in catalog.tables(actor) if known.may_read][:SHOWN_TABLES]
    names = sorted({known.table.database.name for known in tables} | ({database} if database else set()))
    schema = {f"{k.table.database.name}.{k.table.name}": [column["name"] for column in k.columns] for k in tables}
    return {
        "sql": sql,
        "database": database or (tables[0].table.database.name if tables else ""),
        "databases": names,
        "tables": tables,
        "schema": json.dumps(schema),
        "saved_queries": list(saved.visible(actor)[:50]),
        "history": list(services.history(actor, mine=True)[:HISTORY]),
        **more,
    }


def result(request: PageRequest, operation: Operation) -> dict[str, Any]:
    """The state of a query, and where it has succeeded a page of its rows and its chart."""
    kept = _origin(request.actor, operation)
    context: dict[str, Any] = {"operation": operation, "saved": kept, "view": request.GET.get("view", "")}
    if operation.state != State.SUCCEEDED:
        return context
    offset = whole(request.GET.get("offset"))
    try:
        rows = services.rows(request.actor, operation, offset, ROWS)
    except (Problem, CloudError) as error:
        return {**context, "problem": error}
    chart = charts.chosen(kept.chart if kept else None, rows.columns) or charts.suggest(rows.columns, rows.total)
    if not context["view"]:
        context["view"] = "chart" if kept and kept.chart and chart else "table"
    return {
        **context,
        "rows": rows,
        "chart": chart,
        "kinds": charts.KINDS,
        "first": offset + 1,
        "last": offset + len(rows.rows),
        "before": max(0, offset - ROWS) if offset else None,
        "after": offset + len(rows.rows) if offset + len(rows.rows) < rows.total else None,
    }


def _origin(actor: Actor, operation: Operation) -> Any:
    """The saved query that this one came from, where it still stands and may be seen."""
    key = _uuid(operation.params.get("saved_query"))
    return saved.visible(actor).filter(pk=key).first() if key else None


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
