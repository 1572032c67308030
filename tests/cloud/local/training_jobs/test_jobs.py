"""Training jobs on the local cloud, with real scripts in real processes: what a script finds, how it can end, what is
left of it when it or its runner is killed."""

import io
import json
import os
import signal
from pathlib import Path

import pytest

from portal.cloud.local.job_folder import JobLimits
from portal.cloud.local.jobs import Jobs
from portal.cloud.local.layout import Layout
from portal.cloud.local.process_tree import marked, processes
from portal.cloud.local.store import LocalStore
from tests.cloud.local.training_jobs.helpers import (
    LIMITS,
    Start,
    ended,
    failure,
    fenced,
    journal,
    lines,
    spec,
    state,
    until,
)

pytestmark = fenced


# --- what a script finds ----------------------------------------------------------------------------------------------


def test_a_script_finds_what_sagemaker_promises(jobs: Jobs, start: Start, layout: Layout) -> None:
    ref = start("""
        import json, os, sys
        from pathlib import Path
        train = Path(os.environ["SM_CHANNEL_TRAIN"])
        print(sys.argv[1:])
        print(sorted(str(path.relative_to(train)) for path in train.rglob("*.csv")))
        print((train / "a.csv").read_text().splitlines())
        print(json.loads(os.environ["SM_HPS"]), json.loads(os.environ["SM_CHANNELS"]), os.environ["SM_HP_RATE"])
        print(os.environ["SM_CURRENT_HOST"], os.environ["SM_NUM_GPUS"], os.environ["CUDA_VISIBLE_DEVICES"] == "")
        print(json.loads(os.environ["SM_TRAINING_ENV"])["job_name"], os.environ["SM_MODEL_DIR"])
        print([name for name in os.environ if "DJANGO" in name or "SECRET" in name or "SKYDECK_DATA" in name])
        Path(os.environ["SM_MODEL_DIR"], "model.bin").write_bytes(b"weights")
        Path(os.environ["SM_OUTPUT_DATA_DIR"], "rows.csv").write_text("x")
        print("epoch=1 accuracy=0.5")
        print("epoch=2 accuracy=0.75", file=sys.stderr)
    """)
    status = ended(jobs, ref)
    assert status["state"] == "succeeded", status
    assert status["facts"]["exit_code"] == 0
    assert status["facts"]["metrics"] == {"accuracy": 0.75}
    assert lines(layout, ref)[:7] == [
        "['--label', 'stars', '--layers', '[2, 3]', '--rate', '0.1']",
        "['a.csv', 'deep/b.csv']",
        "['a,b', '1,2']",
        "{'rate': 0.1, 'layers': [2, 3], 'label': 'stars'} ['train'] 0.1",
        "algo-1 0 True",
        "first /opt/ml/model",
        "[]",
    ]
    folder = layout.jobs / ref
    assert (folder / "model" / "model.bin").read_bytes() == b"weights"
    assert (folder / "output" / "data" / "rows.csv").exists()
    assert not (folder / "input").exists()
    assert journal(layout) == ["accepted", "started", "ended"]


def test_the_portal_is_out_of_a_scripts_reach(jobs: Jobs, start: Start, layout: Layout, store: LocalStore) -> None:
    (layout.root / "portal.sqlite3").write_text("everybody's secrets")
    ref = start(f"""
        import os, socket, subprocess
        from pathlib import Path
        def attempt(name, call):
            try: call(); print(name, "DONE")
            except OSError: print(name, "refused")
        data = os.environ["SM_CHANNEL_TRAIN"] + "/a.csv"
        attempt("database", lambda: open("{layout.root}/portal.sqlite3").read())
        attempt("store", lambda: os.listdir("{layout.buckets}"))
        attempt("own record", lambda: open("{layout.root}/jobs/" + os.environ["SKYDECK_JOB"] + "/exit.json", "w"))
        attempt("input", lambda: open(data, "w"))
        attempt("code", lambda: open(__file__, "a"))
        attempt("network", lambda: socket.create_connection(("127.0.0.1", 1)))
        attempt("runner", lambda: os.kill(os.getppid(), 9))
        attempt("shell", lambda: subprocess.run(["/bin/sh", "-c", "exit 0"], check=True))
        os.chmod(data, 0)
    """)
    assert ended(jobs, ref)["state"] == "succeeded", lines(layout, ref)
    names = ["database", "store", "own record", "input", "code", "network", "runner"]
    assert lines(layout, ref) == [*(f"{name} refused" for name in names), "shell DONE"]
    assert store.path_of("data", "in/a.csv").stat().st_mode & 0o400


def test_the_input_is_what_it_was_at_the_start(jobs: Jobs, start: Start, layout: Layout, store: LocalStore) -> None:
    ref = start("""
        import os, time
        from pathlib import Path
        print("ready", flush=True)
        go = Path(os.environ["SM_MODEL_DIR"], "go")
        while not go.exists(): time.sleep(0.02)
        print(open(os.environ["SM_CHANNEL_TRAIN"] + "/a.csv").read().splitlines()[1])
    """)
    until(lambda: (layout.jobs / ref / "log.jsonl").exists() and lines(layout, ref))
    store.put("data", "in/a.csv", io.BytesIO(b"a,b\n9,9\n"))
    (layout.jobs / ref / "model" / "go").touch()
    assert ended(jobs, ref)["state"] == "succeeded"
    assert lines(layout, ref) == ["ready", "1,2"]


# --- how it can end ---------------------------------------------------------------------------------------------------


def test_a_script_that_fails_shows_its_traceback_without_our_paths(jobs: Jobs, start: Start, layout: Layout) -> None:
    code, message = failure(jobs, start("print('begin')\nraise ValueError('no such thing')"))
    assert code == "SCRIPT_FAILED"
    assert message.startswith("The script ended with exit code 1.\nIts last lines:\nTraceback")
    assert message.endswith("ValueError: no such thing")
    assert 'File "/opt/ml/code/train.py", line 2' in message
    assert str(layout.root) not in message


def test_a_script_that_eats_memory_is_ended(jobs: Jobs, start: Start) -> None:
    ref = start("""
        import time
        hoard = []
        while True:
            hoard.append(b"x" * 20_000_000); time.sleep(0.01)
    """)
    assert failure(jobs, ref)[0] == "EXCEEDED_MEMORY_LIMIT"


def test_a_script_over_its_time_is_ended_even_if_it_does_not_listen(jobs: Jobs, start: Start, layout: Layout) -> None:
    script = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        while True: time.sleep(1)
    """
    ref = start(script, max_runtime_s=1)
    code, message = failure(jobs, ref)
    assert (code, "1 s" in message) == ("EXCEEDED_TIME_LIMIT", True)
    assert "heard" in lines(layout, ref)
    assert marked(f"SKYDECK_JOB={ref}") == []


def test_a_script_that_dies_of_a_signal_says_which(jobs: Jobs, start: Start) -> None:
    code, message = failure(jobs, start("import os; os.abort()"))
    assert code == "SCRIPT_FAILED"
    assert "SIGABRT" in message


def test_stop_ends_the_processes_and_then_says_so(jobs: Jobs, start: Start, layout: Layout) -> None:
    ref = start("import time; print('on', flush=True)\nwhile True: time.sleep(1)")
    until(lambda: (layout.jobs / ref / "log.jsonl").exists() and lines(layout, ref) == ["on"])
    assert state(jobs, ref)["state"] == "running"
    assert marked(f"SKYDECK_JOB={ref}")
    jobs.stop(ref)
    assert ended(jobs, ref)["state"] == "cancelled"
    assert marked(f"SKYDECK_JOB={ref}") == []
    jobs.stop(ref)
    assert journal(layout) == ["accepted", "started", "ended"]


def test_what_a_script_leaves_running_ends_with_it(jobs: Jobs, start: Start) -> None:
    ref = start("""
        import os, subprocess, sys
        child = "import os, time; os.setsid(); time.sleep(600)"
        if os.fork() == 0:
            subprocess.Popen([sys.executable, "-c", child], env={}, start_new_session=True)
            os._exit(0)
        print("done")
    """)
    before = {process.pid for process in processes()}
    assert ended(jobs, ref)["state"] == "succeeded"
    new = {process.pid for process in processes()} - before
    assert not [pid for pid in new if b"time.sleep(600)" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_more_jobs_than_places_wait_their_turn(layout: Layout, store: LocalStore) -> None:
    jobs = Jobs(layout, limits=JobLimits(memory_bytes=LIMITS.memory_bytes, slots=1, grace_s=0.2))
    store.put("data", "code/train.py", io.BytesIO(b"import time\nwhile True: time.sleep(1)"))
    first = jobs.start(spec(), "t-1")
    until(lambda: state(jobs, first)["state"] == "running")
    second, third = jobs.start(spec(), "t-2"), jobs.start(spec(), "t-3")
    until(lambda: (layout.jobs / second / "runner.json").exists())
    assert state(jobs, second)["state"] == "queued"
    jobs.stop(third)
    assert ended(jobs, third)["state"] == "cancelled"
    jobs.stop(first)
    assert ended(jobs, first)["state"] == "cancelled"
    until(lambda: state(jobs, second)["state"] == "running")
    jobs.stop(second)
    assert ended(jobs, second)["state"] == "cancelled"


# --- who is killed, and what is found again ---------------------------------------------------------------------------


def test_the_same_token_starts_one_job(jobs: Jobs, start: Start, layout: Layout) -> None:
    ref = start("print('once')")
    assert jobs.start(spec(), "t-1") == ref
    assert Jobs(layout, limits=LIMITS).start(spec(), "t-1") == ref
    assert ended(jobs, ref)["state"] == "succeeded"
    assert jobs.start(spec(), "t-1") == ref
    assert (journal(layout), lines(layout, ref)) == (["accepted", "started", "ended"], ["once"])


def test_a_killed_runner_takes_its_script_along_and_the_job_has_failed(
    jobs: Jobs, start: Start, layout: Layout
) -> None:
    ref = start("""
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print("on", flush=True)
        while True: time.sleep(1)
    """)
    until(lambda: (layout.jobs / ref / "log.jsonl").exists() and lines(layout, ref) == ["on"])
    os.kill(json.loads((layout.jobs / ref / "runner.json").read_text())["pid"], signal.SIGKILL)
    code, message = failure(jobs, ref)
    assert code == "JOB_INTERRUPTED"
    assert "Start it again" in message
    assert marked(f"SKYDECK_JOB={ref}") == []
    assert journal(layout)[-1] == "ended"


def test_a_new_server_finds_the_job_and_its_end(jobs: Jobs, start: Start, layout: Layout) -> None:
    ref = start("import time\nfor n in range(8): print(n, flush=True); time.sleep(0.1)")
    until(lambda: state(jobs, ref)["state"] == "running")
    again = Jobs(layout, limits=LIMITS)
    again.adopt()
    assert state(again, ref)["state"] == "running"
    assert ended(again, ref)["state"] == "succeeded"
    assert len(lines(layout, ref)) == 8


@pytest.mark.parametrize("journalled", [False, True])
def test_what_was_accepted_and_never_launched_is_launched_once(
    jobs: Jobs, store: LocalStore, layout: Layout, journalled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("data", "code/train.py", io.BytesIO(b"print('once')"))
    with monkeypatch.context() as patch:  # as if the server were killed just here
        patch.setattr(Jobs, "_launch_if_new", lambda *_, **__: None)
        ref = jobs.start(spec(), "t-1")
    if journalled:
        layout.journal("accepted", ref, "t-1", "training")
    again = Jobs(layout, limits=LIMITS)
    again.adopt()
    assert ended(again, ref)["state"] == "succeeded"
    assert (journal(layout), lines(layout, ref)) == (["accepted", "started", "ended"], ["once"])


def test_a_ref_nobody_knows_is_lost(jobs: Jobs) -> None:
    assert [status["state"] for status in jobs.poll(["job-0", "../../etc", ""])] == ["lost"] * 3
    jobs.stop("job-0")
