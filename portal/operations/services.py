"""The verbs on operations that people have: see, list, cancel."""

import uuid

from django.db.models import Q, QuerySet

from portal.access.decide import decide
from portal.access.model import Action, Actor, Resource
from portal.operations import conclude
from portal.operations.models import OPEN, Operation
from portal.problems import Denied, Missing


def resource(operation: Operation) -> Resource:
    """An operation is its team's."""
    return Resource("team", operation.team.slug, operation.connection, operation.team.slug)


def visible(actor: Actor) -> QuerySet[Operation]:
    """What the actor may know of: their own, and those of the team they work in. Newest first."""
    mine = Q(owner_id=actor.user_id)
    if actor.role or actor.is_admin:
        mine |= Q(team__slug=actor.team)
    return Operation.objects.select_related("team", "owner").filter(mine, hidden_at=None)


def get(actor: Actor, operation_id: uuid.UUID | str, kind: str = "") -> Operation:
    """One operation, or Missing. `kind` narrows to one kind."""
    try:
        key = operation_id if isinstance(operation_id, uuid.UUID) else uuid.UUID(str(operation_id))
    except ValueError:
        raise Missing from None
    found = Operation.objects.select_related("team", "owner").filter(id=key, hidden_at=None).first()
    if found is None or (kind and found.kind != kind) or not _may_see(actor, found):
        raise Missing
    return found


def _may_see(actor: Actor, operation: Operation) -> bool:
    return operation.owner_id == actor.user_id or decide(actor, Action.VIEW, resource(operation)).allowed


def cancel(actor: Actor, operation_id: uuid.UUID | str, kind: str = "") -> Operation:
    """Ask for its end: the owner may, and an admin of the team. Ended ones stay as they are."""
    operation = get(actor, operation_id, kind)
    allowed = operation.owner_id == actor.user_id or decide(actor, Action.MANAGE, resource(operation)).allowed
    if not allowed or (actor.scopes and "write" not in actor.scopes):
        raise Denied(f"Only {operation.owner.username} or an admin of {operation.team.slug} may stop this.")
    conclude.cancel(operation)
    operation.refresh_from_db()
    return operation


def running_count(actor: Actor) -> int:
    """How many operations of the actor's team are not at their end: the Activity pill."""
    return visible(actor).filter(state__in=OPEN).count()
