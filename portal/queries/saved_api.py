"""REST: saved queries, their versions and shares (api.md, saved queries)."""

import uuid
from typing import Any

from django.http import HttpResponse
from ninja import Field, Query, Router, Schema, Status

from portal.access.model import Actor
from portal.api.auth import in_team
from portal.api.operations_http import answer, created, idempotency
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.operations.events import stamp
from portal.queries import saved, services
from portal.queries.models import SavedQuery, SavedQueryVersion, Share

router = Router(tags=["saved queries"])


class SavedIn(Schema):
    """A query to keep; without `team` it is private. `parameters` are SQL literals for `?` where a run gives none."""

    name: str
    sql: str
    database: str
    team: str | None = None
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    parameters: list[str] = Field(default_factory=list)
    chart: dict[str, Any] | None = None


class SavedChange(Schema):
    """What is to change; what is left out stays. With `version` it is refused where somebody else was quicker."""

    name: str | None = None
    sql: str | None = None
    database: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    parameters: list[str] | None = None
    chart: dict[str, Any] | None = None
    version: int | None = None


class RunIn(Schema):
    parameters: list[str] | None = None


class ShareIn(Schema):
    """`principal` is `user:NAME` or `team:SLUG`."""

    principal: str
    can_edit: bool = False


class SharesIn(Schema):
    items: list[ShareIn]


class SavedQueryList(PageQuery):
    team: str | None = None


def show(query: SavedQuery) -> dict[str, Any]:
    content = {field: getattr(query, field) for field in saved.CONTENT}
    return {
        "id": str(query.pk), **content, "team": query.team.slug if query.team else None, "owner": query.owner.username,
        "version": query.version, "is_sample": query.is_sample,
        "created_at": stamp(query.created_at), "updated_at": stamp(query.updated_at),
    }  # fmt: skip


def show_version(version: SavedQueryVersion) -> dict[str, Any]:
    return {
        "version": version.number, **version.content,
        "author": version.author.username, "created_at": stamp(version.created_at),
    }  # fmt: skip


def show_share(share: Share) -> dict[str, Any]:
    principal = f"team:{share.team.slug}" if share.team else f"user:{share.user.username if share.user else ''}"
    return {"principal": principal, "can_edit": share.can_edit}


@router.get("", summary="Those one may see: private, the team's, and shared ones")
def list_saved(request: Request, query: Query[SavedQueryList]) -> dict[str, Any]:
    return page(saved.visible(_actor(request, query.team)), query, show)


@router.post("", response={201: Any}, summary="Keep a query")
def create(request: Request, body: SavedIn) -> HttpResponse:
    actor = _actor(request, body.team)
    content = body.dict(exclude={"team"})
    return created(show(saved.create(actor, team=body.team or "", **content)))


@router.get("/{uuid:saved_id}", summary="One saved query")
def get(request: Request, saved_id: uuid.UUID, team: str | None = None) -> dict[str, Any]:
    return show(saved.get(_actor(request, team), saved_id))


@router.put("/{uuid:saved_id}", summary="Change it; the old one is kept as a version")
def update(request: Request, saved_id: uuid.UUID, body: SavedChange, team: str | None = None) -> dict[str, Any]:
    given = body.dict(exclude_unset=True)
    changes = {field: value for field, value in given.items() if value is not None or field == "chart"}
    return show(saved.update(_actor(request, team), saved_id, **changes))


@router.delete("/{uuid:saved_id}", response={204: None}, summary="Delete it with its versions")
def delete(request: Request, saved_id: uuid.UUID, team: str | None = None) -> Status[None]:
    saved.delete(_actor(request, team), saved_id)
    return Status(204, None)


@router.get("/{uuid:saved_id}/versions", summary="All that it was, newest first")
def versions(request: Request, saved_id: uuid.UUID, query: Query[SavedQueryList]) -> dict[str, Any]:
    return page(saved.versions(_actor(request, query.team), saved_id), query, show_version)


@router.post("/{uuid:saved_id}/run", response={202: Any}, summary="Run it with one's own rights (an operation)")
def run(request: Request, saved_id: uuid.UUID, body: RunIn | None = None, team: str | None = None) -> HttpResponse:
    given = body.parameters if body else None
    operation = saved.run(_actor(request, team), saved_id, given, idempotency(request, given))
    return answer(request, operation, services.shown, f"/api/v1/queries/{operation.id}", started=True)


@router.get("/{uuid:saved_id}/shares", summary="With whom it is shared")
def shares(request: Request, saved_id: uuid.UUID, team: str | None = None) -> dict[str, Any]:
    return {"items": [show_share(share) for share in saved.shares(_actor(request, team), saved_id)]}


@router.put("/{uuid:saved_id}/shares", summary="Share it with exactly these")
def set_shares(request: Request, saved_id: uuid.UUID, body: SharesIn, team: str | None = None) -> dict[str, Any]:
    wanted = {share.principal: share.can_edit for share in body.items}
    return {"items": [show_share(share) for share in saved.set_shares(_actor(request, team), saved_id, wanted)]}


def _actor(request: Request, team: str | None) -> Actor:
    return in_team(request, team) if team else request.actor
