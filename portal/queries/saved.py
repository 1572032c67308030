"""Saved queries: private without a team, else their team's, and shown to whoever they are shared with. Whoever runs one
uses their own rights. Its owner, an admin of its team and people it is shared with for editing may change it."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from portal.access.decide import decide, require
from portal.access.model import Action, Actor, Resource
from portal.accounts.models import Team, User
from portal.accounts.services import get_team, team_resource
from portal.operations.models import Operation
from portal.problems import Conflict, Denied, Invalid, Missing
from portal.queries import services
from portal.queries.models import SavedQuery, SavedQueryVersion, Share
from portal.sql.parsing import MAX_BYTES

CONTENT = ("name", "description", "sql", "database", "tags", "parameters", "chart")  # what a version keeps


# --- who may ----------------------------------------------------------------------------------------------------------


def visible(actor: Actor) -> QuerySet[SavedQuery]:
    """Those that the actor may see on their connection, by name: their private ones, their team's, those shared."""
    private = Q(team=None, owner_id=actor.user_id)
    shared = Share.objects.filter(_principal(actor))
    mine = private | Q(pk__in=shared.values("query_id"))
    if actor.role or actor.is_admin:
        mine |= Q(team__slug=actor.team)
    return SavedQuery.objects.select_related("owner", "team").filter(mine, connection=actor.connection)


def _principal(actor: Actor) -> Q:
    return Q(user_id=actor.user_id) | Q(team__slug=actor.team) if actor.role else Q(user_id=actor.user_id)


def get(actor: Actor, saved_id: uuid.UUID | str) -> SavedQuery:
    """One that the actor may see, or Missing."""
    try:
        key = saved_id if isinstance(saved_id, uuid.UUID) else uuid.UUID(saved_id)
    except ValueError:
        raise Missing from None
    if found := visible(actor).filter(pk=key).first():
        return found
    raise Missing("There is no such saved query, or it was not shared with you.")


def may_manage(actor: Actor, saved: SavedQuery) -> bool:
    """May the actor share or delete it? Its owner, and an admin of its team."""
    if saved.owner_id == actor.user_id:
        return True
    return saved.team is not None and decide(actor, Action.MANAGE, team_resource(saved.team)).allowed


def may_edit(actor: Actor, saved: SavedQuery) -> bool:
    """May the actor change it?"""
    return may_manage(actor, saved) or saved.shares.filter(_principal(actor), can_edit=True).exists()


def _require_save(actor: Actor) -> None:
    """To write anything one has to be an analyst of the team one works in, with a token that may write."""
    require(actor, Action.SAVE, Resource("team", actor.team, actor.connection, actor.team))


def _require(actor: Actor, saved: SavedQuery, allowed: bool, verb: str) -> None:
    _require_save(actor)
    if not allowed:
        raise Denied(f"To {verb} this query, ask {saved.owner.username}, who owns it.")


# --- make, change, delete ---------------------------------------------------------------------------------------------


@transaction.atomic
def create(
    actor: Actor,
    *,
    name: str,
    sql: str,
    database: str,
    team: str = "",
    description: str = "",
    tags: Sequence[str] = (),
    parameters: Sequence[str] = (),
    chart: Mapping[str, Any] | None = None,
) -> SavedQuery:
    """Keep a query, private where no `team` is named. The text may be unfinished: it is gated when it runs."""
    _require_save(actor)
    if team and team != actor.team:
        raise Invalid.field("team", f"You are at work in {actor.team}: keep it there, or privately.")
    content = _checked(
        {"name": name, "sql": sql, "database": database, "description": description, "tags": list(tags),
         "parameters": list(parameters), "chart": chart}
    )  # fmt: skip
    owning = get_team(actor, team) if team else None
    saved = SavedQuery.objects.create(**content, team=owning, owner_id=actor.user_id, connection=actor.connection)
    _keep_version(actor, saved)
    return saved


def update(actor: Actor, saved_id: uuid.UUID | str, *, version: int | None = None, **changes: Any) -> SavedQuery:
    """Change fields of CONTENT; each change is a version. Conflict where `version` (that the change was made on) is not
    the last any more. Fields that are left out stay."""
    saved = get(actor, saved_id)
    _require(actor, saved, may_edit(actor, saved), "change")
    if version is not None and version != saved.version:
        raise Conflict("Somebody changed this query since you opened it. Open it again, then change it.")
    before = {field: getattr(saved, field) for field in CONTENT}
    content = _checked({**before, **changes})
    if content == before:
        return saved
    with transaction.atomic():
        rows = SavedQuery.objects.filter(pk=saved.pk, version=saved.version)
        if not rows.update(**content, version=F("version") + 1, updated_at=timezone.now()):
            raise Conflict("Somebody changed this query a moment ago. Open it again, then change it.")
        saved.refresh_from_db()
        _keep_version(actor, saved)
    return saved


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    content["name"] = str(content["name"]).strip()
    if not 1 <= len(content["name"]) <= 120:
        raise Invalid.field("name", "Give it a name of 1 to 120 characters.")
    if not content["sql"].strip() or len(content["sql"].encode()) > MAX_BYTES:
        raise Invalid.field("sql", f"A statement has 1 to {MAX_BYTES:,} bytes.")
    if "\\u0000" in json.dumps(content).replace("\\\\", ""):  # PostgreSQL keeps no NUL in a text
        raise Invalid("There is a NUL character in it. Remove it.")
    if not content["database"]:
        raise Invalid.field("database", "Say which database its tables are in.")
    return content


def _keep_version(actor: Actor, saved: SavedQuery) -> None:
    content = {field: getattr(saved, field) for field in CONTENT}
    SavedQueryVersion.objects.create(query=saved, number=saved.version, content=content, author_id=actor.user_id)


def delete(actor: Actor, saved_id: uuid.UUID | str) -> None:
    """Remove it with its versions; runs of it stay in the history."""
    saved = get(actor, saved_id)
    _require(actor, saved, may_manage(actor, saved), "delete")
    saved.delete()


def versions(actor: Actor, saved_id: uuid.UUID | str) -> QuerySet[SavedQueryVersion]:
    """All that it was, newest first."""
    return get(actor, saved_id).versions.select_related("author")


# --- share ------------------------------------------------------------------------------------------------------------


def shares(actor: Actor, saved_id: uuid.UUID | str) -> QuerySet[Share]:
    """With whom it is shared, for everybody who sees it."""
    return get(actor, saved_id).shares.select_related("user", "team").order_by("pk")


def set_shares(actor: Actor, saved_id: uuid.UUID | str, wanted: Mapping[str, bool]) -> QuerySet[Share]:
    """Share it with exactly these: `user:<username>` or `team:<slug>` to whether they may edit."""
    saved = get(actor, saved_id)
    _require(actor, saved, may_manage(actor, saved), "share")
    rows = [Share(query=saved, can_edit=can_edit, **_named(principal)) for principal, can_edit in wanted.items()]
    with transaction.atomic():
        SavedQuery.objects.select_for_update().get(pk=saved.pk)  # two who share at once come one after the other
        saved.shares.all().delete()
        Share.objects.bulk_create(rows)
    return shares(actor, saved.pk)


def _named(principal: str) -> dict[str, Any]:
    kind, _, name = principal.partition(":")
    found: User | Team | None = None
    if kind == "user":
        found = User.objects.filter(username=name, is_active=True).first()
    elif kind == "team":
        found = Team.objects.filter(slug=name, archived_at=None).first()
    if found is None:
        raise Invalid.field("principal", f"There is no {principal!r}. Name a person as user:NAME, a team as team:SLUG.")
    return {kind: found}


# --- run --------------------------------------------------------------------------------------------------------------


def run(
    actor: Actor,
    saved_id: uuid.UUID | str,
    parameters: Sequence[str] | None = None,
    idempotency: tuple[str, Any] | None = None,
) -> Operation:
    """Run it with the actor's own rights; its own parameters stand in where none are given."""
    saved = get(actor, saved_id)
    given = saved.parameters if parameters is None else parameters
    return services.run(
        actor, saved.sql, saved.database, given, saved_query=saved.pk, idempotency=idempotency, title=saved.name
    )
