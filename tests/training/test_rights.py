"""Who may train on what, at the launch, at the start and when reading what came of it."""

import pytest

from portal.accounts.models import Membership, Role, Team
from portal.operations.models import State
from portal.problems import Denied, Missing
from portal.training import services
from portal.training.services import Input
from tests.training.conftest import Lab, began, carried_out

SCRIPT = "import os; print(os.listdir(os.environ['SM_CHANNEL_TRAIN']))"


@pytest.fixture
def charlie(lab: Lab) -> Membership:
    """The stranger becomes a scientist of ops, so that only the data is not theirs."""
    membership = Membership.objects.get(user=lab.people.charlie.user)
    membership.role = Role.SCIENTIST
    membership.save()
    lab.grant(lab.people.charlie, "bucket", f"{lab.bucket}/code/")
    return membership


def test_a_viewer_and_an_analyst_may_not_train(lab: Lab) -> None:
    for person in (lab.people.victor, lab.people.carol, lab.people.root):
        for call in (services.estimate, services.launch):
            with pytest.raises(Denied):
                call(person.actor, lab.classifier())
    assert services.estimate(lab.people.alice.actor, lab.classifier()).list_usd > 0


def test_data_of_another_team_has_to_be_granted(lab: Lab, charlie: Membership) -> None:
    actor = lab.people.charlie.actor
    with pytest.raises(Denied) as refused:
        services.launch(actor, lab.classifier())
    assert "title" not in refused.value.message
    with pytest.raises((Denied, Missing)):
        services.launch(actor, lab.asked(SCRIPT, inputs=(Input("train", bucket=lab.bucket, prefix="reviews/"),)))
    lab.grant(lab.people.charlie, "table", lab.table)
    job = lab.run(lab.asked(SCRIPT, inputs=(Input("train", table=lab.table),)), lab.people.charlie)
    assert job.state == State.SUCCEEDED, job.error
    assert job.team.slug == "ops"


def test_a_table_with_columns_withheld_is_refused_as_table_and_as_files(lab: Lab, charlie: Membership) -> None:
    actor = lab.people.charlie.actor
    lab.grant(lab.people.charlie, "table", lab.table, ["stars", "category"])
    lab.grant(lab.people.charlie, "bucket", f"{lab.bucket}/")
    with pytest.raises(Denied) as refused:
        services.launch(actor, lab.classifier())
    assert "all of its columns" in refused.value.message
    for prefix in ("reviews/", "", "reviews", "rev", "reviews/part-0.parquet"):
        with pytest.raises(Denied) as refused:
            services.launch(actor, lab.asked(SCRIPT, inputs=(Input("train", bucket=lab.bucket, prefix=prefix),)))
        assert "withheld" in refused.value.message
    assert services.launch(actor, lab.asked(SCRIPT, inputs=(Input("train", bucket=lab.bucket, prefix="code/"),)))


def test_a_right_that_ended_before_the_start_ends_the_job(lab: Lab, charlie: Membership) -> None:
    grant = lab.grant(lab.people.charlie, "table", lab.table)
    job = services.launch(lab.people.charlie.actor, lab.asked(SCRIPT, inputs=(Input("train", table=lab.table),)))
    grant.delete()
    assert began(job).state == State.FAILED
    assert job.ref == ""
    assert job.error
    assert job.error["code"] == "DENIED"


def test_a_scientist_no_more_starts_nothing(lab: Lab) -> None:
    job = services.launch(lab.people.bob.actor, lab.asked("print(1)"))
    Membership.objects.filter(user=lab.people.bob.user).update(role=Role.ANALYST)
    assert (began(job).state, job.ref) == (State.FAILED, "")


def test_a_script_has_to_be_readable_too(lab: Lab, charlie: Membership) -> None:
    key = lab.put("private/train.py", "print(1)")
    with pytest.raises(Denied):
        services.launch(lab.people.charlie.actor, lab.asked(source_bucket=lab.bucket, source_key=key))


def test_a_team_mate_without_rights_on_the_inputs_reads_neither_log_nor_outputs(lab: Lab, charlie: Membership) -> None:
    mate = lab.people.victor
    Membership.objects.filter(user=mate.user).delete()
    Membership.objects.create(user=mate.user, team=Team.objects.get(slug="ops"), role=Role.VIEWER)
    given = lab.grant(lab.people.charlie, "table", lab.table)
    job = lab.run(lab.asked(SCRIPT, inputs=(Input("train", table=lab.table),)), lab.people.charlie)
    assert services.get(mate.actor, job.pk) == job
    reads = (services.logs, services.metrics, services.outputs, lambda a, j: services.open_output(a, j, "model/x"))
    for read in reads:
        with pytest.raises(Denied):
            read(mate.actor, job.pk)
    assert services.logs(lab.people.charlie.actor, job.pk).lines
    lab.grant(mate, "table", lab.table)
    assert services.logs(mate.actor, job.pk).lines
    given.delete()
    with pytest.raises(Denied):
        services.logs(lab.people.charlie.actor, job.pk)


def test_a_stranger_knows_of_no_job(lab: Lab) -> None:
    job = carried_out(services.launch(lab.people.bob.actor, lab.asked("print(1)")))
    for read in (services.get, services.stop, services.clone, services.logs, services.outputs):
        with pytest.raises(Missing):
            read(lab.people.charlie.actor, job.pk)
    assert not services.jobs(lab.people.charlie.actor).exists()
    for person in (lab.people.victor, lab.people.carol):
        with pytest.raises(Denied):
            services.stop(person.actor, job.pk)
