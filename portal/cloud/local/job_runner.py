"""The process that carries out one training job and outlives the local cloud's server:

    python -m portal.cloud.local.job_runner FOLDER LOCK_DESCRIPTOR

It waits for a free place, lays out the input, runs the script behind the fence, keeps its log and its limits, ends
all that the script started, and writes exit.json. If it dies, the kernel ends the script (PR_SET_PDEATHSIG) and frees
the lock; jobs.py finds that and says so.
"""

import fcntl
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from portal.cloud.errors import CloudError, Failure
from portal.cloud.local import fence, job_environment, job_source
from portal.cloud.local.job_folder import JobFolder
from portal.cloud.local.job_input import lay_out, source_of
from portal.cloud.local.job_log import LogWriter, points, read_page
from portal.cloud.local.process import die_with_parent
from portal.cloud.local.process_tree import adopt_orphans, descendants, end_all
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import RunState

TICK = 0.1  # seconds between two looks at limits and the wish to end
MOST_PROCESSES = 512
LARGEST_FILE = 64 * 1024**3


class Stopped(Exception):
    """Somebody wants the job to end."""


class Run:
    """One job from its folder to its exit record."""

    def __init__(self, job: JobFolder) -> None:
        self.job = job
        self.spec, self.token, self.limits = job.read_job()
        self.log = LogWriter(job.log, _hidden(job))
        self.asked_to_end = False
        self.exit_code: int | None = None

    def carry_out(self) -> tuple[RunState, Failure | None]:
        """How the job ended."""
        try:
            place = self._wait_for_place()
            try:
                self._prepare()
                return self._run_script()
            finally:
                os.close(place)
        except Stopped:
            return RunState.CANCELLED, None
        except CloudError as error:
            return RunState.FAILED, Failure(error.code, error.message)

    def facts(self) -> dict[str, object]:
        """Seconds, exit code and the last value of each metric."""
        lines = read_page(self.job.log, "", sys.maxsize).lines
        latest = {point.name: point.value for point in points(lines, self.spec.metrics)}
        return {"seconds": self.job.seconds(), "exit_code": self.exit_code, "metrics": latest}

    def _wait_for_place(self) -> int:
        """Hold one of the machine's places for jobs; the kernel frees it whatever becomes of us."""
        folder = self.job.root.parent / ".places"
        folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            for number in range(self.limits.slots):
                place = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return place
                except BlockingIOError:
                    os.close(place)
            if self._wanted_to_end():
                raise Stopped
            time.sleep(TICK)

    def _prepare(self) -> None:
        job, spec = self.job, self.spec
        for folder in (job.code, job.input, job.model, job.output_data, job.tmp):
            folder.mkdir(parents=True)
        store = LocalStore(job.layout)
        source, key = source_of(spec.source, store)
        job_source.install(source, key, spec.entry_point, job.code, fenced=not self.limits.accept_unfenced)
        lay_out(spec.channels, store, job.input / "data")
        job_environment.write_config(job, spec)
        if (job.code / "requirements.txt").exists():
            self.log.line(
                "requirements.txt is not installed here: the script has no network. It runs with what is there."
            )

    def _run_script(self) -> tuple[RunState, Failure | None]:
        self.job.layout.journal("started", self.job.ref, self.token, "training")
        self.job.note(self.job.started)
        fence.system_paths()  # looked up before the fork
        gpu = job_environment.gpu_paths() if self.spec.instance_type == job_environment.GPU else ([], [])
        runner = os.getpid()
        script = subprocess.Popen(  # noqa: S603 - running what users brought is what this is for
            job_environment.command(self.job, self.spec),
            cwd=self.job.code,
            env=job_environment.environment(self.job, self.spec),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: self._enter_fence(runner, *gpu),
        )
        try:
            reason = self._watch(script)
        finally:
            gone = end_all(lambda: descendants(runner))
            self.exit_code = script.wait()
            self._drain(script)
        if reason is None:
            return self._judge()
        if reason.code != "STOPPED":
            return RunState.FAILED, reason
        return (RunState.CANCELLED, None) if gone else (RunState.FAILED, _failure_to_end())

    def _enter_fence(self, runner: int, gpu_read: list[Path], gpu_write: list[Path]) -> None:
        """In the script's process, before its program: no core dumps, first to go when memory is short, fenced."""
        job = self.job
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        Path("/proc/self/oom_score_adj").write_text("1000")
        os.nice(5)
        if not self.limits.accept_unfenced:
            write = [job.model, job.output_data.parent, job.tmp, *gpu_write]
            fence.restrict([job.code, job.input, *gpu_read], write, execute=fence.system_paths())
        die_with_parent(runner)

    def _watch(self, script: "subprocess.Popen[bytes]") -> Failure | None:
        """Read what the script prints until it ends; where it was made to end, why."""
        reason, look_at, kill_at = None, 0.0, 0.0
        deadline = time.monotonic() + self.spec.max_runtime_s
        assert script.stdout is not None
        os.set_blocking(script.stdout.fileno(), False)
        while script.poll() is None:
            if not self._read(script):
                time.sleep(TICK)  # it closed its output and runs on
            if reason is None and time.monotonic() >= look_at:
                look_at = time.monotonic() + TICK
                reason = self._limit_reached(script.pid, deadline)
                if reason is not None:
                    kill_at = time.monotonic() + (0 if reason.code == "EXCEEDED_MEMORY_LIMIT" else self.limits.grace_s)
                    os.killpg(script.pid, signal.SIGTERM)
            elif reason is not None and time.monotonic() >= kill_at:
                os.killpg(script.pid, signal.SIGKILL)
        return reason

    def _limit_reached(self, script: int, deadline: float) -> Failure | None:
        if self._wanted_to_end():
            return Failure("STOPPED", "")
        if time.monotonic() > deadline:
            words = (
                f"The job ran longer than its limit of {self.spec.max_runtime_s:,} s. Give it more time, or less to do."
            )
            return Failure("EXCEEDED_TIME_LIMIT", words)
        below = descendants(os.getpid())
        for orphan in below:
            if orphan.zombie and orphan.parent == os.getpid() and orphan.pid != script:
                os.waitpid(orphan.pid, os.WNOHANG)
        if sum(process.resident for process in below) > self.limits.memory_bytes:
            return _memory(self.limits.memory_bytes)
        if len(below) > MOST_PROCESSES:
            words = f"The job started more than {MOST_PROCESSES} processes, so it was ended."
            return Failure("EXCEEDED_PROCESS_LIMIT", words)
        return None

    def _read(self, script: "subprocess.Popen[bytes]") -> bool:
        """Take what is printed within a tick; False at the end of the output."""
        assert script.stdout is not None
        if not select.select([script.stdout], [], [], TICK)[0]:
            return True
        data = os.read(script.stdout.fileno(), 1024**2)
        self.log.feed(data)
        return bool(data)

    def _drain(self, script: "subprocess.Popen[bytes]") -> None:
        assert script.stdout is not None
        deadline = time.monotonic() + 5
        while self._read(script) and time.monotonic() < deadline:
            pass
        self.log.close()
        script.stdout.close()

    def _judge(self) -> tuple[RunState, Failure | None]:
        """From the exit code of a script that ended by itself."""
        if self.exit_code == 0:
            return RunState.SUCCEEDED, None
        last = self.log.tail[-1] if self.log.tail else ""
        if self.exit_code == -signal.SIGKILL or last.startswith(
            ("MemoryError", "numpy._core._exceptions._ArrayMemoryError")
        ):
            return RunState.FAILED, _memory(self.limits.memory_bytes)
        name = signal.Signals(-self.exit_code).name if self.exit_code and self.exit_code < 0 else ""
        how = f"was ended by the signal {name}" if name else f"ended with exit code {self.exit_code}"
        return RunState.FAILED, Failure("SCRIPT_FAILED", f"The script {how}.\n{_last_words(self.log.tail)}")

    def _wanted_to_end(self) -> bool:
        return self.asked_to_end or self.job.stop.exists()


def main(folder: Path, lock: int) -> None:
    """Carry out the job in `folder`, whose lock the descriptor `lock` holds."""
    os.set_inheritable(lock, False)
    job = JobFolder(folder)
    job.note(job.runner, pid=os.getpid())
    adopt_orphans()
    run = Run(job)

    def ask_to_end(*_: object) -> None:
        run.asked_to_end = True

    signal.signal(signal.SIGTERM, ask_to_end)
    try:
        state, failure = run.carry_out()
        facts = run.facts()
    except Exception:
        traceback.print_exc()  # to runner.log
        end_all(lambda: descendants(os.getpid()))
        words = "The job could not be carried out through a fault of this installation. The site's admin can find more."
        state, failure, facts = RunState.FAILED, Failure("INTERNAL_ERROR", words), {}
    for leftover in (job.tmp, job.input):
        shutil.rmtree(leftover, ignore_errors=True)
    job.end(state, failure, facts)


def _hidden(job: JobFolder) -> dict[str, str]:
    """Paths of this machine, and what they are called in a SageMaker container."""
    return {str(job.root): "/opt/ml", sys.prefix: "/usr/local", sys.base_prefix: "/usr/local"}


def _memory(limit: int) -> Failure:
    words = f"The job needed more memory than a job gets here ({limit / 1024**3:.1f} GiB). "
    return Failure("EXCEEDED_MEMORY_LIMIT", words + "Read the data in parts, or use less of it.")


def _last_words(tail: list[str]) -> str:
    """The last traceback where there is one, else the last lines."""
    begin = max((row for row, line in enumerate(tail) if line.startswith("Traceback ")), default=0)
    lines = "\n".join(tail[max(begin, len(tail) - 15) :])
    return f"Its last lines:\n{lines}" if lines else "It printed nothing."


def _failure_to_end() -> Failure:
    return Failure(
        "STILL_RUNNING", "Some processes of the job could not be ended. The site's admin has to look at the machine."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)  # all is written; the libraries' own endings take longer than some jobs
