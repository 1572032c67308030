"""Real processes killed with SIGKILL at the worst moments, on SQLite and PostgreSQL: nothing is started twice,
nothing is
lost, and the row is right within 60 s of the restart."""

from collections.abc import Callable, Iterator

import pytest

from tests.harness.house import House
from tests.harness.waiting import until
from tests.operations.crashes import ENDLESS, LONG, QUICK, SHORT, Story, locked

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]
WITHIN = 60.0  # seconds from a crash to a row that is right: the promise of docs/architecture.md


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    url = request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else ""
    made = House(url)
    try:
        yield made.open()
    finally:
        made.close()


@pytest.fixture(autouse=True)
def whole(house: House) -> Iterator[None]:
    """Each test begins and ends with every program alive."""
    yield
    for program in house.programs.values():
        program.start()
    house.wait_until_ready()


def finished_once(story: Story, attempts: int = 1) -> None:
    """Succeeded, its result there once, and in the cloud's journal one `accepted` for each token."""
    row = story.until_state("succeeded", "failed", "cancelled", seconds=WITHIN)
    assert row["state"] == "succeeded", row
    assert row["attempt"] == attempts
    accepted = story.events("accepted")
    assert sorted(accepted) == sorted({f"{story.id}-{attempt}" for attempt in range(1, attempts + 1)}), accepted
    assert story.results() == 1
    assert len(story.rows()) == 1


def test_worker_killed_before_the_start(house: House) -> None:
    house.programs["cloud"].kill()  # so that no start can come through
    story = Story(house, QUICK)
    until(lambda: story.row()["lease_holder"], 30, "a claim")
    house.programs["worker"].kill()
    assert story.events("accepted") == []
    house.programs["cloud"].start()
    house.programs["worker"].start()
    finished_once(story)


def test_worker_killed_after_the_cloud_accepted_and_before_the_ref_was_saved(house: House) -> None:
    with house.frozen("cloud"):
        story = Story(house, QUICK)
        until(lambda: story.row()["lease_holder"], 30, "a claim")
        until(lambda: waits_for(house, "cloud"), 30, "the worker's start to lie in the cloud's socket")
        house.programs["worker"].kill()
        assert story.row()["ref"] == ""
    until(lambda: story.events("accepted"), 30, "the cloud to accept what a dead worker asked")
    assert story.row()["ref"] == ""
    house.programs["worker"].start()
    finished_once(story)


def waits_for(house: House, program: str) -> bool:
    """Somebody has a connection to the cloud's socket that the frozen server has not taken."""
    socket = str(house.data / "run" / "local.sock")
    with open("/proc/net/unix") as lines:
        return sum(1 for line in lines if line.rstrip().endswith(socket)) > 1


def test_worker_killed_while_it_runs(house: House) -> None:
    story = Story(house, LONG)
    story.until_state("submitted", "running")
    house.programs["worker"].kill()
    finished_once(story)
    house.programs["worker"].start()


def test_worker_killed_before_the_finish_was_written(house: House) -> None:
    with house.frozen("watch"):  # the worker alone sees the end
        story = ended_under_lock(house, house.programs["worker"].kill)
        assert story.row()["state"] in ("submitted", "running")
    house.programs["worker"].start()
    finished_once(story)


def ended_under_lock(house: House, then: Callable[[], None]) -> Story:
    """A query that ended at the cloud while nobody could write the row; `then` happens in that moment."""
    for _ in range(10):
        story = Story(house, SHORT)
        story.until_state("submitted", "running", "succeeded")
        with locked(house, story):
            if story.row()["state"] == "succeeded":
                continue  # too quick for us: once more
            until(lambda story=story: story.events("ended"), 60, "the cloud to end it")
            then()
            return story
    raise AssertionError("every query ended before its row could be locked")


def test_watcher_killed_while_it_runs(house: House) -> None:
    story = Story(house, LONG)
    story.until_state("submitted", "running")
    house.programs["watch"].kill()
    house.programs["watch"].start()
    finished_once(story)


def test_watcher_killed_before_the_finish_was_written(house: House) -> None:
    story = ended_under_lock(house, house.programs["watch"].kill)
    house.programs["watch"].start()
    finished_once(story)


def test_cloud_killed_while_it_runs(house: House) -> None:
    story = Story(house, LONG)
    until(lambda: story.events("started"), 30, "the start")
    house.programs["cloud"].kill()
    house.programs["cloud"].start()
    finished_once(story, attempts=2)


def test_redis_emptied_in_mid_flight(house: House) -> None:
    with house.frozen("worker"):
        stories = [Story(house, QUICK) for _ in range(5)]
        house.flush_redis()
    for story in stories:
        finished_once(story)


def test_redis_killed(house: House) -> None:
    house.programs["redis"].kill()
    story = Story(house, QUICK)
    assert story.row()["state"] == "queued"
    house.programs["redis"].start()
    finished_once(story)


def test_cancel_ends_the_process_and_then_the_row_says_so(house: House) -> None:
    story = Story(house, ENDLESS)
    until(lambda: story.events("started"), 30, "the start")
    cancel(house, story)
    row = story.until_state("cancelled", "succeeded", "failed", seconds=30)
    assert row["state"] == "cancelled"
    assert story.events("ended")
    assert story.results() == 0


def test_cancel_reaches_the_cloud_though_the_worker_died_in_between(house: House) -> None:
    with house.frozen("cloud"):
        story = Story(house, ENDLESS)
        until(lambda: story.row()["lease_holder"], 30, "a claim")
        until(lambda: waits_for(house, "cloud"), 30, "the worker's start to lie in the cloud's socket")
        cancel(house, story)
        assert story.row()["state"] == "queued", "the state stays until the cloud confirms"
        house.programs["worker"].kill()
    house.programs["worker"].start()
    row = story.until_state("cancelled", "succeeded", "failed", seconds=WITHIN)
    assert row["state"] == "cancelled", row
    assert len(set(story.events("accepted"))) == len(story.events("accepted")) == 1
    until(lambda: story.events("ended"), 10, "the process to have ended")


def cancel(house: House, story: Story) -> None:
    with house.api("carol") as client:
        assert client.post(f"/queries/{story.id}/cancel").status_code == 200
