"""What no training job may be: refused at once, or with words when its archive is opened."""

import io
import tarfile
import zipfile
from typing import Any

import pytest

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.local import fence
from portal.cloud.local.jobs import Jobs
from portal.cloud.local.layout import Layout
from portal.cloud.local.store import LocalStore
from tests.cloud.local.training_jobs.helpers import (
    LIMITS,
    Start,
    ended,
    failure,
    fenced,
    lines,
    spec,
)

pytestmark = fenced


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instance_type": "ml.g5.xlarge"}, "INSTANCE_UNAVAILABLE"),
        ({"instance_count": 2}, "INSTANCE_UNAVAILABLE"),
        ({"entry_point": "../train.py"}, "BAD_SOURCE"),
        ({"entry_point": "train.sh"}, "BAD_SOURCE"),
        ({"source": "s3://data/in/a.csv"}, "BAD_SOURCE"),
        ({"source": "template:../../cloud"}, "BAD_SOURCE"),
        ({"source": "/etc/passwd"}, "BAD_SOURCE"),
        ({"source": "s3://data/nothing.py"}, "NOT_FOUND"),
        ({"channels": [{"name": "train", "bucket": "data", "prefix": "nothing/"}]}, "EMPTY_INPUT"),
        ({"channels": [{"name": "../x", "bucket": "data", "prefix": "in/"}]}, "INVALID_NAME"),
        ({"metrics": {"a": "no group"}}, "BAD_METRIC"),
        ({"metrics": {"a": "("}}, "BAD_METRIC"),
    ],
)
def test_what_cannot_run_is_refused_at_once(start: Start, jobs: Jobs, changes: dict[str, Any], code: str) -> None:
    with pytest.raises((Rejected, NotFound)) as refusal:
        jobs.start(spec(**changes), "t-1") if "source" in changes else start("print(1)", **changes)
    assert refusal.value.code == code


def test_without_a_fence_training_is_off(layout: Layout, store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "available", lambda: False)
    with pytest.raises(Rejected) as refusal:
        Jobs(layout).start(spec(), "t-1")
    assert refusal.value.code == "TRAINING_UNFENCED"


def test_without_a_fence_an_admin_may_accept_it(
    layout: Layout, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "available", lambda: False)
    secret = layout.root / "secret.txt"
    secret.write_text("read")
    store.put("data", "code/train.py", io.BytesIO(f"print(open({str(secret)!r}).read())".encode()))
    jobs = Jobs(layout, accept_unfenced=True, limits=LIMITS)
    ref = jobs.start(spec(), "t-1")
    assert ended(jobs, ref)["state"] == "succeeded"
    assert lines(layout, ref) == ["read"]


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_py", ".py"), text)
    return buffer.getvalue()


def tarred(member: tarfile.TarInfo, body: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def test_an_archive_with_modules_of_its_own(jobs: Jobs, start: Start, layout: Layout) -> None:
    archive = zipped(src__train_py="from helper import words\nprint(words)", src__helper_py="words = 'helped'")
    ref = start(archive, key="code/job.zip", entry_point="src/train.py")
    assert ended(jobs, ref)["state"] == "succeeded"
    assert lines(layout, ref) == ["helped"]


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize(
    ("archive", "key", "words"),
    [
        (zipped(main_py=""), "a.zip", "It holds: main.py."),
        (b"no archive at all", "a.zip", "damaged"),
        (b"no archive at all", "a.tar.gz", "damaged"),
        (zipped(**{"..__..__evil_py": ""}), "a.zip", "leads out"),
        (tarred(tarfile.TarInfo("../../evil.py")), "a.tar.gz", "leads out"),
        (tarred(tarfile.TarInfo("/tmp/evil.py")), "a.tar.gz", "leads out"),
        (tarred(link("train.py", "/etc/passwd")), "a.tgz", "link"),
        (tarred(tarfile.TarInfo("train.py"), bytes(300 * 1024**2)), "a.tar.gz", "larger than 256 MB"),
    ],
    ids=["no entry point", "no zip", "no tar", "zip climbs", "tar climbs", "absolute", "link", "bomb"],
)
def test_a_bad_archive_fails_with_words(jobs: Jobs, start: Start, archive: bytes, key: str, words: str) -> None:
    code, message = failure(jobs, start(archive, key=f"code/{key}"))
    assert code == "BAD_SOURCE"
    assert words in message
