"""`make run` on one machine: what it prints, refuses, survives and leaves behind."""

import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from portal.house.places import LONGEST_FOLDER
from tests.harness.waiting import until
from tests.setup.running import PROGRAMS, Run

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(data: Path = tmp_path / "data", port: int | None = None, **settings: str) -> Run:
        runs.append(Run(data, port, **settings))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def test_it_starts_gives_a_link_refuses_a_second_and_stops_in_seconds(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    link = re.findall(r"http://127\.0\.0\.1:\d+/signin/\S+", run.words())
    assert len(link) == 1
    assert run.ready()
    until(lambda: set(run.pids()) == PROGRAMS, 20, "all programs")
    assert run.folder.data.stat().st_mode & 0o777 == 0o700
    assert (run.folder.data / "secret").stat().st_mode & 0o777 == 0o600

    second = new_run()
    second.process.start()
    until(lambda: not second.process.alive, 30, "the refusal")
    assert f"process {run.process.pid}" in second.words()
    assert len(second.words().strip().splitlines()) == 1
    assert run.ready(), "the first goes on"

    began = time.monotonic()
    run.interrupt()
    assert time.monotonic() - began < 30
    assert run.words().strip().splitlines()[-1].startswith("Stopped. Nothing goes on")
    assert run.members() == []
    secret = link[0].rpartition("/")[2]
    for log in run.folder.logs.iterdir():
        assert secret not in log.read_text(errors="replace"), f"the sign-in secret is in {log.name}"

    run.process.start()
    until(run.ready, 60, "a second start on the same folder")
    run.interrupt()


def celery_workers(run: Run) -> list[psutil.Process]:
    return [process for process in run.members() if {"workers.celery_app", "worker"} <= set(process.cmdline())]


def is_replaced(run: Run, program: str, killed: int) -> bool:
    return run.pids().get(program, killed) != killed


@pytest.mark.crash
def test_whatever_is_killed_is_there_again(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    until(lambda: set(run.pids()) == PROGRAMS, 20, "all programs")
    for name in sorted(PROGRAMS):
        killed = run.pids()[name]
        psutil.Process(killed).kill()
        until(partial(is_replaced, run, name, killed), 60, f"{name} to be started again")
        until(run.ready, 60, f"/readyz after {name} was killed")
    supervisor = int(run.folder.supervisor_pid.read_text())
    old = run.pids()
    psutil.Process(supervisor).kill()
    for name in sorted(PROGRAMS):
        until(partial(is_replaced, run, name, old[name]), 60, f"{name} under a new supervisor")
    until(run.ready, 60, "/readyz after the supervisor was killed")
    assert not set(old.values()) & {process.pid for process in run.members()}, "an old program lives on"
    until(lambda: len(celery_workers(run)) == 3, 60, "one worker with two children, and none left from before")


@pytest.mark.slow
@pytest.mark.crash
def test_when_run_itself_is_killed_all_end_and_the_next_start_works(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    run.process.kill_alone()
    again = new_run().start()
    assert again.ready()
    alive = {process.pid for process in again.members()}
    assert set(again.pids().values()) <= alive
    assert len([pid for pid in alive if "supervisor.supervisord" in psutil.Process(pid).cmdline()]) == 1


@pytest.mark.slow
@pytest.mark.crash
def test_a_supervisor_that_outlived_its_house_is_ended_by_the_next_start(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    supervisor = psutil.Process(int(run.folder.supervisor_pid.read_text()))
    supervisor.suspend()  # so that it cannot follow its parent
    run.process.kill_alone()
    again = new_run()
    again.process.start()
    until(lambda: not supervisor.is_running() or supervisor.status() != psutil.STATUS_STOPPED, 60, "its end")
    again.start()
    assert again.ready()


@pytest.mark.slow
def test_a_folder_deeper_than_a_socket_may_lie_works(new_run: Callable[..., Run], tmp_path: Path) -> None:
    data = tmp_path / ("deep" * 30) / "data"
    data.parent.mkdir()
    assert len(str(data)) > LONGEST_FOLDER
    run = new_run(data).start()
    assert run.folder.run.stat().st_mode & 0o777 == 0o700
    assert run.ready()
    run.interrupt()


def refusal(run: Run) -> str:
    """The one line that a start ends with."""
    run.process.start()
    until(lambda: not run.process.alive, 30, "the refusal")
    (line,) = run.words().strip().splitlines()
    assert run.members() == []
    return line


def test_a_taken_port_is_one_line(new_run: Callable[..., Run]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = new_run(port=other.getsockname()[1])
        line = refusal(run)
    assert f"Port {run.port}" in line
    assert f"SKYDECK_PORT={run.port + 1}" in line


def test_a_folder_that_cannot_be_written_is_one_line(new_run: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    line = refusal(new_run(tmp_path / "file" / "data"))
    assert "cannot be written" in line
    assert "SKYDECK_DATA" in line


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("SKYDECK_PROT", "8001", "SKYDECK_PROT"),
        ("SKYDECK_WORKERS", "many", "whole numbers"),
        ("SKYDECK_HOST", "0.0.0.0", "SKYDECK_INSECURE"),
    ],
)
def test_junk_in_the_environment_is_one_line(new_run: Callable[..., Run], setting: str, value: str, word: str) -> None:
    assert word in refusal(new_run(**{setting: value}))


@pytest.mark.slow
def test_sigterm_stops_as_ctrl_c_does(new_run: Callable[..., Run]) -> None:
    run = new_run().start()
    psutil.Process(run.process.pid).send_signal(signal.SIGTERM)
    until(lambda: not run.process.alive, 30, "the end")
    assert run.members() == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{run.url}/healthz")
