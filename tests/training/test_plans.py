"""What is refused before anything starts, with the field at fault; what a job can cost; the templates."""

from decimal import Decimal
from typing import Any

import pytest

from portal.cloud.errors import NotFound
from portal.costs.models import Cost
from portal.operations.models import Operation
from portal.problems import Invalid, Missing
from portal.training import services
from portal.training.services import Input
from tests.training.conftest import Lab

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown template": ({"template": "none"}, "template", "There are: text-classifier."),
    "whole number": ({"hyperparameters": {"epochs": "six"}}, "hyperparameters.epochs", "whole number, not “six”"),
    "number": ({"hyperparameters": {"alpha": "small"}}, "hyperparameters.alpha", "takes a number"),
    "not finite": ({"hyperparameters": {"alpha": "nan"}}, "hyperparameters.alpha", "takes a number"),
    "unknown knob": ({"hyperparameters": {"depth": "3"}}, "hyperparameters", "has no depth. It has: text, label"),
    "long value": ({"hyperparameters": {"text": "x" * 2501}}, "hyperparameters", "2,500 characters"),
    "odd name": ({"hyperparameters": {"--text": "x"}}, "hyperparameters", "“--text” cannot be passed on"),
    "no input": ({"inputs": ()}, "inputs", "missing: train"),
    "odd channel": ({"inputs": (Input("../train", bucket="b"),)}, "inputs", "letters, digits"),
    "twice": ({"inputs": (Input("train", bucket="b"), Input("TRAIN", bucket="b"))}, "inputs", "same name"),
    "not here": ({"instance_type": "ml.g5.xlarge"}, "instance_type", "You can choose: local.cpu"),
    "unknown machine": ({"instance_type": "huge"}, "instance_type", "“huge” cannot be had here"),
    "spot": ({"spot": True}, "spot", "connection to AWS"),
    "image": ({"image": "me/mine:1"}, "image", "connection to AWS"),
    "two machines": ({"instance_count": 2}, "instance_count", "one machine"),
    "no time": ({"max_runtime_s": 0}, "max_runtime_s", "from 1 second to 5 days"),
    "too long": ({"max_runtime_s": 5 * 24 * 3600 + 1}, "max_runtime_s", "from 1 second to 5 days"),
    "name": ({"name": "../x"}, "name", "1 to 60 letters"),
    "name of two lines": ({"name": "x\n"}, "name", "1 to 60 letters"),
    "nothing to run": ({"template": ""}, "source", "Choose a template"),
    "no key": ({"template": "", "source_bucket": "b", "source_key": ""}, "source", "Choose a template"),
    "no script": ({"template": "", "source_bucket": "b", "source_key": "a.sh"}, "source", "a .py file, a .zip"),
}


@pytest.mark.parametrize(("changes", "field", "words"), WRONG.values(), ids=list(WRONG))
def test_bad_input_names_its_field_and_records_nothing(
    lab: Lab, changes: dict[str, Any], field: str, words: str
) -> None:
    for call in (services.estimate, services.launch):
        with pytest.raises(Invalid) as refused:
            call(lab.people.bob.actor, lab.classifier(**changes))
        assert list(refused.value.errors) == [field]
        assert words in refused.value.message
    assert not Operation.objects.exists()
    assert not Cost.objects.exists()


@pytest.mark.parametrize("entry_point", ["../train.py", "/train.py", "train.sh", "-c.py", "a/../../b.py"])
def test_an_entry_point_lies_inside_the_source(lab: Lab, entry_point: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.launch(lab.people.bob.actor, lab.asked("print(1)", entry_point=entry_point))
    assert "entry_point" in refused.value.errors


def test_what_is_not_there_is_said_before_the_launch(lab: Lab) -> None:
    bob = lab.people.bob.actor
    with pytest.raises(NotFound):
        services.launch(bob, lab.asked(source_bucket=lab.bucket, source_key="none.py"))
    with pytest.raises(Missing):
        services.launch(bob, lab.asked(source_bucket="no-such-bucket", source_key="none.py"))
    for wrong in (Input("train", table="no.such"), Input("train", bucket="no-such-bucket", prefix="x/")):
        with pytest.raises(Missing):
            services.launch(bob, lab.classifier(inputs=(wrong,)))
    assert not Operation.objects.exists()


def test_a_prefix_without_files_fails_with_words(lab: Lab) -> None:
    job = lab.run(lab.classifier(inputs=(Input("train", bucket=lab.bucket, prefix="nothing/"),)))
    assert (job.state, job.error and job.error["code"]) == ("failed", "EMPTY_INPUT")
    assert Cost.objects.get(operation=job).list_nano == 0


def test_the_estimate_is_the_longest_time_at_the_machines_price(lab: Lab) -> None:
    bob = lab.people.bob.actor
    machine, *others = services.instance_types(bob)
    assert (machine.name, machine.available, machine.usd_per_hour) == ("local.cpu", True, None)
    like = next(one for one in others if one.name == machine.like)
    assert like.usd_per_hour
    hour, minute = (services.estimate(bob, lab.classifier(max_runtime_s=seconds)) for seconds in (3600, 60))
    assert (hour.list_usd, hour.charged_usd) == (like.usd_per_hour, Decimal(0))
    assert minute.list_usd == pytest.approx(like.usd_per_hour / 60, rel=Decimal("0.01"))
    assert hour.arithmetic == f"1 h × ${like.usd_per_hour.normalize():f} ({like.name} on AWS)"
    assert services.price(bob, lab.classifier(inputs=(), max_runtime_s=3600)) == hour


def test_a_templates_knobs_have_defaults_of_their_type() -> None:
    for template in services.templates():
        assert template.inputs
        for knob in template.hyperparameters:
            assert knob.checked(knob.default), knob.name
            assert knob.about
        assert set(template.example["hyperparameters"]) <= {knob.name for knob in template.hyperparameters}
        assert {item["channel"] for item in template.example["inputs"]} == {item.channel for item in template.inputs}
