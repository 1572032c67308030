"""The one function that decides. Every page, route, statement and worker asks it; deny is the default.

In this order: what the role allows on what the current team owns; what was granted to the person or to the current
team; what a site admin may manage. A site admin reads no data by being one: they join a team or grant themselves,
which shows.
"""

from collections.abc import Sequence

from django.db.models import Q
from django.utils import timezone

from portal.access.model import Action, Actor, Decision, Resource
from portal.access.models import Grant
from portal.accounts.models import Role
from portal.problems import Denied

ROLE_NEEDED = {
    Action.VIEW: Role.VIEWER,
    Action.READ: Role.VIEWER,
    Action.QUERY: Role.ANALYST,
    Action.SAVE: Role.ANALYST,
    Action.UPLOAD: Role.ANALYST,
    Action.WRITE: Role.ANALYST,
    Action.TRAIN: Role.SCIENTIST,
    Action.MANAGE: Role.ADMIN,
}
READ_ONLY = frozenset({Action.VIEW, Action.READ})
LEVELS = (Action.READ, Action.WRITE, Action.MANAGE)  # each includes the ones before it
GRANTED_WRITE_NEEDS = Role.ANALYST  # a viewer stays a reader, whatever their team was granted


def decide(actor: Actor, action: Action, resource: Resource, grants: Sequence[Grant] | None = None) -> Decision:
    """May `actor` do `action` on `resource`? The reason is a sentence that can be shown. Who decides on many things in
    a row hands in `grants_of(actor, connection)`, read once."""
    if actor.scopes and "write" not in actor.scopes and action not in READ_ONLY:
        return Decision(False, "This token may only read.")
    if actor.connection == resource.connection or resource.kind == "team":
        by_role = _by_role(actor, action, resource)
        if by_role:
            return by_role
        if resource.kind != "team" and (by_grant := _by_grant(actor, action, resource, grants)):
            return by_grant
    else:
        by_role = Decision(False, f"{resource} is on another connection than your team.")
    if actor.is_admin and action in (Action.MANAGE, Action.VIEW):
        return Decision(True, "Site admins manage every team and what it owns.")
    return by_role


def _by_role(actor: Actor, action: Action, resource: Resource) -> Decision:
    if not actor.role or resource.team != actor.team:
        return Decision(False, f"{resource} belongs to another team and was not granted to you.")
    needed = ROLE_NEEDED[action]
    if Role(actor.role).rank >= needed.rank:
        return Decision(True, f"You are {Role(actor.role).label.lower()} of {actor.team}, which owns it.")
    return Decision(
        False, f"To {action} here you need to be {needed.label.lower()} of {actor.team}; you are {actor.role}."
    )


def _by_grant(actor: Actor, action: Action, resource: Resource, known: Sequence[Grant] | None) -> Decision | None:
    if action not in LEVELS or (action != Action.READ and not _may_write(actor)):
        return None
    given = grants_of(actor, resource.connection) if known is None else known
    grants = [g for g in given if covers(g, action, resource)]
    if not grants:
        return None
    who = "you" if any(g.user_id for g in grants) else actor.team
    if any(g.columns is None for g in grants):
        return Decision(True, f"It was granted to {who}.")
    columns = frozenset(name for g in grants for name in g.columns or ())
    return Decision(True, f"{len(columns)} of its columns were granted to {who}.", columns)


def _may_write(actor: Actor) -> bool:
    return bool(actor.role) and Role(actor.role).rank >= GRANTED_WRITE_NEEDS.rank


def grants_of(actor: Actor, connection: str) -> list[Grant]:
    """The grants in force that reach the actor on a connection: theirs, and those of the team they work in."""
    principal = Q(user_id=actor.user_id)
    if actor.role:
        principal |= Q(team__slug=actor.team)
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return list(Grant.objects.filter(principal & unexpired, connection=connection))


def covers(grant: Grant, action: Action, resource: Resource) -> bool:
    """Does a grant reach this action on this resource? A database's grant covers its tables, a prefix's what lies
    under it.
    A grant on some columns is one to read: it never lets anybody write or manage."""
    if LEVELS.index(Action(grant.action)) < LEVELS.index(action) or (
        grant.columns is not None and action != Action.READ
    ):
        return False
    if grant.resource_kind == "bucket":
        return resource.kind == "bucket" and resource.name.startswith(grant.resource_name)
    if grant.resource_kind == "database" and resource.kind == "table":
        return resource.name.partition(".")[0] == grant.resource_name
    return grant.resource_kind == resource.kind and grant.resource_name == resource.name


def require(actor: Actor, action: Action, resource: Resource) -> Decision:
    """decide(), or raise Denied with the reason and whom to ask."""
    decision = decide(actor, action, resource)
    if not decision:
        raise Denied(f"{decision.why} Ask an admin of {resource.team or 'the team that owns it'}.")
    return decision
