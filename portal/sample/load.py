"""The sample workspace: a team, a bucket, the database `shop` and five saved queries, made by the same verbs that
people use. All of it is labelled Sample and goes with one command; what people added beside it stays."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from portal.access.model import Actor
from portal.accounts.models import Membership, Role, Team, User
from portal.accounts.services import actor_of
from portal.catalog import services as catalog
from portal.catalog.models import Database, Table
from portal.cloud import ports
from portal.cloud.errors import Clash, NotFound
from portal.cloud.ports import Caller, Cloud
from portal.cloud.registry import connect
from portal.datasets import services as datasets
from portal.datasets.models import Bucket
from portal.problems import Conflict
from portal.queries import saved
from portal.queries.models import SavedQuery
from portal.sample import generate
from portal.sample.questions import SAVED_QUERIES

TEAM, BUCKET, DATABASE = "sample", "sample-shop", "shop"
DESCRIPTIONS = {
    "products": "400 products of a shop that never was: name, category, price.",
    "reviews": "60,000 reviews of those products, partitioned by month.",
    "events": "Five million clicks of October 2026, partitioned by day: views, carts and purchases.",
}


def load(
    owner: User, say: Callable[[str], None], reviews: int = generate.REVIEWS, events: int = generate.EVENTS
) -> None:
    """Make whatever of the sample is not there yet; `owner` becomes an admin of its team. Safe to run again. `reviews`
    and `events` are how many rows these tables get."""
    team, _ = Team.objects.update_or_create(
        slug=TEAM, defaults={"archived_at": None},
        create_defaults={"name": "Sample", "connection": settings.DEFAULT_CONNECTION},
    )  # fmt: skip
    Membership.objects.get_or_create(team=team, user=owner, defaults={"role": Role.ADMIN})
    actor = actor_of(owner, TEAM)
    cloud = connect(team.connection, Caller(TEAM, owner.username))
    _make(Bucket, BUCKET, team, lambda: datasets.create_bucket(actor, BUCKET))
    database = _make(Database, DATABASE, team, lambda: catalog.create_database(actor, DATABASE))
    writers: dict[str, Callable[[Path], None]] = {
        "products": generate.write_products,
        "reviews": partial(generate.write_reviews, count=reviews),
        "events": partial(generate.write_events, count=events),
    }
    for name, write in writers.items():
        if not database.tables.filter(name=name).exists():
            say(f"Sample: making {DATABASE}.{name}")
            _table(cloud, database, owner, name, write)
    _questions(actor)


def _make(model: Any, name: str, team: Team, create: Callable[[], Any]) -> Any:
    """The row of that name with its counterpart at the provider, each made where it is not there: a start that was cut
    off may have left the row alone. Conflict where another team has the name."""
    row = model.objects.filter(connection=team.connection, name=name).first()
    if row is not None and row.team_id != team.pk:
        raise Conflict(f"“{name}” belongs to {row.team.name}, so the sample cannot be loaded here.")
    try:
        row = create()
    except Conflict:
        if row is None:
            raise
    model.objects.filter(pk=row.pk).update(is_sample=True)
    return row


def _table(cloud: Cloud, database: Database, owner: User, name: str, write: Callable[[Path], None]) -> None:
    """Write the files, put them into the bucket, define the table over them and mirror it."""
    with tempfile.TemporaryDirectory(prefix="skydeck-sample-") as temporary:
        folder = Path(temporary)
        write(folder)
        for path in sorted(folder.rglob("*.parquet")):
            with open(path, "rb") as body:
                cloud.store.put(BUCKET, f"{name}/{path.relative_to(folder)}", body, "application/vnd.apache.parquet")
    location = f"s3://{BUCKET}/{name}/"
    found = cloud.catalog.infer(location)
    table = ports.Table(database.name, name, found.columns, location, found.format, found.partition_keys, found.options)
    try:
        made = cloud.catalog.create_table(table)
    except Clash:  # a start that was cut off had come this far
        made = cloud.catalog.refresh(database.name, name)
    row = catalog.sync(cloud, database, made, owner)
    Table.objects.filter(pk=row.pk).update(is_sample=True, description=DESCRIPTIONS[name], tags=["sample"])


def _questions(actor: Actor) -> None:
    known = set(SavedQuery.objects.filter(team__slug=TEAM, is_sample=True).values_list("name", flat=True))
    for question in SAVED_QUERIES:
        if question.name not in known:
            row = saved.create(
                actor, name=question.name, sql=question.sql, database=DATABASE, team=TEAM,
                description=question.description, chart=question.chart, tags=["sample"],
            )  # fmt: skip
            SavedQuery.objects.filter(pk=row.pk).update(is_sample=True)


def remove(say: Callable[[str], None]) -> None:
    """Take all of the sample away: its tables, files, database, bucket, queries, and its team if nothing else is
    there."""
    team = Team.objects.filter(slug=TEAM).first()
    if team is None:
        say("There is no sample here.")
        return
    cloud = connect(team.connection, Caller(TEAM, "skydeck"))
    SavedQuery.objects.filter(team=team, is_sample=True).delete()
    for table in Table.objects.filter(database__team=team, is_sample=True).select_related("database"):
        _quietly(partial(cloud.catalog.delete_table, table.database.name, table.name))
        table.delete()
    for name in DESCRIPTIONS:
        _delete_files(cloud, f"{name}/")
    kept: list[str] = []
    for database in Database.objects.filter(team=team, is_sample=True):
        if _gone(database.name, kept, partial(cloud.catalog.delete_database, database.name)):
            database.delete()
    for bucket in Bucket.objects.filter(team=team, is_sample=True):
        if _gone(bucket.name, kept, partial(cloud.store.delete_bucket, bucket.name)):
            bucket.delete()
    if not team.buckets.exists() and not team.databases.exists():
        team.archived_at = timezone.now()
        team.save(update_fields=["archived_at"])
    say("The sample is gone." + (f" Kept, since other things lie there: {', '.join(kept)}." if kept else ""))


def _delete_files(cloud: Cloud, prefix: str) -> None:
    """The files that load() wrote there; another name is somebody else's file."""
    after: str | None = ""
    while after is not None and Bucket.objects.filter(name=BUCKET, is_sample=True).exists():
        listing = cloud.store.list(BUCKET, prefix, after=after)
        for item in listing.objects:
            if item.key.endswith(generate.FILES):
                cloud.store.delete(BUCKET, item.key)
        after = listing.next


def _gone(name: str, kept: list[str], delete: Callable[[], None]) -> bool:
    try:
        _quietly(delete)
    except Clash:
        kept.append(name)
        return False
    return True


def _quietly(delete: Callable[[], None]) -> None:
    with suppress(NotFound):  # it went before, and the row did not
        delete()
