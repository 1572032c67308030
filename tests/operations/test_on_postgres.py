"""What the database decides is decided there too: the same tests, in a process of their own, on PostgreSQL."""

import os
import subprocess
import sys

import pytest

from tests.harness.processes import BASE

CHOSEN = ("tests/operations/test_ledger.py", "tests/costs", "tests/accounts")


@pytest.mark.slow
def test_the_ledger_money_and_people_on_postgresql(postgres_url: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *CHOSEN]
    environment = {**os.environ, "TEST_DATABASE_URL": postgres_url}
    done = subprocess.run(command, cwd=BASE, env=environment, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
