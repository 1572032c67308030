"""REST: operations. The live stream, GET /events, is portal/live's; it stands here for the document alone."""

import uuid

from django.http import HttpResponse
from ninja import Query, Router

from portal.api.auth import in_team
from portal.api.operations_http import answer
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.operations import services
from portal.operations.events import shown

router = Router(tags=["operations"])


@router.get("/operations", summary="What was started, newest first")
def list_operations(
    request: Request, query: Query[PageQuery], team: str | None = None, state: str = "", kind: str = ""
) -> dict[str, object]:
    """One's own and, with `team`, that team's."""
    actor = in_team(request, team) if team else request.actor
    rows = services.visible(actor)
    if team:
        rows = rows.filter(team__slug=team)
    if state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    return page(rows, query, shown)


@router.get(
    "/operations/{operation_id}", summary="One operation; `Prefer: wait=SECONDS` holds the answer until it ends"
)
def get_operation(request: Request, operation_id: uuid.UUID) -> HttpResponse:
    return answer(request, services.get(request.actor, operation_id))


@router.post("/operations/{operation_id}/cancel", summary="Ask for its end; the state changes once it has ended")
def cancel_operation(request: Request, operation_id: uuid.UUID) -> HttpResponse:
    return answer(request, services.cancel(request.actor, operation_id))


@router.get("/events", summary="The caller's live stream (server-sent events: `event: operation`)")
def events(request: Request) -> HttpResponse:
    """Served by portal/live under ASGI; reached here only where the server cannot stream."""
    return HttpResponse("This server cannot stream. Run Skydeck under ASGI, as `make run` does.", status=501)
