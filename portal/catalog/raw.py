"""Reading files as they are, past every column: downloads, new tables, training inputs, inference."""

from portal.access.decide import decide, grants_of
from portal.access.model import Action, Actor
from portal.catalog import locations, resources
from portal.catalog.known import known, on_connection
from portal.catalog.models import Table
from portal.datasets import buckets
from portal.datasets.models import Bucket
from portal.problems import Denied


def require_raw(actor: Actor, bucket_name: str, inside: str) -> Bucket:
    """The bucket, if the actor may read the bytes at `inside` (a key, or a prefix ending in `/` or empty) of it. Denied
    or Missing as buckets.find().

    Raw bytes show all that a table over them withholds. So whoever is not of the team that owns the bucket reads them
    only where they may read every table that lies there, whole. It is one rule for a table of which they were granted
    some columns and for one of which they were granted nothing, since otherwise taking columns back would widen what
    they read. A grant on a prefix is therefore for what no table is made of; of tables, grant both. The team that owns
    the bucket reads what is its own.
    """
    bucket = buckets.find(actor, bucket_name, Action.READ, inside)
    if actor.role and actor.team == bucket.team.slug:
        return bucket
    grants = grants_of(actor, actor.connection)
    for table in on_connection(bucket.connection).filter(location__startswith=f"s3://{bucket.name}/"):
        decision = decide(actor, Action.READ, resources.of_table(table), grants)
        whole = decision.allowed and decision.columns is None
        if not whole and locations.touch(table.location, inside):
            raise _withheld(actor, table)
    return bucket


def _withheld(actor: Actor, table: Table) -> Denied:
    """Names the table only to those who may know of it."""
    name = f"The table {table}" if known(actor, [table]) else "A table"
    return Denied(
        f"{name} lies there, and some or all of it is withheld from you, so its files cannot be read as they are. "
        f"Query the table, or ask an admin of {table.database.team.slug} for all its columns."
    )


def require_raw_at(actor: Actor, location: str) -> Bucket:
    """As require_raw, by location."""
    return require_raw(actor, *locations.split(location))
