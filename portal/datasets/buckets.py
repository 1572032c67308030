"""Finding a bucket with the right to it. Stands below the catalog, whose tables lie in buckets."""

from portal.access.decide import decide, grants_of
from portal.access.model import Action, Actor
from portal.access.models import Grant
from portal.datasets.models import Bucket
from portal.datasets.resources import of_prefix
from portal.problems import Denied, Missing


def find(actor: Actor, name: str, action: Action, inside: str = "") -> Bucket:
    """The bucket `name` of the actor's connection, for `action` on `inside` (a key, or a prefix ending in `/` or
    empty). Missing where there is none that the actor may know of, Denied where they may not do this there."""
    bucket = Bucket.objects.select_related("team").filter(connection=actor.connection, name=name).first()
    if bucket is None:
        raise _missing(name)
    grants = grants_of(actor, actor.connection)
    decision = decide(actor, action, of_prefix(bucket, inside), grants)
    if not decision:
        if not knows(actor, bucket, grants):
            raise _missing(name)
        raise Denied(f"{decision.why} Ask an admin of {bucket.team.slug}.")
    return bucket


def knows(actor: Actor, bucket: Bucket, grants: list[Grant]) -> bool:
    """Those know of a bucket who are in its team, manage it, or were granted any prefix of it."""
    if decide(actor, Action.VIEW, of_prefix(bucket), grants):
        return True
    return any(g.resource_kind == "bucket" and g.resource_name.startswith(f"{bucket.name}/") for g in grants)


def _missing(name: str) -> Missing:
    return Missing(f"There is no bucket “{name}”, or you may not know of it.")
