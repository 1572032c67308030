"""Taking and giving back a name that the portal and a provider both keep: a bucket's, a database's.

The portal's row comes first, because its uniqueness gives the name to one team in one step. A crash before the
provider was asked leaves a row without a counterpart: the same team creates it again, or deletes it. The other way
round a name that somebody else made at the provider could be taken over with all that lies in it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model

from portal.access.forget import forget
from portal.access.model import Resource
from portal.accounts.models import Team
from portal.cloud.errors import Clash, NotFound, Rejected
from portal.problems import Conflict


def take(model: Any, word: str, name: str, team: Team, create: Callable[[str], None]) -> Any:
    """The row of `model` that holds `name` for `team`, its counterpart made by `create`. Conflict where the name is
    taken; Rejected where the provider refuses it. `word` is what people call such a thing."""
    try:
        with transaction.atomic():
            row, mine = model.objects.create(connection=team.connection, name=name, team=team), True
    except IntegrityError:
        row, mine = model.objects.get(connection=team.connection, name=name), False
        if row.team_id != team.pk:
            raise Conflict(f"There is a {word} “{name}” already, of another team. Choose another name.") from None
    try:
        create(name)
    except Clash:
        if not mine:
            raise Conflict(f"There is a {word} “{name}” already.") from None
        row.delete()
        raise Conflict(
            f"There is a {word} “{name}” on this connection that was not made here. Choose another name, "
            "or ask a site admin to add it."
        ) from None
    except Rejected:
        if mine:
            row.delete()
        raise
    return row


def give_back(row: Model, resource: Resource, delete: Callable[[], None]) -> None:
    """Remove the counterpart, then the row and the grants on it: a crash in between leaves what deleting again mends.
    Rejected (a Clash where something is in it), and nothing is changed."""
    with suppress(NotFound):  # where it went before the row did, the last time
        delete()
    with transaction.atomic():
        forget(resource)
        row.delete()
