"""What team-mates see of work over data that they themselves may not read."""

import pytest
from django.test import Client

from portal.accounts.models import Membership, Role, Team
from portal.accounts.services import actor_of
from portal.catalog import services as catalog
from portal.datasets.models import Bucket
from portal.operations.events import shown
from portal.operations.models import State
from portal.problems import Denied
from portal.queries import charts, services
from portal.training.services import Input
from tests.catalog.conftest import MakeTable, carried_out, database, make_table
from tests.datasets.conftest import Give, Put, bucket, give, put
from tests.harness.people import People
from tests.training.conftest import Lab, lab, reviews

__all__ = ["bucket", "database", "give", "lab", "make_table", "put", "reviews"]
CANARY = "canary-4711"


def in_ops(people: People) -> Client:
    """Victor leaves growth and becomes charlie's team-mate."""
    Membership.objects.filter(user=people.victor.user).update(team=Team.objects.get(slug="ops"), role=Role.ANALYST)
    return people.victor.page


def test_what_was_found_in_a_file_is_for_who_may_read_it(people: People, put: Put, bucket: Bucket, give: Give) -> None:
    put("lent/data.csv", f"id,{CANARY.replace('-', '_')}\n1,Ann\n".encode())
    grant = give("bucket", f"{bucket.name}/lent/")
    look = carried_out(catalog.infer(people.charlie.actor, f"s3://{bucket.name}/lent/data.csv"))
    assert look.state == State.SUCCEEDED
    address = f"/tables/new/{look.pk}"
    assert "canary" in people.charlie.page.get(address).content.decode()
    mate = in_ops(people).get(address)
    assert mate.status_code == 404  # he does not even know of the bucket
    assert "canary" not in mate.content.decode()
    grant.delete()
    assert people.charlie.page.get(address).status_code in (403, 404)


def test_the_last_words_of_a_script_are_for_who_may_read_its_inputs(lab: Lab) -> None:
    people = lab.people
    Membership.objects.filter(user=people.charlie.user).update(role=Role.SCIENTIST)
    lab.grant(people.charlie, "bucket", f"{lab.bucket}/code/")
    lab.grant(people.charlie, "table", lab.table)
    mate_page = in_ops(people)
    job = lab.run(lab.asked(f"raise ValueError('{CANARY}')", inputs=(Input("train", table=lab.table),)), people.charlie)
    assert job.error
    assert CANARY in job.error["message"]
    addresses = [f"/api/v1/training-jobs/{job.pk}", "/api/v1/training-jobs", f"/api/v1/operations/{job.pk}"]
    for address in addresses:
        answer = people.victor.api.get(address)
        assert answer.status_code == 200
        assert "exit code 1" in answer.content.decode()
        assert CANARY not in answer.content.decode()
    for address in (f"/training/{job.pk}", "/training", "/activity", "/"):
        assert CANARY not in mate_page.get(address).content.decode()
    assert CANARY not in str(shown(job))
    assert CANARY in people.charlie.api.get(addresses[0]).content.decode()
    assert CANARY in people.charlie.page.get(f"/training/{job.pk}").content.decode()


def test_a_preview_wants_a_team(people: People, make_table: MakeTable, give: Give) -> None:
    table = make_table("people")
    give("table", str(table))
    Membership.objects.filter(user=people.charlie.user).delete()
    with pytest.raises(Denied):
        services.preview(actor_of(people.charlie.user), table.database.name, "people")


@pytest.mark.parametrize("chart", [{"kind": "bar", "x": ["a"], "y": "a"}, {"kind": "bar", "x": "a", "y": {"a": 1}}])
def test_a_chart_of_nonsense_breaks_no_page(chart: object) -> None:
    assert charts.chosen(chart, [{"name": "a", "type": "bigint"}]) is None
