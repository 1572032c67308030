"""REST: queries, their rows and files, and the preview of a table (api.md, queries and catalog)."""

import uuid
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from ninja import Field, Query, Router, Schema

from portal.access.model import Actor
from portal.api.actors import for_owner
from portal.api.auth import in_team
from portal.api.operations_http import answer, idempotency
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.api.streaming import attachment
from portal.operations.models import Operation, State
from portal.problems import Invalid
from portal.queries import saved, services
from portal.queries.saved_api import router as saved_queries

router = Router(tags=["queries"])
router.add_router("/saved-queries", saved_queries)
PREVIEW_WAIT = 20  # seconds that a preview's answer is held: nobody comes back for the first rows of a table


class EstimateIn(Schema):
    """A statement. `parameters` are SQL literals for its `?`, in order."""

    sql: str
    database: str
    parameters: list[str] = Field(default_factory=list)
    team: str | None = None


class QueryIn(EstimateIn):
    """A statement to run; refused where it may cost more than `max_usd` at list price."""

    saved_query: uuid.UUID | None = None
    max_usd: Decimal | None = Field(None, ge=0)


class HistoryQuery(PageQuery):
    mine: bool = False
    team: str | None = None
    state: str = ""


class RowsQuery(Schema):
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=0, le=10_000)


@router.post("/queries/estimate", summary="What a statement would read and cost")
def estimate(request: Request, body: EstimateIn) -> dict[str, Any]:
    actor = in_team(request, body.team)
    return services.estimate(actor, body.sql, body.database, body.parameters).as_json()


@router.post("/queries", response={202: Any}, summary="Run a statement (an operation)")
def run(request: Request, body: QueryIn) -> HttpResponse:
    actor = in_team(request, body.team)
    if body.saved_query:
        saved.get(actor, body.saved_query)
    operation = services.run(
        actor, body.sql, body.database, body.parameters,
        saved_query=body.saved_query, max_usd=body.max_usd, idempotency=idempotency(request, body.dict()),
    )  # fmt: skip
    return answer(request, operation, services.shown, f"/api/v1/queries/{operation.id}", started=True)


@router.get("/queries", summary="What was run, newest first")
def history(request: Request, query: Query[HistoryQuery]) -> dict[str, Any]:
    """One's own and those of the team one works in."""
    actor = in_team(request, query.team) if query.team else request.actor
    rows = services.history(actor, query.mine, query.state)
    return page(rows.filter(team__slug=query.team) if query.team else rows, query, services.shown)


@router.get("/queries/{query_id}", summary="One query; `Prefer: wait=SECONDS` holds the answer until it ends")
def get(request: Request, query_id: uuid.UUID) -> HttpResponse:
    return answer(request, services.get(_actor(request, query_id), query_id), services.shown)


@router.post("/queries/{query_id}/cancel", summary="Ask for its end; the state changes once it has ended")
def cancel(request: Request, query_id: uuid.UUID) -> HttpResponse:
    return answer(
        request, services.cancel(_actor(request, query_id), query_id), services.shown, f"/api/v1/queries/{query_id}"
    )


@router.get("/queries/{query_id}/rows", summary="Rows of the result, by offset")
def rows(request: Request, query_id: uuid.UUID, query: Query[RowsQuery]) -> dict[str, Any]:
    actor = _actor(request, query_id)
    return services.rows(actor, services.get(actor, query_id), query.offset, query.limit).__dict__


@router.get("/queries/{query_id}/download", summary="The whole result as csv, parquet or json")
def download(request: Request, query_id: uuid.UUID, format: str = "csv") -> HttpResponseBase:
    """In CSV, NULL is an empty field and empty text is `""`; text that a spreadsheet would take for a formula gets a
    `'` before it. Parquet and JSON are exact."""
    actor = _actor(request, query_id)
    filename, content_type, chunks = services.download(actor, services.get(actor, query_id), format)
    return attachment(filename, content_type, chunks)


@router.get("/databases/{database}/tables/{table}/preview", tags=["catalog"], summary="The first rows of a table")
def preview(request: Request, database: str, table: str, limit: int = 100, team: str | None = None) -> Any:
    """Rows where they come within 20 seconds; else the operation, to be asked for again here."""
    actor = in_team(request, team) if team else request.actor
    operation = services.preview(actor, database, table, limit)
    if operation.state == State.SUCCEEDED:
        return services.rows(actor, operation, 0, services.PREVIEW_MAX).__dict__
    if operation.ended:
        error = operation.error or {"code": "cancelled", "message": "The preview was stopped. Ask for it again."}
        raise Invalid(error["message"], error["code"])
    response = answer(request, operation, services.shown, wait=PREVIEW_WAIT)
    response.status_code = 202
    return response


def _actor(request: Request, query_id: uuid.UUID) -> Actor:
    """The caller at work in the query's team, where they are in it."""
    return for_owner(request, None, Operation.objects.filter(id=query_id).values_list("team__slug", flat=True))
