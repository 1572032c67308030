"""The sample workspace on the real local cloud: loaded twice, asked, trained on, and taken away."""

import io
import time
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import Membership, Team, User
from portal.catalog import services as catalog
from portal.catalog.models import Database, Table
from portal.cloud.ports import Caller, Cloud
from portal.cloud.registry import connect
from portal.datasets.models import Bucket
from portal.queries import saved, services
from portal.queries.models import SavedQuery
from portal.sample import load
from portal.sample.questions import SAVED_QUERIES
from portal.training import services as training
from portal.training.templates import templates
from tests.harness.people import People
from tests.harness.servers import CloudServer
from tests.queries.conftest import carried_out
from tests.training.conftest import carried_out as trained

REVIEWS, EVENTS = 2_000, 60_000


def silent(_: str) -> None:
    pass


@pytest.fixture
def owner(people: People, cloud_server: CloudServer, redis_server: str) -> Iterator[User]:
    """The site's admin, for whom the sample is loaded. The cloud outlives a test, the rows do not: it is emptied."""
    yield people.root.user
    load.remove(silent)


@pytest.fixture
def sample(owner: User) -> Cloud:
    load.load(owner, silent, REVIEWS, EVENTS)
    return connect("local", Caller("sample", owner.username))


def keys(cloud: Cloud, prefix: str = "") -> list[str]:
    return [item.key for item in cloud.store.list(load.BUCKET, prefix).objects]


def test_all_of_it_is_there_and_labelled(sample: Cloud, people: People) -> None:
    team = Team.objects.get(slug="sample")
    assert [member.role for member in Membership.objects.filter(team=team, user=people.root.user)] == ["admin"]
    assert list(Bucket.objects.values_list("name", "team__slug", "is_sample")) == [("sample-shop", "sample", True)]
    assert list(Database.objects.values_list("name", "team__slug", "is_sample")) == [("shop", "sample", True)]
    tables = {table.name: table for table in Table.objects.all()}
    assert {name: (table.rows, table.partitions) for name, table in tables.items()} == {
        "products": (400, 0), "reviews": (REVIEWS, 10), "events": (EVENTS, 31),
    }  # fmt: skip
    assert all(table.is_sample and table.tags == ["sample"] and table.description for table in tables.values())
    assert [key["name"] for key in tables["events"].partition_keys] == ["day"]
    assert set(SavedQuery.objects.values_list("name", "is_sample")) == {(one.name, True) for one in SAVED_QUERIES}


def test_a_load_that_was_cut_off_is_completed(owner: User) -> None:
    team = Team.objects.create(slug="sample", name="Sample", connection="local")
    Bucket.objects.create(connection="local", name=load.BUCKET, team=team)
    Database.objects.create(connection="local", name=load.DATABASE, team=team)
    load.load(owner, silent, REVIEWS, EVENTS)
    assert Table.objects.filter(is_sample=True).count() == 3


def test_loading_it_again_changes_nothing(sample: Cloud, owner: User) -> None:
    def everything() -> list[object]:
        rows = [list(model.objects.order_by("pk").values()) for model in (Team, Bucket, Database, Table, SavedQuery)]
        return [*rows, keys(sample)]

    before = everything()
    said: list[str] = []
    load.load(owner, said.append, REVIEWS, EVENTS)
    assert (everything(), said) == (before, [])


def test_a_load_that_was_cut_off_is_finished(sample: Cloud, owner: User) -> None:
    Table.objects.get(name="reviews").delete()  # the provider has it, the mirror not yet
    sample.catalog.delete_table("shop", "products")
    Table.objects.get(name="products").delete()
    SavedQuery.objects.filter(name=SAVED_QUERIES[0].name).delete()
    said: list[str] = []
    load.load(owner, said.append, REVIEWS, EVENTS)
    assert said == ["Sample: making shop.products", "Sample: making shop.reviews"]
    assert {table.name: table.rows for table in Table.objects.all()} == {
        "products": 400, "reviews": REVIEWS, "events": EVENTS,
    }  # fmt: skip
    assert SavedQuery.objects.filter(is_sample=True).count() == len(SAVED_QUERIES)


def test_every_saved_query_answers_and_its_chart_fits(sample: Cloud, people: People) -> None:
    actor = people.root.actor
    for one in saved.visible(actor):
        operation = carried_out(services.run(actor, one.sql, one.database))
        assert operation.state == "succeeded", (one.name, operation.error)
        found = services.rows(actor, operation)
        assert len(found.rows) >= 3, one.name
        names = {column["name"] for column in found.columns}
        assert one.chart
        assert {name for part, name in one.chart.items() if part != "kind"} <= names


def test_an_estimate_moves_when_the_statement_does(sample: Cloud, people: People) -> None:
    actor = people.root.actor
    day, column, whole = (
        services.estimate(actor, sql, "shop").bytes
        for sql in (
            "SELECT user_id FROM events WHERE day = DATE '2026-10-31'",
            "SELECT user_id FROM events",
            "SELECT * FROM events",
        )
    )
    assert day < column / 10 < whole / 20


def test_the_templates_run_on_it(sample: Cloud) -> None:
    for template in templates():
        for item in template.example["inputs"]:
            database, _, name = item["table"].partition(".")
            table = Table.objects.get(database__name=database, name=name)
            known = {column["name"] for column in table.columns}
            values = template.example["hyperparameters"]
            assert {*values["text"].split(","), values["label"]} <= known


def test_removing_it_takes_all_away(sample: Cloud, owner: User) -> None:
    said: list[str] = []
    load.remove(said.append)
    assert said == ["The sample is gone."]
    assert not any(model.objects.exists() for model in (Bucket, Database, Table, SavedQuery))
    assert "shop" not in sample.catalog.databases()
    assert Team.objects.get(slug="sample").archived_at
    load.remove(silent)
    load.load(owner, silent, REVIEWS, EVENTS)
    assert Team.objects.get(slug="sample").archived_at is None
    assert Table.objects.count() == 3


def test_removing_it_keeps_what_people_added(sample: Cloud, people: People) -> None:
    actor = people.root.actor
    for key in ("mine/notes.csv", "reviews/notes.csv"):
        sample.store.put(load.BUCKET, key, io.BytesIO(b"id,name\n1,Ann\n"))
    made = catalog.create_table(actor, "shop", "notes", f"s3://{load.BUCKET}/mine/")
    assert carried_out(made).state == "succeeded", made.error
    saved.create(actor, name="Mine", sql="SELECT 1", database="shop", team="sample")
    said: list[str] = []
    load.remove(said.append)
    assert said == ["The sample is gone. Kept, since other things lie there: shop, sample-shop."]
    assert keys(sample) == ["mine/notes.csv", "reviews/notes.csv"]
    assert [table.name for table in sample.catalog.tables("shop")] == ["notes"]
    assert list(SavedQuery.objects.values_list("name", flat=True)) == ["Mine"]
    assert Team.objects.get(slug="sample").archived_at is None
    catalog.delete_table(actor, "shop", "notes")
    for key in keys(sample):
        sample.store.delete(load.BUCKET, key)
    load.remove(silent)
    assert not Bucket.objects.exists()


def test_names_that_others_have_are_left_to_them(owner: User, people: People) -> None:
    Bucket.objects.create(connection="local", name=load.BUCKET, team=Team.objects.get(slug="growth"))
    with pytest.raises(CommandError, match="belongs to Growth"):
        call_command("sample", stdout=io.StringIO())
    Bucket.objects.all().delete()


@pytest.mark.slow
def test_the_sample_in_full_is_there_soon(owner: User) -> None:
    began: dict[str, float] = {}
    load.load(owner, lambda words: began.__setitem__(words, time.process_time()))
    events = time.process_time() - began["Sample: making shop.events"]
    assert Table.objects.get(name="events").rows == 5_000_000
    assert 60e6 < (Table.objects.get(name="events").bytes or 0) < 120e6
    assert events < 15, f"events took {events:.1f} s of a processor"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_template_learns_well_from_all_of_it_but_not_too_well(owner: User, people: People) -> None:
    load.load(owner, silent, events=EVENTS)
    template = templates()[0]
    example = template.example
    request = training.Request(
        template=template.name,
        inputs=tuple(training.Input(**item) for item in example["inputs"]),
        hyperparameters=example["hyperparameters"],
        max_runtime_s=example["max_runtime_s"],
    )
    job = trained(training.launch(people.root.actor, request))
    assert job.state == "succeeded", job.error
    baseline = job.result["baseline"]
    assert baseline + 0.2 < job.result["metrics"]["accuracy"] < 0.95, job.result
