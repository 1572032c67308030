"""Training jobs as the local cloud's server sees them: accepted, looked at, stopped. Each runs under its own runner."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from portal.cloud.errors import Failure, Rejected
from portal.cloud.local import fence, job_environment, job_source
from portal.cloud.local.job_folder import JobFolder, JobLimits, spec_from_json
from portal.cloud.local.job_input import check_channels, source_of
from portal.cloud.local.job_log import check_patterns, points, read_page
from portal.cloud.local.layout import Layout, sync_folder, write_durably
from portal.cloud.local.process_tree import end_all, machine_memory, marked
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import RunState, RunStatus, TrainingSpec

CODE_ROOT = Path(__file__).parents[3]  # what `python -m portal…` is run from


class Jobs:
    """All jobs of one local cloud. Used by its server alone, in one thread; nothing here waits for a job."""

    def __init__(self, layout: Layout, accept_unfenced: bool = False, limits: JobLimits | None = None) -> None:
        self._layout = layout
        self._store = LocalStore(layout)
        self._fenced = fence.available()
        self._limits = limits or JobLimits(
            memory_bytes=int(machine_memory() * 0.75), slots=max(1, (os.cpu_count() or 1) // 2)
        )
        self._accept_unfenced = accept_unfenced
        self._runners: dict[str, subprocess.Popen[bytes]] = {}  # kept so that the ended are waited for
        self._latest: dict[str, tuple[str, dict[str, float]]] = {}  # ref -> log cursor, last value of each metric

    def start(self, spec: dict[str, Any], token: str) -> str:
        """Accept a job (TrainingSpec as JSON); the answer is its ref, the same for the same token.

        Rejected(TRAINING_UNFENCED, INSTANCE_UNAVAILABLE, BAD_SOURCE, BAD_METRIC, INVALID_NAME, EMPTY_INPUT), NotFound.
        """
        job = self._job("job-" + hashlib.sha256(token.encode()).hexdigest()[:24])
        known = job.job.exists()
        if not known:
            self._check(spec_from_json(spec))
            self._accept(job, spec, token)
        self._launch_if_new(job, journalled=known and self._journalled(job))
        return job.ref

    def poll(self, refs: list[str]) -> list[dict[str, Any]]:
        """RunStatus as JSON, one for each ref in their order."""
        return [asdict(self._status(ref)) for ref in refs]

    def stop(self, ref: str) -> None:
        """Ask for the end. The runner sees it within a tenth of a second, a new one before it begins."""
        job = self._job(ref)
        if job.job.exists() and not job.exit.exists():
            write_durably(job.stop, b"")

    def adopt(self) -> None:
        """After a restart of the server: launch what was accepted and never launched, close what died meanwhile."""
        for folder in self._layout.jobs.glob("job-*"):
            job = JobFolder(folder)
            if not job.exit.exists():
                self._launch_if_new(job, journalled=self._journalled(job))
                self._status(folder.name)
        for folder in self._layout.jobs.glob(".job-*.new"):
            shutil.rmtree(folder)

    def _check(self, spec: TrainingSpec) -> None:
        if not self._fenced and not self._accept_unfenced:
            words = "Training is off on this machine: it cannot fence a script off from other people's data. It needs "
            raise Rejected("TRAINING_UNFENCED", words + "Linux 6.2 or later with Landlock, or an admin who accepts it.")
        if spec.instance_type not in (job_environment.CPU, job_environment.GPU) or spec.instance_count != 1:
            words = (
                f"{spec.instance_count} × “{spec.instance_type}” cannot be had here. This connection has one local.cpu"
            )
            raise Rejected("INSTANCE_UNAVAILABLE", words + (" and one local.gpu." if job_environment.gpus() else "."))
        if spec.instance_type == job_environment.GPU and not job_environment.gpus():
            raise Rejected("INSTANCE_UNAVAILABLE", "This machine has no NVIDIA GPU. Choose local.cpu.")
        job_source.check_entry_point(spec.entry_point)
        _, key = source_of(spec.source, self._store)
        if not spec.source.startswith("template:"):
            job_source.check_kind(key)
        check_channels(spec.channels, self._store)
        check_patterns(spec.metrics)

    def _accept(self, job: JobFolder, spec: dict[str, Any], token: str) -> None:
        """Make the job's folder in one step."""
        new = JobFolder(self._layout.jobs / f".{job.ref}.new")
        shutil.rmtree(new.root, ignore_errors=True)
        new.root.mkdir(mode=0o700, parents=True)
        limits = {**asdict(self._limits), "accept_unfenced": not self._fenced}
        write_durably(new.job, json.dumps({"token": token, "spec": spec, "limits": limits}).encode())
        os.rename(new.root, job.root)
        sync_folder(self._layout.jobs)

    def _launch_if_new(self, job: JobFolder, journalled: bool) -> None:
        """Start the runner of a job that never had one. The lock is taken here and handed on, so there is only one."""
        if job.runner.exists() or job.exit.exists():
            return
        lock = job.lock_free()
        if lock is None:
            return
        try:
            if not journalled:
                _, token, _ = job.read_job()
                self._layout.journal("accepted", job.ref, token, "training")
            environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONPATH": str(CODE_ROOT)}
            with open(job.root / "runner.log", "ab") as log:
                self._runners[job.ref] = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", "portal.cloud.local.job_runner", str(job.root), str(lock)],
                    env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    start_new_session=True,
                )
        finally:
            os.close(lock)

    def _journalled(self, job: JobFolder) -> bool:
        """Whether `accepted` was written; the server may have been killed between the job's folder and that line."""
        try:
            with open(self._layout.journal_file) as lines:
                return any(job.ref in line and json.loads(line)["event"] == "accepted" for line in lines)
        except FileNotFoundError:
            return False

    def _status(self, ref: str) -> RunStatus:
        job = self._job(ref)
        if (runner := self._runners.get(ref)) and runner.poll() is not None:
            del self._runners[ref]
        if not job.job.exists():
            return RunStatus(ref, RunState.LOST)
        if ref not in self._runners and (ended := job.ended()):  # ended once its runner is gone too
            self._latest.pop(ref, None)
            return ended
        lock = job.lock_free()
        if lock is not None:
            try:  # held, so that nobody launches it meanwhile; it may have ended since the look above
                if runner := self._runners.pop(ref, None):
                    runner.wait()  # it let go of the lock, so it is about to be gone
                return job.ended() or self._found_dead(job)
            finally:
                os.close(lock)
        if not job.started.exists():
            return RunStatus(ref, RunState.QUEUED)
        return RunStatus(ref, RunState.RUNNING, facts={"seconds": job.seconds(), "metrics": self._metrics(job)})

    def _found_dead(self, job: JobFolder) -> RunStatus:
        """Nobody holds the lock and there is no exit record: the runner was killed, or the machine went down."""
        if not end_all(lambda: marked(f"{job_environment.MARK}={job.ref}"), seconds=2):
            return RunStatus(job.ref, RunState.RUNNING, facts={"seconds": job.seconds()})  # looked at again next time
        for leftover in (job.tmp, job.input):
            shutil.rmtree(leftover, ignore_errors=True)
        facts: dict[str, object] = {"seconds": job.seconds(), "exit_code": None, "metrics": self._metrics(job)}
        if job.stop.exists():
            job.end(RunState.CANCELLED, None, facts)
        else:
            words = "The job was ended from outside, perhaps by a restart of the machine. Start it again."
            job.end(RunState.FAILED, Failure("JOB_INTERRUPTED", words), facts)
        return job.ended() or RunStatus(job.ref, RunState.LOST)

    def _metrics(self, job: JobFolder) -> dict[str, float]:
        """The last value of each metric, reading only what the log has got since the last look."""
        spec, _, _ = job.read_job()
        cursor, latest = self._latest.get(job.ref, ("", {}))
        page = read_page(job.log, cursor, 10_000)
        latest = latest | {point.name: point.value for point in points(page.lines, spec.metrics)}
        self._latest[job.ref] = (page.next, latest)
        return latest

    def _job(self, ref: str) -> JobFolder:
        if not ref.replace("-", "").isalnum():
            return JobFolder(self._layout.jobs / "unknown")
        return JobFolder(self._layout.jobs / ref)
