"""The folder of one training job: what lies where, and what its files say of the job's state.

job.json      token, spec and limits; written whole before the job is known to anybody
lock          held (flock) by the job's runner for as long as it lives
runner.json   the runner has begun          started.json  the script has begun
stop          somebody wants it to end      exit.json     how it ended; nothing changes after it
log.jsonl     what the script printed
code/ input/ model/ output/ tmp/            the script's own, as under /opt/ml of a SageMaker container
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.cloud.errors import Failure
from portal.cloud.local.layout import Layout, write_durably
from portal.cloud.ports import Channel, RunState, RunStatus, TrainingSpec


@dataclass(frozen=True)
class JobLimits:
    """What one machine gives its jobs: bytes of memory a job, how many run at once, whether without a fence."""

    memory_bytes: int
    slots: int
    accept_unfenced: bool = False
    grace_s: float = 10.0  # between the request to end and the kill


@dataclass(frozen=True)
class JobFolder:
    """The paths of one job."""

    root: Path

    @property
    def ref(self) -> str:
        return self.root.name

    @property
    def job(self) -> Path:
        return self.root / "job.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def runner(self) -> Path:
        return self.root / "runner.json"

    @property
    def started(self) -> Path:
        return self.root / "started.json"

    @property
    def stop(self) -> Path:
        return self.root / "stop"

    @property
    def exit(self) -> Path:
        return self.root / "exit.json"

    @property
    def log(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def input(self) -> Path:
        return self.root / "input"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def output_data(self) -> Path:
        return self.root / "output" / "data"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def layout(self) -> Layout:
        """The local cloud that the job belongs to, as far as files go."""
        root = self.root.parents[1]
        return Layout(root=root, socket=root / "none")

    def read_job(self) -> tuple[TrainingSpec, str, JobLimits]:
        """Spec, token and limits."""
        record = json.loads(self.job.read_text())
        return spec_from_json(record["spec"]), record["token"], JobLimits(**record["limits"])

    def lock_free(self) -> int | None:
        """A descriptor that holds the lock, for the caller to close or hand on; None where a runner lives."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def note(self, path: Path, **facts: object) -> None:
        """Write one of the small records, with the time."""
        write_durably(path, json.dumps({"at": datetime.now(UTC).isoformat(), **facts}).encode())

    def end(self, state: RunState, failure: Failure | None, facts: dict[str, object]) -> None:
        """Write the exit record, for good."""
        self.note(self.exit, state=state.value, failure=asdict(failure) if failure else None, facts=facts)
        _, token, _ = self.read_job()
        self.layout.journal("ended", self.ref, token, "training")

    def ended(self) -> RunStatus | None:
        """What the exit record says; None as long as there is none."""
        try:
            record = json.loads(self.exit.read_text())
        except FileNotFoundError:
            return None
        failure = Failure(**record["failure"]) if record["failure"] else None
        return RunStatus(self.ref, RunState(record["state"]), None, failure, record["facts"])

    def seconds(self) -> float:
        """Since the script began; 0 before."""
        try:
            began = datetime.fromisoformat(json.loads(self.started.read_text())["at"])
        except FileNotFoundError:
            return 0.0
        return round((datetime.now(UTC) - began).total_seconds(), 3)


def spec_from_json(spec: dict[str, Any]) -> TrainingSpec:
    """The inverse of dataclasses.asdict."""
    return TrainingSpec(**{**spec, "channels": tuple(Channel(**channel) for channel in spec["channels"])})
