"""Jobs for tests: a store with some input, a Jobs over it, and a way to start a script."""

import io
import textwrap
from pathlib import Path
from typing import Any

import pytest

from portal.cloud.local.jobs import Jobs
from portal.cloud.local.layout import Layout
from portal.cloud.local.store import LocalStore
from tests.cloud.local.training_jobs.helpers import LIMITS, Start, ended, spec


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "cloud", socket=tmp_path / "s").make()


@pytest.fixture
def store(layout: Layout) -> LocalStore:
    store = LocalStore(layout)
    store.create_bucket("data")
    store.put("data", "in/a.csv", io.BytesIO(b"a,b\n1,2\n"))
    store.put("data", "in/deep/b.csv", io.BytesIO(b"a,b\n3,4\n"))
    return store


@pytest.fixture
def jobs(layout: Layout, store: LocalStore) -> Any:
    jobs = Jobs(layout, limits=LIMITS)
    yield jobs
    refs = [folder.name for folder in layout.jobs.glob("job-*")]
    for ref in refs:
        jobs.stop(ref)
    for ref in refs:
        ended(jobs, ref)


@pytest.fixture
def start(jobs: Jobs, store: LocalStore) -> Start:
    def start(script: str | bytes, token: str = "t-1", key: str = "code/train.py", **changes: Any) -> str:
        body = textwrap.dedent(script).encode() if isinstance(script, str) else script
        store.put("data", key, io.BytesIO(body))
        return jobs.start(spec(source=f"s3://data/{key}", **changes), token)

    return start
