"""What every provider's trainer must do. A provider is one more parameter of `cloud`."""

import io
import json
import textwrap
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow.csv as pcsv
import pytest

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.local import fence
from portal.cloud.ports import Channel, Cloud, RunState, RunStatus, TrainingSpec
from portal.sample import generate
from portal.training.templates import template
from tests.cloud.local.served import serving

pytestmark = pytest.mark.skipif(not fence.available(), reason="this kernel has no Landlock of ABI 3 or later")


@pytest.fixture(params=["local"], scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with serving() as served:
        served.cloud.store.create_bucket("data")
        served.cloud.store.put("data", "in/a.csv", io.BytesIO(b"a,b\n1,2\n"))
        yield served.cloud


def spec(cloud: Cloud, script: str, **changes: Any) -> TrainingSpec:
    cloud.store.put("data", "code/train.py", io.BytesIO(textwrap.dedent(script).encode()))
    plain: dict[str, Any] = {
        "name": "first",
        "source": "s3://data/code/train.py",
        "entry_point": "train.py",
        "channels": (Channel("train", "data", "in/"),),
        "hyperparameters": {"rate": "0.1"},
        "instance_type": "local.cpu",
        "instance_count": 1,
        "max_runtime_s": 60,
        "metrics": {"accuracy": "accuracy=([0-9.]+)", "loss": "loss=([0-9.]+)"},
    }
    return TrainingSpec(**(plain | changes))


def ended(cloud: Cloud, ref: str, patience: float = 90) -> RunStatus:
    deadline = time.monotonic() + patience
    while True:
        status = cloud.training.poll([ref], 5.0)[0]
        if status.state.ended:
            return status
        assert time.monotonic() < deadline, "the job did not end"


SCRIPT = """
    import os
    from pathlib import Path
    print(open(os.environ["SM_CHANNEL_TRAIN"] + "/a.csv").read().splitlines())
    for epoch in (1, 2, 3): print(f"epoch={epoch} accuracy={epoch / 4} loss={1 / epoch:.2f}")
    Path(os.environ["SM_MODEL_DIR"], "deep").mkdir()
    Path(os.environ["SM_MODEL_DIR"], "deep", "model.bin").write_bytes(b"weights")
    Path(os.environ["SM_OUTPUT_DATA_DIR"], "rows.csv").write_text("a\\n")
"""


def test_a_job_runs_and_leaves_its_log_metrics_and_outputs(cloud: Cloud) -> None:
    training, job = cloud.training, spec(cloud, SCRIPT)
    ref = training.start(job, "contract-1")
    assert training.start(job, "contract-1") == ref
    status = ended(cloud, ref)
    assert (status.state, status.failure) == (RunState.SUCCEEDED, None)
    assert status.facts["metrics"] == {"accuracy": 0.75, "loss": 0.33}

    page = training.logs(ref, limit=2)
    assert [line for _, line in page.lines] == ["['a,b', '1,2']", "epoch=1 accuracy=0.25 loss=1.00"]
    rest = training.logs(ref, page.next)
    assert [line for _, line in rest.lines][-1] == "epoch=3 accuracy=0.75 loss=0.33"
    assert all(at.tzinfo for at, _ in rest.lines)
    assert training.logs(ref, rest.next).lines == ()

    points = [(point.name, point.step, point.value) for point in training.metrics(ref)]
    assert points[:2] == [("accuracy", 1, 0.25), ("loss", 1, 1.0)]
    assert points[-1] == ("loss", 3, 0.33)

    outputs = {output.path: output.size for output in training.outputs(ref)}
    assert outputs == {PurePosixPath("data/rows.csv"): 2, PurePosixPath("model/deep/model.bin"): 7}
    with training.open_output(ref, "model/deep/model.bin") as reader:
        assert reader.read() == b"weights"
    for path in ("model/nothing", "../job.json", "model/../job.json", "/etc/passwd", "model", "model/deep", "", "a\0b"):
        with pytest.raises(NotFound):
            training.open_output(ref, path)

    training.delete(ref)
    training.delete(ref)
    assert (training.outputs(ref), training.logs(ref).lines) == ([], ())
    assert training.poll([ref])[0].state is RunState.SUCCEEDED


def test_a_failed_script_shows_its_last_lines(cloud: Cloud) -> None:
    ref = cloud.training.start(spec(cloud, "raise KeyError('stars')"), "contract-2")
    status = ended(cloud, ref)
    assert status.state is RunState.FAILED
    assert status.failure is not None
    assert "KeyError: 'stars'" in status.failure.message


def test_a_stopped_job_is_cancelled(cloud: Cloud) -> None:
    ref = cloud.training.start(spec(cloud, "import time; time.sleep(600)"), "contract-3")
    cloud.training.stop(ref)
    assert ended(cloud, ref).state is RunState.CANCELLED
    cloud.training.stop(ref)


def test_what_cannot_run_is_refused(cloud: Cloud) -> None:
    with pytest.raises(Rejected, match=r"ml\.none") as refusal:
        cloud.training.start(spec(cloud, "", instance_type="ml.none"), "contract-4")
    assert refusal.value.code == "INSTANCE_UNAVAILABLE"
    with pytest.raises(NotFound):
        cloud.training.start(spec(cloud, "", source="s3://data/none.py"), "contract-5")


def test_many_refs_are_polled_in_their_order_and_unknown_ones_are_lost(cloud: Cloud) -> None:
    ref = cloud.training.start(spec(cloud, "print(1)"), "contract-6")
    ended(cloud, ref)
    statuses = cloud.training.poll(["job-unknown", ref])
    assert [status.state for status in statuses] == [RunState.LOST, RunState.SUCCEEDED]
    with pytest.raises(NotFound):
        cloud.training.logs("job-unknown")


def test_the_template_learns_from_the_sample(cloud: Cloud) -> None:
    classifier = template("text-classifier")
    reviews = io.BytesIO()
    pcsv.write_csv(generate.reviews(count=6000), reviews)
    reviews.seek(0)
    cloud.store.put("data", "reviews/part.csv", reviews)
    defaults = {entry.name: entry.default for entry in classifier.hyperparameters}
    job = spec(
        cloud,
        "",
        source="template:text-classifier",
        entry_point=classifier.entry_point,
        channels=(Channel("train", "data", "reviews/"),),
        hyperparameters=defaults,
        metrics=classifier.metrics,
    )
    ref = cloud.training.start(job, "contract-7")
    status = ended(cloud, ref)
    assert status.state is RunState.SUCCEEDED, status.failure
    with cloud.training.open_output(ref, "data/metrics.json") as reader:
        facts = json.load(reader)
    assert facts["accuracy"] < 0.95
    assert facts["accuracy"] > facts["baseline"] + 0.2
    assert len(facts["confusion"]) == len(facts["labels"]) == 5
    points = cloud.training.metrics(ref)
    assert {point.name for point in points} == set(classifier.metrics)
    assert [point.step for point in points if point.name == "accuracy"] == list(range(1, int(defaults["epochs"]) + 1))
    outputs = {str(output.path) for output in cloud.training.outputs(ref)}
    assert {"model/model.joblib", "data/predictions.csv", "data/worst.csv"} <= outputs
