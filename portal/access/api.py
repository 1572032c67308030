"""REST: grants, and who may do what (api.md, access)."""

from datetime import datetime

from django.http import HttpResponse
from ninja import Query, Router, Schema, Status

from portal.access import services
from portal.access.models import Grant
from portal.accounts.services import actor_of, get_user
from portal.api.auth import in_team
from portal.api.operations_http import created
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.operations.events import stamp
from portal.problems import Invalid

router = Router(tags=["access"])


class GrantIn(Schema):
    """A grant to give. `resource` is of the connection of the team that the caller works in."""

    principal: str
    resource: str
    action: str
    columns: list[str] | None = None
    row_filter: str | None = None
    expires_at: datetime | None = None
    team: str | None = None


def show(grant: Grant) -> dict[str, object]:
    return {
        "id": grant.pk,
        "principal": grant.principal,
        "resource": grant.resource,
        "connection": grant.connection,
        "action": grant.action,
        "columns": grant.columns,
        "row_filter": None,
        "expires_at": stamp(grant.expires_at),
        "granted_by": grant.granted_by.username if grant.granted_by else None,
        "created_at": stamp(grant.created_at),
    }


@router.get("/grants", summary="Grants for the caller, and on what their teams own")
def list_grants(request: Request, query: Query[PageQuery]) -> dict[str, object]:
    return page(services.grants(request.actor), query, show)


@router.post("/grants", summary="Grant read, write or manage")
def give_grant(request: Request, body: GrantIn) -> HttpResponse:
    if body.row_filter is not None:
        raise Invalid.field(
            "row_filter", "Rows cannot be filtered yet. Grant columns, or a table with the rows wanted."
        )
    actor = in_team(request, body.team)
    grant = services.give(actor, body.principal, body.resource, body.action, body.columns, body.expires_at)
    return created(show(grant))


@router.delete("/grants/{int:grant_id}", response={204: None}, summary="Take a grant back")
def revoke_grant(request: Request, grant_id: int) -> Status[None]:
    services.revoke(request.actor, grant_id)
    return Status(204, None)


@router.get("/access", summary="May this person do this, and why?")
def explain(
    request: Request, action: str, resource: str, user: str | None = None, team: str | None = None
) -> dict[str, object]:
    actor = request.actor
    subject = actor_of(get_user(user), team or "") if user else in_team(request, team)
    decision = services.explain(actor, subject, action, resource)
    columns = sorted(decision.columns) if decision.columns is not None else None
    return {"allowed": decision.allowed, "why": decision.why, "columns": columns, "row_filter": None}
