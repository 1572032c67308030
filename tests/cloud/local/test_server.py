"""The server: accepted once, healed after every kill, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from portal.cloud.errors import Broken, CloudError, NotFound, Rejected, Temporary
from portal.cloud.local.client import Client
from portal.cloud.local.queries import ref_of
from portal.cloud.local.wire import error_from_json, error_to_json, spec_to_json
from portal.cloud.ports import RunState
from tests.cloud.local.served import (
    CODE,
    PATIENCE,
    Served,
    finished,
    make_reviews,
    read_of,
    rows,
    select,
    serving,
    until,
)

ENDLESS = (
    "SELECT count(*) AS n FROM UNNEST(sequence(1, 10000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b(y) "
    "CROSS JOIN UNNEST(sequence(1, 10000)) AS c(z) WHERE x + y + z = -1"
)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


def running(served: Served, token: str) -> str:
    ref = served.cloud.sql.start(select(ENDLESS), token)
    until(lambda: served.cloud.sql.poll([ref])[0].state is RunState.RUNNING)
    return ref


def accepted(served: Served, token: str) -> int:
    return sum(line["event"] == "accepted" and line["token"] == token for line in served.journal())


def test_a_token_is_accepted_once_however_often_it_is_sent(served: Served) -> None:
    spec = select("SELECT 1 AS one")
    with ThreadPoolExecutor(8) as threads:
        refs = set(threads.map(lambda _: served.cloud.sql.start(spec, "token-1"), range(16)))
    assert len(refs) == 1
    assert finished(served.cloud, refs.pop()).state is RunState.SUCCEEDED
    served.cloud.sql.start(spec, "token-1")
    events = [line["event"] for line in served.journal() if line["token"] == "token-1"]
    assert events == ["accepted", "started", "ended"]


def test_the_answer_is_held_until_the_end_and_no_longer(served: Served) -> None:
    ref = served.cloud.sql.start(select("SELECT 1 AS one"), "quick")
    began = time.monotonic()
    assert served.cloud.sql.poll([ref], 20.0)[0].state is RunState.SUCCEEDED
    assert time.monotonic() - began < 10
    slow = running(served, "slow")
    began = time.monotonic()
    assert served.cloud.sql.poll([slow], 0.5)[0].state is RunState.RUNNING
    assert 0.4 < time.monotonic() - began < 10


def test_many_wait_at_once_while_others_are_served(served: Served) -> None:
    ref = running(served, "slow")
    with ThreadPoolExecutor(40) as threads:
        waiting = [threads.submit(served.cloud.sql.poll, [ref], 30.0) for _ in range(40)]
        assert served.client.call("ping") == "pong"
        served.cloud.sql.stop(ref)
        assert {future.result()[0].state for future in waiting} == {RunState.CANCELLED}


@pytest.mark.crash
def test_after_the_servers_death_what_ran_is_lost_and_what_ended_is_known(served: Served) -> None:
    done = served.cloud.sql.start(select("SELECT 42 AS answer"), "done")
    assert finished(served.cloud, done).state is RunState.SUCCEEDED
    lost = running(served, "lost")
    family = served.family()
    assert len(family) >= 2
    served.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, "children outlived a killed server"
    with pytest.raises(Temporary):
        served.client.call("ping")
    served.start_again()
    states = [status.state for status in served.cloud.sql.poll([done, lost, "q-" + "0" * 40, "../x"], 0)]
    assert states == [RunState.SUCCEEDED, RunState.LOST, RunState.LOST, RunState.LOST]
    assert rows(served.cloud, done) == [(42,)]
    assert served.cloud.sql.start(select("SELECT 1"), "lost") == lost
    assert (accepted(served, "lost"), accepted(served, "done")) == (1, 1)
    again = served.cloud.sql.start(select("SELECT 1 AS one"), "lost-2")
    assert finished(served.cloud, again).state is RunState.SUCCEEDED
    assert sum(line["event"] == "ended" and line["token"] == "lost" for line in served.journal()) == 1


@pytest.mark.crash
def test_a_death_between_record_and_journal_gives_one_line(served: Served) -> None:
    served.kill()
    record: dict[str, object] = {
        "token": "torn",
        "ref": ref_of("torn"),
        "state": "queued",
        "progress": None,
        "failure": None,
        "facts": {},
    }
    (served.root / "runs" / f"{ref_of('torn')}.json").write_text(json.dumps(record))
    served.start_again()
    for _ in range(2):
        assert served.cloud.sql.start(select("SELECT 1"), "torn") == ref_of("torn")
    assert accepted(served, "torn") == 1
    assert served.cloud.sql.poll([ref_of("torn")])[0].state is RunState.LOST


@pytest.mark.crash
def test_a_killed_zygote_is_replaced(served: Served) -> None:
    ref = running(served, "victim")
    zygote = psutil.Process(served.process.pid).children()[0]
    family = zygote.children()
    zygote.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert finished(served.cloud, ref).state is RunState.LOST
    after = served.cloud.sql.start(select("SELECT 1 AS one"), "after")
    assert finished(served.cloud, after).state is RunState.SUCCEEDED


@pytest.mark.crash
def test_an_idle_child_that_died_is_passed_over(served: Served) -> None:
    zygote = psutil.Process(served.process.pid).children()[0]
    until(lambda: len(zygote.children()) >= 2)
    for child in zygote.children():
        child.kill()
    ref = served.cloud.sql.start(select("SELECT 1 AS one"), "token")
    assert finished(served.cloud, ref).state is RunState.SUCCEEDED


def test_the_end_leaves_nothing_behind(served: Served) -> None:
    running(served, "running")
    family = served.family()
    assert served.end() == 0
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert not served.socket.exists()
    assert not [path for path in (served.root / "scratch").rglob("*") if path.is_file()]
    assert not list((served.root / "results").iterdir())
    served.start_again()
    assert served.cloud.sql.poll([ref_of("running")])[0].state is RunState.LOST


def test_a_stopped_query_is_cancelled_and_its_process_gone(served: Served) -> None:
    ref = running(served, "running")
    busy = [process for process in served.family() if process.cpu_times().user > 0.2]
    served.cloud.sql.stop(ref)
    served.cloud.sql.stop(ref)
    status = finished(served.cloud, ref)
    assert status.state is RunState.CANCELLED
    assert not [process for process in busy if process.is_running() and process.ppid() != served.process.pid]
    served.cloud.sql.stop(ref)
    served.cloud.sql.stop("q-unknown")
    assert served.cloud.sql.poll([ref])[0].state is RunState.CANCELLED


def test_more_than_fit_wait_in_order(served: Served) -> None:
    at_once = max(os.cpu_count() or 1, 2)
    first = [running(served, f"running-{number}") for number in range(at_once)]
    queued = [served.cloud.sql.start(select(f"SELECT {number} AS n"), f"queued-{number}") for number in range(3)]
    assert {status.state for status in served.cloud.sql.poll(queued)} == {RunState.QUEUED}
    served.cloud.sql.stop(queued[0])
    assert finished(served.cloud, queued[0]).state is RunState.CANCELLED
    served.cloud.sql.stop(first[0])
    assert [finished(served.cloud, ref).state for ref in queued[1:]] == [RunState.SUCCEEDED] * 2
    started = [line["ref"] for line in served.journal() if line["event"] == "started"]
    assert started[at_once:] == queued[1:]


def test_a_second_server_of_the_folder_is_refused(served: Served) -> None:
    command = [sys.executable, "-m", "portal.cloud.local", "--root", str(served.root), "--socket", f"{served.socket}2"]
    second = subprocess.run(command, cwd=CODE, capture_output=True, text=True, timeout=PATIENCE)
    assert second.returncode == 3
    assert "Another local cloud is running on this folder" in second.stderr
    assert served.client.call("ping") == "pong"


def test_a_socket_path_that_is_too_long_is_refused_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "portal.cloud.local", "--root", str(tmp_path), "--socket", f"/tmp/{'x' * 120}"]
    refused = subprocess.run(command, cwd=CODE, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 2
    assert "choose a shorter folder" in refused.stderr


def test_nobody_at_the_socket_is_temporary(tmp_path: Path) -> None:
    with pytest.raises(Temporary) as refused:
        Client(tmp_path / "nobody").call("ping")
    assert refused.value.code == "LOCAL_CLOUD_DOWN"
    assert str(tmp_path) not in refused.value.message


@pytest.mark.parametrize(
    "request_line", [b"junk\n", b"[]\n", b'{"method": "nope", "params": {}}\n', b'{"method": 1}\n']
)
def test_what_is_not_understood_is_refused_and_the_connection_lives(served: Served, request_line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(served.socket))
        with connection.makefile("rwb") as stream:
            for line in (request_line, b'{"method": "ping", "params": {}}\n'):
                stream.write(line)
            stream.flush()
            assert json.loads(stream.readline())["error"]["code"] == "BAD_REQUEST"
            assert json.loads(stream.readline()) == {"result": "pong"}


def test_a_statement_without_a_field_is_refused(served: Served) -> None:
    spec = spec_to_json(select("SELECT 1"))
    del spec["limits"]
    with pytest.raises(Rejected):
        served.client.call("sql.start", {"spec": spec, "token": "x"})
    assert served.cloud.sql.poll([ref_of("x")])[0].state is RunState.LOST


@pytest.mark.parametrize("error", [Rejected("A", "b"), Temporary("A", "b"), Broken("A", "b"), NotFound("b")])
def test_errors_keep_their_kind_on_the_way(error: CloudError) -> None:
    back = error_from_json(json.loads(json.dumps(error_to_json(error))))
    assert (type(back), back.code, back.message) == (type(error), error.code, error.message)


def test_a_folder_is_readable_by_its_owner_alone(served: Served) -> None:
    assert served.root.stat().st_mode & 0o077 == 0
    assert served.socket.stat().st_mode & 0o077 == 0


def test_files_are_looked_at_in_a_fenced_child(served: Served) -> None:
    table = make_reviews(served.cloud, 100)
    files = list(served.cloud.catalog.files(table.database, table.name))
    assert files[0].rows == 100
    with pytest.raises(Broken):
        served.client.inspect("infer", [Path("/etc/passwd")], {})
    with pytest.raises(Rejected):
        served.client.inspect("no-such-task", [], {})


def test_a_client_survives_a_restart_of_the_server(served: Served) -> None:
    client = served.client
    assert client.call("ping") == "pong"
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(PATIENCE)
    restarted = threading.Thread(target=served.start_again)
    restarted.start()
    restarted.join()
    assert client.call("ping") == "pong"


def test_a_withheld_column_is_not_there_for_the_statement(served: Served) -> None:
    table = make_reviews(served.cloud, 100)
    ref = served.cloud.sql.start(select("SELECT secret FROM shop.reviews", read_of(table, "title")), "token")
    status = finished(served.cloud, ref)
    assert status.state is RunState.FAILED
    assert status.failure is not None
    assert "secret-" not in status.failure.message
