"""The ledger's conditional updates: who wins, who loses, and what nobody can overwrite. Also run on PostgreSQL
(test_on_postgres.py)."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from portal.accounts.models import Team, User
from portal.cloud.errors import Failure
from portal.operations import dispatch, ledger
from portal.operations.models import IdempotencyKey, Operation, State
from portal.problems import Conflict
from tests.harness.people import People, make_people

pytestmark = pytest.mark.usefixtures("redis_server")


@pytest.fixture
def people(transactional_db: None) -> People:
    """Committed, so that threads see them."""
    return make_people()


def record(people: People, **more: Any) -> Operation:
    defaults: dict[str, Any] = {"kind": "query.run", "connection": "local", "params": {"sql": "select 1"}}
    return ledger.record(team=Team.objects.get(slug="growth"), owner=people.bob.user, **{**defaults, **more})


def again(operation: Operation) -> Operation:
    return Operation.objects.select_related("team", "owner").get(pk=operation.pk)


def at_once(count: int, work: Any) -> list[Any]:
    """`work(n)` in `count` threads that begin together; their answers, or what they raised."""
    answers: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            gate.wait(10)
            answers[number] = work(number)
        except Exception as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_of_many_workers_one_claims(people: People) -> None:
    operation = record(people)
    claimed = at_once(8, lambda n: ledger.claim(operation.pk, f"worker-{n}"))
    winners = [answer for answer in claimed if isinstance(answer, Operation)]
    assert len(winners) == 1, claimed
    assert [answer for answer in claimed if answer is not winners[0]] == [None] * 7
    assert again(operation).lease_holder == winners[0].lease_holder


def test_a_live_lease_stands_and_a_dead_one_is_taken(people: People) -> None:
    operation = record(people)
    first = ledger.claim(operation.pk, "first")
    assert first is not None
    assert ledger.claim(operation.pk, "second") is None
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    second = ledger.claim(operation.pk, "second")
    assert second is not None
    assert second.token == first.token, "a lease that ran out does not raise the attempt"
    assert ledger.submitted(second, "second", "ref-1")
    assert not ledger.submitted(first, "first", "ref-2"), "a late attempt cannot write"
    assert not ledger.renew(first, "first")
    assert (again(operation).ref, again(operation).state) == ("ref-1", State.SUBMITTED)


def test_the_end_is_written_once(people: People) -> None:
    operation = record(people)
    claimed = ledger.claim(operation.pk, "worker")
    assert claimed
    assert ledger.submitted(claimed, "worker", "ref-1")
    rows = [again(operation) for _ in range(4)]
    ends = at_once(4, lambda n: ledger.ended(rows[n], State.SUCCEEDED, result={"by": n}))
    assert sorted(ends) == [False, False, False, True]
    assert again(operation).result == {"by": ends.index(True)}
    assert not ledger.ended(rows[0], State.FAILED, failure=Failure("X", "late"))
    assert again(operation).state == State.SUCCEEDED
    assert again(operation).error is None


def test_lost_work_is_tried_again_with_a_new_token_three_times(people: People) -> None:
    operation = record(people)
    tokens = set()
    for attempt in (1, 2, 3):
        claimed = ledger.claim(operation.pk, "worker")
        assert claimed
        tokens.add(claimed.token)
        assert claimed.attempt == attempt
        assert ledger.submitted(claimed, "worker", f"ref-{attempt}")
        assert ledger.lost(again(operation)) == (attempt < 3)
    assert len(tokens) == 3
    stale = again(operation)
    stale.attempt, stale.ref = 1, "ref-1"
    assert not ledger.ended(stale, State.SUCCEEDED), "the first attempt is history"


def test_what_waits_is_not_claimed_until_it_may_proceed(people: People) -> None:
    operation = record(people, waiting_for="approval")
    assert ledger.claim(operation.pk, "worker") is None
    assert ledger.proceed(operation)
    assert not ledger.proceed(operation)
    assert ledger.claim(operation.pk, "worker")


def test_cancel_ends_the_unclaimed_at_once_and_asks_otherwise(people: People) -> None:
    untouched = record(people)
    assert ledger.request_cancel(untouched)
    assert again(untouched).state == State.CANCELLED
    assert ledger.claim(untouched.pk, "worker") is None
    claimed = record(people)
    ledger.claim(claimed.pk, "worker")
    assert not ledger.request_cancel(again(claimed))
    row = again(claimed)
    assert (row.state, row.cancel_requested_at is not None) == (State.QUEUED, True)
    assert not ledger.request_cancel(again(untouched)), "an end stays as it was"


def test_put_off_work_waits_its_time_and_keeps_its_token(people: People) -> None:
    operation = record(people)
    claimed = ledger.claim(operation.pk, "worker")
    assert claimed
    assert ledger.release(claimed, "worker", timedelta(seconds=60))
    assert ledger.claim(operation.pk, "other") is None
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now())
    taken = ledger.claim(operation.pk, "other")
    assert taken
    assert taken.token == claimed.token


def test_the_same_key_is_the_same_operation(people: People) -> None:
    key = ("key-1", {"sql": "select 1"})
    made = at_once(6, lambda _: record(people, idempotency=key).pk)
    assert len(set(made)) == 1, made
    assert Operation.objects.count() == IdempotencyKey.objects.count() == 1
    with pytest.raises(Conflict, match="another body"):
        record(people, idempotency=("key-1", {"sql": "select 2"}))
    assert record(people, idempotency=("key-2", {"sql": "select 1"})).pk != made[0]


def test_the_queue_rings_only_for_what_was_committed(people: People) -> None:
    before = dispatch.waiting()
    with transaction.atomic():
        record(people)
        transaction.set_rollback(True)
    assert dispatch.waiting() == before
    assert Operation.objects.count() == 0
    record(people)
    assert dispatch.waiting() == before + 1


def test_a_broker_that_is_away_loses_nothing(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch.broker.conf, "broker_url", f"redis+socket:///tmp/absent-{uuid.uuid4()}.sock")
    operation = record(people)
    assert again(operation).state == State.QUEUED
    assert ledger.claim(operation.pk, "worker")


def test_worker_work_runs_under_its_lease(people: People) -> None:
    operation = record(people, kind="table.refresh")
    claimed = ledger.claim(operation.pk, "worker")
    assert claimed
    assert ledger.began(claimed, "worker")
    assert ledger.renew(claimed, "worker", 0.5)
    assert (again(operation).state, again(operation).progress) == (State.RUNNING, 0.5)
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    taken = ledger.claim(operation.pk, "other")
    assert taken, "a dead worker's own work is done again from the start"
    assert not ledger.ended(claimed, State.SUCCEEDED, holder="worker")
    assert ledger.ended(taken, State.SUCCEEDED, holder="other", result={"ok": True})


def test_leases_are_shorter_than_the_promise() -> None:
    assert timedelta(seconds=30) >= settings.LEASE, "the state is right within 60 s of any crash"


def test_writes_do_not_starve_each_other(people: People) -> None:
    def work(number: int) -> int:
        owner = User.objects.get(username="bob")
        team = Team.objects.get(slug="growth")
        for _ in range(10):
            operation = ledger.record(kind="query.run", team=team, owner=owner, connection="local", params={})
            claimed = ledger.claim(operation.pk, f"w{number}")
            assert claimed
            assert ledger.submitted(claimed, f"w{number}", f"ref-{operation.pk}")
            assert ledger.ended(claimed, State.SUCCEEDED)
        return number

    assert at_once(4, work) == [0, 1, 2, 3]
    assert Operation.objects.filter(state=State.SUCCEEDED).count() == 40
