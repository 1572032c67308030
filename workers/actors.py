"""On whose behalf a worker acts: the operation's owner, in its team, with the rights they have now."""

from portal.access.model import Actor
from portal.accounts.services import actor_of
from portal.operations.models import Operation
from portal.problems import Denied, Missing

NOBODY = "skydeck"  # the username that the cloud's audit trail shows for what the site does by itself


def owner_as_actor(operation: Operation) -> Actor:
    """Denied where the owner has left the team, or was deactivated, since they asked."""
    if not operation.owner.is_active:
        raise Denied(f"{operation.owner.username} was deactivated since.")
    try:
        return actor_of(operation.owner, operation.team.slug)
    except Missing:
        raise Denied(f"{operation.owner.username} has left {operation.team.name} since.") from None
