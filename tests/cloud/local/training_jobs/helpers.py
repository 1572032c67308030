"""What jobs are asked, and what became of them."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from portal.cloud.local import fence
from portal.cloud.local.job_folder import JobLimits
from portal.cloud.local.jobs import Jobs
from portal.cloud.local.layout import Layout
from portal.cloud.ports import Channel, TrainingSpec

fenced = pytest.mark.skipif(not fence.available(), reason="this kernel has no Landlock of ABI 3 or later")
LIMITS = JobLimits(memory_bytes=600 * 1024**2, slots=2, grace_s=0.5)
Start = Callable[..., str]


def spec(**changes: Any) -> dict[str, Any]:
    plain = TrainingSpec(
        name="first",
        source="s3://data/code/train.py",
        entry_point="train.py",
        channels=(Channel("train", "data", "in/"),),
        hyperparameters={"rate": "0.1", "layers": "[2, 3]", "label": "stars"},
        instance_type="local.cpu",
        instance_count=1,
        max_runtime_s=60,
        metrics={"accuracy": "accuracy=([0-9.]+)"},
    )
    return {**asdict(plain), **changes}


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return answer


def state(jobs: Jobs, ref: str) -> dict[str, Any]:
    return jobs.poll([ref])[0]


def ended(jobs: Jobs, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: (now := state(jobs, ref))["state"] not in ("queued", "running") and now)
    return found


def lines(layout: Layout, ref: str) -> list[str]:
    return [json.loads(line)["line"] for line in (layout.jobs / ref / "log.jsonl").read_text().splitlines()]


def journal(layout: Layout) -> list[str]:
    return [json.loads(line)["event"] for line in layout.journal_file.read_text().splitlines()]


def failure(jobs: Jobs, ref: str) -> tuple[str, str]:
    status = ended(jobs, ref)
    assert status["state"] == "failed", status
    return status["failure"]["code"], status["failure"]["message"]
