"""Reading files as they are, past every column: downloads, new tables, training inputs, inference."""

from portal.access.decide import decide, grants_of
from portal.access.model import Action, Actor
from portal.catalog import locations, resources
from portal.catalog.known import on_connection
from portal.datasets import buckets
from portal.datasets.models import Bucket
from portal.problems import Denied


def require_raw(actor: Actor, bucket_name: str, inside: str) -> Bucket:
    """The bucket, if the actor may read the bytes at `inside` (a key, or a prefix ending in `/` or empty) of it. Denied
    or Missing as buckets.find().

    Where a table lies there of which they were granted some columns, raw bytes would show the others too, so these are
    refused. The team that owns the bucket reads what is its own.
    """
    bucket = buckets.find(actor, bucket_name, Action.READ, inside)
    if actor.role and actor.team == bucket.team.slug:
        return bucket
    grants = grants_of(actor, actor.connection)
    for table in on_connection(bucket.connection).filter(location__startswith=f"s3://{bucket.name}/"):
        decision = decide(actor, Action.READ, resources.of_table(table), grants)
        if decision.columns is not None and locations.touch(table.location, inside):
            team = table.database.team.slug
            raise Denied(
                f"The table {table} lies there, and some of its columns are withheld from you, so its files cannot "
                f"be read as they are. Query the table, or ask an admin of {team} for all its columns."
            )
    return bucket


def require_raw_at(actor: Actor, location: str) -> Bucket:
    """As require_raw, by location."""
    return require_raw(actor, *locations.split(location))
