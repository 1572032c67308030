"""Training jobs from the launch to their outputs and their cost, with real scripts on the real local cloud."""

import csv
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import joblib
import pytest

from portal.cloud.errors import NotFound
from portal.cloud.local.process_tree import marked
from portal.costs.models import Cost
from portal.operations.models import Operation, State
from portal.problems import Conflict
from portal.training import services
from portal.training.services import Input
from tests.harness.waiting import until
from tests.training.conftest import REVIEWS, Lab, began, carried_out, look

TALKS = """
    import os, sys
    from pathlib import Path
    print(sys.argv[1:], os.listdir(os.environ.get("SM_CHANNEL_TRAIN", ".")))
    for epoch in (1, 2, 3):
        print(f"epoch {epoch}: loss={1 / epoch:.2f}, val_accuracy: {epoch / 4}")
    Path(os.environ["SM_MODEL_DIR"], "weights.bin").write_bytes(b"weights")
"""


def read(lab: Lab, operation: Operation, path: str) -> bytes:
    with services.open_output(lab.people.bob.actor, operation.pk, path) as body:
        return body.read()


def words(lab: Lab, operation: Operation) -> list[str]:
    return [line for _, line in services.logs(lab.people.bob.actor, operation.pk).lines]


def error(operation: Operation) -> tuple[str, str]:
    assert operation.state == State.FAILED
    assert operation.error
    return operation.error["code"], operation.error["message"]


# --- the template -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_table", [True, False], ids=["table", "prefix"])
def test_the_template_learns(lab: Lab, by_table: bool) -> None:
    inputs = {} if by_table else {"inputs": (Input("train", bucket=lab.bucket, prefix="reviews/"),)}
    job = lab.run(lab.classifier(hyperparameters={"epochs": "3"}, **inputs))
    assert (job.state, job.title, job.error) == (State.SUCCEEDED, "Text classification", None)
    assert job.result["exit_code"] == 0
    accuracy, baseline = job.result["metrics"]["accuracy"], job.result["baseline"]
    assert 0.2 < baseline < 0.6
    assert baseline + 0.1 < accuracy < 0.98
    bob = lab.people.bob.actor
    assert [point.step for point in services.metrics(bob, job.pk) if point.name == "accuracy"] == [1, 2, 3]
    paths = [str(output.path) for output in services.outputs(bob, job.pk)]
    assert {"model/model.joblib", "data/predictions.csv", "data/metrics.json", "data/worst.csv"} <= set(paths)
    assert json.loads(read(lab, job, "data/metrics.json"))["accuracy"] == pytest.approx(accuracy, abs=1e-4)
    rows = list(csv.DictReader(io.StringIO(read(lab, job, "data/predictions.csv").decode())))
    assert len(rows) == REVIEWS / 5
    assert sum(row["correct"] == "True" for row in rows) / len(rows) == pytest.approx(accuracy, abs=1e-4)
    model = joblib.load(io.BytesIO(read(lab, job, "model/model.joblib")))
    assert model.predict(["absolutely wonderful, I love it"])[0] in {"1", "2", "3", "4", "5"}


def test_what_it_cost_is_kept_with_its_arithmetic(lab: Lab) -> None:
    expected = services.estimate(lab.people.bob.actor, lab.asked(TALKS, max_runtime_s=1800))
    assert expected.charged_usd == 0
    assert expected.list_usd == pytest.approx(expected.usd_per_hour / 2, abs=Decimal("0.000001"))
    assert "0.5 h × $" in expected.arithmetic
    job = lab.run(lab.asked(TALKS, max_runtime_s=1800))
    assert job.state == State.SUCCEEDED, job.error
    cost = Cost.objects.get(operation=job)
    seconds = Decimal(str(job.result["seconds"])).quantize(Decimal("0.1"))
    assert seconds > 0
    listed = Decimal(cost.list_nano) / 10**9
    assert listed == pytest.approx(expected.usd_per_hour * seconds / 3600, abs=Decimal("0.000000002"))
    assert Decimal(cost.estimate_nano) / 10**9 == expected.list_usd > listed > 0
    assert (cost.charged_nano, cost.held_nano) == (0, 0)
    assert cost.settled_at
    assert f"{seconds} s × $" in cost.arithmetic[0]
    assert "nothing is charged" in cost.arithmetic[-1]


# --- one's own code ---------------------------------------------------------------------------------------------------


def test_a_script_of_ones_own(lab: Lab) -> None:
    inputs = (Input("train", bucket=lab.bucket, prefix="reviews/part-0.parquet"),)
    lab.put("reviews/part-0.parquet.old", b"not asked for")
    job = lab.run(lab.asked(TALKS, hyperparameters={"rate": "0.1", "deep": "yes"}, inputs=inputs))
    assert job.state == State.SUCCEEDED, job.error
    assert words(lab, job)[0] == "['--deep', 'yes', '--rate', '0.1'] ['part-0.parquet']"
    assert job.result["metrics"] == {"loss": 0.33, "val_accuracy": 0.75}
    assert job.result["baseline"] is None
    assert read(lab, job, "model/weights.bin") == b"weights"


def test_an_archive_with_an_entry_point(lab: Lab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("src/main.py", "from helper import words\nprint(words)")
        archive.writestr("src/helper.py", "words = 'helped'")
    key = lab.put("code/job.zip", buffer.getvalue())
    own = {"source_bucket": lab.bucket, "source_key": key}
    job = lab.run(lab.asked(entry_point="src/main.py", **own))
    assert (job.state, job.title, words(lab, job)) == (State.SUCCEEDED, "job.zip", ["helped"])
    code, message = error(lab.run(lab.asked(**own)))
    assert (code, "It holds: src/helper.py, src/main.py." in message) == ("BAD_SOURCE", True)


def test_the_log_goes_on_from_its_cursor(lab: Lab) -> None:
    bob, job = lab.people.bob.actor, lab.run(lab.asked("for n in range(5): print(n)"))
    found: list[str] = []
    cursor, pages = "", 0
    while (part := services.logs(bob, job.pk, cursor, limit=2)).lines:
        found += [line for _, line in part.lines]
        cursor, pages = part.next, pages + 1
    assert (found, pages, part.next) == (["0", "1", "2", "3", "4"], 3, cursor)


# --- how it can end ---------------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "exit 1": ("print('begin')\nimport sys; sys.exit(1)", {}, "SCRIPT_FAILED", "exit code 1.\nIts last lines:\nbegin"),
    "traceback": ("raise KeyError('stars')", {}, "SCRIPT_FAILED", "KeyError: 'stars'"),
    "memory": (
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (2**30, 2**30))\nhoard = b'x' * 2**31",
        {}, "EXCEEDED_MEMORY_LIMIT", "Read the data in parts, or use less of it.",
    ),
    "time": ("import time\nwhile True: time.sleep(1)", {"max_runtime_s": 1}, "EXCEEDED_TIME_LIMIT", "more time"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "changes", "code", "end"), ENDS.values(), ids=list(ENDS))
def test_a_script_that_fails_says_why(lab: Lab, script: str, changes: dict[str, Any], code: str, end: str) -> None:
    job = lab.run(lab.asked(script, **changes))
    found, message = error(job)
    assert found == code
    assert end in message
    assert "/tmp" not in message
    assert Cost.objects.get(operation=job).settled_at
    assert job.result["seconds"] >= changes.get("max_runtime_s", 0)


def test_stop_is_true_once_its_processes_are_gone(lab: Lab) -> None:
    script = """
        import signal, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        def linger(*_):
            print("heard", flush=True)
            time.sleep(1)
            sys.exit()
        signal.signal(signal.SIGTERM, linger)
        print("on", flush=True)
        while True: time.sleep(1)
    """
    bob, job = lab.people.bob.actor, began(services.launch(lab.people.bob.actor, lab.asked(script)))
    until(lambda: words(lab, job) == ["on"], 60, "the script's first line")
    assert look(job).state == State.RUNNING
    assert len(marked(f"SKYDECK_JOB={job.ref}")) == 2
    assert services.stop(bob, job.pk).state == State.RUNNING
    seen = set()
    while not look(job).ended:
        seen.add((job.state, bool(marked(f"SKYDECK_JOB={job.ref}"))))
    assert (State.RUNNING, True) in seen
    assert job.state == State.CANCELLED
    assert marked(f"SKYDECK_JOB={job.ref}") == []
    assert words(lab, job) == ["on", "heard"]
    assert Cost.objects.get(operation=job).list_nano > 0
    assert services.stop(bob, job.pk).state == State.CANCELLED


def test_what_nobody_has_begun_stops_at_once_and_costs_nothing(lab: Lab) -> None:
    bob = lab.people.bob.actor
    job = services.launch(bob, lab.asked(TALKS))
    assert services.stop(bob, job.pk).state == State.CANCELLED
    assert (began(job).ref, services.logs(bob, job.pk).lines, list(services.outputs(bob, job.pk))) == ("", (), [])
    cost = Cost.objects.get(operation=job)
    assert (cost.list_nano, cost.charged_nano, bool(cost.settled_at)) == (0, 0, True)


def test_the_same_key_starts_nothing_twice(lab: Lab) -> None:
    bob, request = lab.people.bob.actor, lab.asked(TALKS)
    first = services.launch(bob, request, ("k", {"a": 1}))
    assert services.launch(bob, request, ("k", {"a": 1})) == first
    with pytest.raises(Conflict):
        services.launch(bob, request, ("k", {"a": 2}))
    assert carried_out(first).state == State.SUCCEEDED
    assert carried_out(first).attempt == 1
    assert (Operation.objects.count(), Cost.objects.count()) == (1, 1)


def test_a_clone_is_what_was_asked(lab: Lab) -> None:
    request = lab.classifier(name="mine", hyperparameters={"epochs": "2"}, max_runtime_s=77)
    job = services.launch(lab.people.bob.actor, request)
    assert services.clone(lab.people.alice.actor, job.pk) == request


def test_no_path_leads_out_of_the_outputs(lab: Lab) -> None:
    script = """
        import os
        os.symlink("/etc/passwd", os.environ["SM_MODEL_DIR"] + "/passwd")
        open(os.environ["SM_MODEL_DIR"] + "/kept", "w").write("kept")
    """
    job = lab.run(lab.asked(script))
    assert [str(output.path) for output in services.outputs(lab.people.bob.actor, job.pk)] == ["model/kept"]
    for path in ("model/passwd", "../job.json", "model/../../job.json", "/etc/passwd", "model", "", "code/train.py"):
        with pytest.raises(NotFound):
            services.open_output(lab.people.bob.actor, job.pk, path)
