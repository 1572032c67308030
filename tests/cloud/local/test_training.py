"""The local trainer beyond the contract: killed servers, outputs that lead elsewhere, logs and metrics in extremes."""

import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.local import fence, job_log
from portal.cloud.ports import RunState, TrainingSpec
from tests.cloud.local.served import Served, serving, until

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    if not fence.available():
        pytest.skip("this kernel has no Landlock of ABI 3 or later")
    with serving() as served:
        served.cloud.store.create_bucket("code")
        yield served


def start(served: Served, script: str, token: str) -> str:
    served.cloud.store.put("code", f"{token}.py", io.BytesIO(script.encode()))
    job = TrainingSpec(token, f"s3://code/{token}.py", "train.py", (), {}, "local.cpu", 1, 60)
    return served.cloud.training.start(job, token)


def test_training_outlives_the_server(served: Served) -> None:
    training = served.cloud.training
    script = "import time\nfor n in range(20): print(n, flush=True); time.sleep(0.1)"
    ref = start(served, script, "outlives")
    until(lambda: bool(training.logs(ref).lines))
    served.kill()
    before = len(training.logs(ref).lines)
    until(lambda: len(training.logs(ref).lines) > before)
    served.start_again()
    until(lambda: training.poll([ref], 5)[0].state is RunState.SUCCEEDED)
    assert [line for _, line in training.logs(ref).lines] == [str(n) for n in range(20)]
    events = [line["event"] for line in served.journal() if line["ref"] == ref]
    assert events == ["accepted", "started", "ended"]


def test_an_ordinary_stop_of_the_server_leaves_training_alone(served: Served) -> None:
    training = served.cloud.training
    ref = start(served, "import time; print('on', flush=True); time.sleep(1); print('off')", "stays")
    until(lambda: bool(training.logs(ref).lines))
    assert served.end() == 0
    served.start_again()
    until(lambda: training.poll([ref], 5)[0].state is RunState.SUCCEEDED)


def test_outputs_that_lead_elsewhere_are_none(served: Served) -> None:
    training = served.cloud.training
    script = f"""
import os
model = os.environ["SM_MODEL_DIR"]
os.symlink("/etc/passwd", model + "/link")
os.symlink("{served.root}", model + "/folder")
os.mkfifo(model + "/pipe")
open(model + "/plain", "w").write("x")
"""
    ref = start(served, script, "links")
    until(lambda: training.poll([ref], 5)[0].state is RunState.SUCCEEDED)
    assert [str(output.path) for output in training.outputs(ref)] == ["model/plain"]
    for path in ("model/link", "model/folder/server.lock", "model/pipe"):
        with pytest.raises(NotFound):
            training.open_output(ref, path)


def test_a_job_that_runs_cannot_be_deleted(served: Served) -> None:
    training = served.cloud.training
    ref = start(served, "import time; time.sleep(600)", "busy")
    with pytest.raises(Clash):
        training.delete(ref)
    training.stop(ref)
    until(lambda: training.poll([ref], 5)[0].state is RunState.CANCELLED)
    training.delete(ref)


def test_a_log_keeps_whole_lines_hides_paths_and_ends_somewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_log, "LARGEST_LOG", 1000)
    log = job_log.LogWriter(tmp_path / "log", {"/secret": "/opt/ml", "/secret/deeper": "/usr"})
    for data in (b"one\ntw", b"o\r\n10%\r20%\r", b"30%\n/secret/deeper/x /secret/y\n\xff\n", b"no end"):
        log.feed(data)
    log.close()
    lines = [line for _, line in job_log.read_page(tmp_path / "log", "", 100).lines]
    assert lines == ["one", "two", "30%", "/usr/x /opt/ml/y", "\ufffd", "no end"]
    log = job_log.LogWriter(tmp_path / "long", {})
    for number in range(1000):
        log.line(f"{number:03}")
    log.close()
    lines = [line for _, line in job_log.read_page(tmp_path / "long", "", 2000).lines]
    assert len(lines) < 50
    assert lines[-1].startswith("The log ends here")
    assert log.tail[-1] == "999"
    assert os.path.getsize(tmp_path / "long") < 1500


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"at": "2026-11-21T00:00:00+00:00", "line": "a"}\n{"at": "2026')
    page = job_log.read_page(tmp_path / "log", "", 10)
    assert page.lines == ((NOW, "a"),)
    assert job_log.read_page(tmp_path / "log", page.next, 10).lines == ()
    with pytest.raises(Rejected):
        job_log.read_page(tmp_path / "log", "-1", 10)


def test_metrics_come_in_the_order_of_the_log() -> None:
    lines = [(NOW, "acc=1 loss=2"), (NOW, "nothing"), (NOW, "loss=nan acc=-1.5e-3"), (NOW, "acc=what")]
    found = job_log.points(lines, {"loss": "loss=([^ ]+)", "acc": r"\bacc=(\S+)"})
    assert [(point.name, point.step, point.value) for point in found] == [
        ("loss", 1, 2.0),
        ("acc", 1, 1.0),
        ("acc", 2, -0.0015),
    ]


def test_no_expression_takes_long() -> None:
    began = time.monotonic()
    job_log.points([(NOW, "a" * 8000 + "!")], {"bad": "((?:a+)+)$"})
    assert time.monotonic() - began < 2
