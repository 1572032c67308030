"""The verbs on grants: give, list, take back; and the question who may do what."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.access import resources
from portal.access.decide import LEVELS, decide, require
from portal.access.model import Action, Actor, Decision
from portal.access.models import Grant
from portal.accounts.models import Membership, Role, Team, User
from portal.problems import Denied, Invalid, Missing


def grants(actor: Actor) -> QuerySet[Grant]:
    """Those for the actor or their teams, and those on what teams they administer own; all for a site admin."""
    rows = Grant.objects.select_related("team", "user", "owner_team", "granted_by")
    if actor.is_admin:
        return rows
    teams = Membership.objects.filter(user_id=actor.user_id)
    administered = teams.filter(role=Role.ADMIN).values("team_id")
    about = Q(user_id=actor.user_id) | Q(team_id__in=teams.values("team_id")) | Q(owner_team_id__in=administered)
    return rows.filter(about | Q(granted_by_id=actor.user_id))


def give(
    actor: Actor,
    principal: str,
    resource: str,
    action: str,
    columns: list[str] | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Grant `action` on `resource` of the actor's connection. Who manages the resource may."""
    found = resources.find(resource, actor.connection)
    if not decide(actor, Action.READ, found.resource) and not decide(actor, Action.MANAGE, found.resource):
        raise resources.missing(found.resource.kind, found.resource.name)
    require(actor, Action.MANAGE, found.resource)
    if action not in LEVELS:
        raise Invalid.field("action", "An action is read, write or manage.")
    if expires_at and expires_at <= timezone.now():
        raise Invalid.field("expires_at", "The end must be in the future.")
    if found.resource.kind == "bucket" and not found.resource.name.endswith("/"):
        raise Invalid.field("resource", "A grant is on a prefix, which ends in /.")
    team, user = _principal(principal)
    return Grant.objects.create(
        team=team, user=user, connection=found.resource.connection, resource_kind=found.resource.kind,
        resource_name=found.resource.name, action=action, columns=_columns(columns, action, found),
        expires_at=expires_at, granted_by_id=actor.user_id, owner_team=Team.objects.get(slug=found.resource.team),
    )  # fmt: skip


def _columns(columns: list[str] | None, action: str, found: resources.Found) -> list[str] | None:
    if columns is None:
        return None
    if found.columns is None or action != Action.READ:
        raise Invalid.field("columns", "Columns can be chosen for reading a table alone.")
    wanted = sorted({name.lower() for name in columns})
    if not wanted:
        raise Invalid.field("columns", "Name at least one column, or leave it out to grant all.")
    if unknown := sorted(set(wanted) - found.columns):
        raise Invalid.field("columns", f"{found.resource.name} has no column {', '.join(unknown)}.")
    return wanted


def _principal(text: str) -> tuple[Team | None, User | None]:
    kind, _, name = text.partition(":")
    team = Team.objects.filter(slug=name, archived_at=None).first() if kind == "team" else None
    user = User.objects.filter(username=name, is_active=True).first() if kind == "user" else None
    if team is None and user is None:
        raise Invalid.field("principal", "Name it as team:slug or user:name, of one that exists.")
    return team, user


def revoke(actor: Actor, grant_id: int) -> None:
    """Take a grant back: who manages the resource may, and who gave it."""
    grant = grants(actor).filter(pk=grant_id).first()
    if grant is None:
        raise Missing("There is no such grant, or you may not know of it.")
    if actor.scopes and "write" not in actor.scopes:
        raise Denied("This token may only read.")
    if grant.granted_by_id != actor.user_id and not actor.is_admin:
        found = resources.find(grant.resource, grant.connection)
        require(actor, Action.MANAGE, found.resource)
    grant.delete()


def explain(actor: Actor, subject: Actor, action: str, resource: str) -> Decision:
    """May `subject` do `action` on `resource`? People ask for themselves, team admins for their team, site admins
    for all."""
    if subject.user_id != actor.user_id and not actor.is_admin:
        own = Membership.objects.filter(user_id=actor.user_id, team__slug=subject.team, role=Role.ADMIN)
        if not own.exists():
            raise Denied("You may ask this for yourself. An admin of the team may ask it for its members.")
    if action not in LEVELS:
        raise Invalid.field("action", "An action is read, write or manage.")
    found = resources.find(resource, subject.connection)
    decision = decide(subject, Action(action), found.resource)
    if not decision and not _may_know(actor, found):
        raise resources.missing(found.resource.kind, found.resource.name)
    return decision


def _may_know(actor: Actor, found: resources.Found) -> bool:
    open_to_them = found.open and bool(actor.role) and actor.connection == found.resource.connection
    return open_to_them or any(decide(actor, action, found.resource) for action in (Action.READ, Action.VIEW))
