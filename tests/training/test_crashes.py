"""A training job outlives whoever started it: real processes of a whole house killed with SIGKILL while it runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.cloud.local import fence
from portal.cloud.local.process_tree import marked
from tests.harness.house import House
from tests.harness.waiting import until
from tests.operations.crashes import Story
from tests.operations.test_crashes import waits_for

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not fence.available(), reason="this kernel has no Landlock of ABI 3 or later"),
]
WITHIN = 60.0  # seconds from a crash to a row that is right: the promise of docs/architecture.md
SCRIPT = b"""
import os, time
from pathlib import Path
go, n = Path(os.environ["SM_MODEL_DIR"], "go"), 0
while not go.exists():
    n += 1
    print(f"loss={1 / n:.4f}", flush=True)
    time.sleep(0.1)
"""


class Job(Story):
    """A job of bob's that prints a line ten times a second until it is let go."""

    def __init__(self, house: House) -> None:
        self.house = house
        with house.api("bob") as client:
            client.post("/buckets", json={"name": "crash-code"})
            said = {"bucket": "crash-code", "key": "train.py", "size": len(SCRIPT)}
            upload = client.post("/uploads", json=said).json()["id"]
            part = client.post(f"/uploads/{upload}/parts/1").json()
            client.put(part["url"], content=SCRIPT).raise_for_status()
            client.post(f"/uploads/{upload}/complete").raise_for_status()
            body = {"source": {"bucket": "crash-code", "key": "train.py"}, "max_runtime_s": 240}
            answer = client.post("/training-jobs", json=body)
            assert answer.status_code == 202, answer.text
            self.id = answer.json()["id"]

    @property
    def folder(self) -> Path:
        return self.house.data / "local" / "local" / "jobs" / str(self.row()["ref"])

    def lines(self) -> int:
        log = self.folder / "log.jsonl"
        return len(log.read_bytes().splitlines()) if log.exists() else 0

    def until_it_prints(self) -> None:
        """As the ledger knows, and then some more lines: it lives."""
        self.until_state("running")
        before = self.lines()
        until(lambda: self.lines() > before + 2, 30, "more lines of the log")

    def let_go(self) -> None:
        (self.folder / "model" / "go").touch()

    def ended_once(self) -> None:
        """Succeeded, by one start, with nothing left running, and settled."""
        row = self.until_state("succeeded", "failed", "cancelled", seconds=WITHIN)
        assert (row["state"], row["attempt"]) == ("succeeded", 1), row
        for event in ("accepted", "started", "ended"):
            assert self.events(event) == [f"{self.id}-1"], event
        assert marked(f"SKYDECK_JOB={row['ref']}") == []
        with self.house.api("bob") as client:
            shown = client.get(f"/training-jobs/{self.id}").json()
            assert shown["exit_code"] == 0
            assert float(shown["list_usd"]) > 0
            found = client.get(f"/training-jobs/{self.id}/logs?limit=10000").json()["items"]
        assert len(found) == self.lines()


@pytest.fixture(autouse=True)
def whole(house: House) -> Iterator[None]:
    """Each test begins and ends with every program alive."""
    yield
    for program in house.programs.values():
        program.start()
    house.wait_until_ready()


def test_the_cloud_killed_while_it_runs(house: House) -> None:
    job = Job(house)
    job.until_it_prints()
    house.programs["cloud"].kill()
    before = job.lines()
    until(lambda: job.lines() > before + 5, 30, "the job to go on without its cloud")
    house.programs["cloud"].start()
    job.until_it_prints()
    job.let_go()
    job.ended_once()


@pytest.mark.slow
def test_it_ends_while_the_cloud_is_dead(house: House) -> None:
    job = Job(house)
    job.until_it_prints()
    house.programs["cloud"].kill()
    job.let_go()
    until((job.folder / "exit.json").exists, 30, "the job's end")
    assert job.row()["state"] == "running"
    house.programs["cloud"].start()
    job.ended_once()


@pytest.mark.slow
def test_worker_and_watcher_killed_while_it_runs(house: House) -> None:
    job = Job(house)
    job.until_it_prints()
    for name in ("worker", "watch"):
        house.programs[name].kill()
    job.let_go()
    until((job.folder / "exit.json").exists, 30, "the job's end")
    for name in ("worker", "watch"):
        house.programs[name].start()
    job.ended_once()


@pytest.mark.slow
def test_worker_killed_after_the_cloud_accepted_and_before_the_ref_was_saved(house: House) -> None:
    with house.frozen("cloud"):
        job = Job(house)
        until(lambda: job.row()["lease_holder"], 30, "a claim")
        until(lambda: waits_for(house, "cloud"), 30, "the worker's start to lie in the cloud's socket")
        house.programs["worker"].kill()
    until(lambda: job.events("accepted"), 30, "the cloud to accept what a dead worker asked")
    assert job.row()["ref"] == ""
    house.programs["worker"].start()
    job.until_state("running", seconds=WITHIN)
    job.let_go()
    job.ended_once()


@pytest.mark.slow
def test_everything_started_anew_finds_the_job(house: House) -> None:
    job = Job(house)
    job.until_it_prints()
    for program in house.programs.values():
        program.kill()
    before = job.lines()
    until(lambda: job.lines() > before + 5, 30, "the job to go on without a house")
    for program in house.programs.values():
        program.start()
    house.wait_until_ready()
    job.until_it_prints()
    with house.api("bob") as client:
        assert client.get(f"/training-jobs/{job.id}").json()["state"] == "running"
        points = client.get(f"/training-jobs/{job.id}/metrics").json()["items"]
    assert len(points) > before
    job.let_go()
    job.ended_once()


def test_stop_reaches_it_though_the_cloud_was_dead(house: House) -> None:
    job = Job(house)
    job.until_it_prints()
    house.programs["cloud"].kill()
    with house.api("bob") as client:
        assert client.post(f"/training-jobs/{job.id}/stop").json()["state"] == "running"
    house.programs["cloud"].start()
    row = job.until_state("cancelled", "succeeded", "failed", seconds=WITHIN)
    assert row["state"] == "cancelled"
    assert marked(f"SKYDECK_JOB={row['ref']}") == []
    assert json.loads((job.folder / "exit.json").read_text())["state"] == "cancelled"
