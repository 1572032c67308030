"""Training on the local cloud: the server starts and stops, the files of a job say the rest."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from portal.cloud.errors import Clash, NotFound
from portal.cloud.local.client import Client
from portal.cloud.local.job_folder import JobFolder
from portal.cloud.local.job_log import points, read_page
from portal.cloud.local.layout import Layout
from portal.cloud.local.wire import status_from_json
from portal.cloud.ports import LogPage, MetricPoint, Output, RunStatus, TrainingSpec

_AT_ONCE = 10_000  # lines of a log that are looked through together


class LocalTrainer:
    """ports.Trainer over a local cloud's folder and its server."""

    def __init__(self, layout: Layout, client: Client) -> None:
        self._layout = layout
        self._client = client

    def start(self, spec: TrainingSpec, token: str) -> str:
        """Besides the port's: Rejected(TRAINING_UNFENCED, BAD_METRIC, EMPTY_INPUT, INVALID_NAME)."""
        ref: str = self._client.call("train.start", {"spec": asdict(spec), "token": token})
        return ref

    def poll(self, refs: Sequence[str], wait: float = 0.0) -> Sequence[RunStatus]:
        params = {"refs": list(refs), "wait": wait}
        return [status_from_json(status) for status in self._client.call("train.poll", params, timeout=wait + 30)]

    def stop(self, ref: str) -> None:
        self._client.call("train.stop", {"ref": ref})

    def logs(self, ref: str, cursor: str = "", limit: int = 1000) -> LogPage:
        return read_page(self._job(ref).log, cursor, limit)

    def metrics(self, ref: str) -> Sequence[MetricPoint]:
        job = self._job(ref)
        spec, _, _ = job.read_job()
        lines = [line for page in self._pages(job) for line in page.lines]
        return points(lines, spec.metrics)

    def outputs(self, ref: str) -> Sequence[Output]:
        job = self._job(ref)
        found = [
            Output(PurePosixPath(label, path.relative_to(root).as_posix()), path.lstat().st_size)
            for label, root in _roots(job).items()
            for path in root.rglob("*")
            if path.is_file() and not path.is_symlink()
        ]
        return sorted(found, key=lambda output: output.path)

    def open_output(self, ref: str, path: str) -> BinaryIO:
        roots = _roots(self._job(ref))
        label, _, rest = path.partition("/")
        target = (roots[label] / rest) if label in roots else None
        if target is None or not rest or "\0" in rest:
            raise NotFound(f"The job has no output “{path}”.")
        return _open_inside(target, path)

    def delete(self, ref: str) -> None:
        """Clash while the job runs. That it ran, and how it ended, stays known to poll."""
        try:
            job = self._job(ref)
        except NotFound:
            return
        if not job.exit.exists():
            raise Clash("The job still runs. Stop it first.")
        for folder in (job.code, job.input, job.tmp, job.model, job.output_data.parent):
            shutil.rmtree(folder, ignore_errors=True)
        job.log.unlink(missing_ok=True)

    def _job(self, ref: str) -> JobFolder:
        job = JobFolder(self._layout.jobs / ref)
        if not ref.replace("-", "").isalnum() or not job.job.exists():
            raise NotFound("There is no such training job.")
        return job

    def _pages(self, job: JobFolder) -> Iterator[LogPage]:
        cursor = ""
        while (page := read_page(job.log, cursor, _AT_ONCE)).lines:
            yield page
            cursor = page.next


def _open_inside(target: Path, shown: str) -> BinaryIO:
    """Open a plain file at exactly this path. A script may leave links and pipes, or exchange them while we look:
    followed, they would be read with the portal's rights, so what counts is what was opened."""
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise NotFound(f"The job has no output “{shown}”.") from None
    if os.readlink(f"/proc/self/fd/{descriptor}") != str(target) or not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotFound(f"The job has no output “{shown}”.")
    return os.fdopen(descriptor, "rb")


def _roots(job: JobFolder) -> dict[str, Path]:
    return {"model": job.model.resolve(), "data": job.output_data.resolve()}
