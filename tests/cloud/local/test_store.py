"""What only the store on files promises: where bytes lie, and what a crash leaves."""

import io
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.local.layout import Layout
from portal.cloud.local.store import LocalStore


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "cloud", tmp_path / "socket").make()


@pytest.fixture
def store(layout: Layout) -> LocalStore:
    store = LocalStore(layout)
    store.create_bucket("bucket")
    return store


class Breaks(io.BytesIO):
    """A stream whose other end goes away half way."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 10:
            raise ConnectionResetError("gone")
        return super().read(10)


def test_an_object_is_one_ordinary_file_inside_its_bucket(store: LocalStore, layout: Layout) -> None:
    for key in ("a.csv", "/etc/passwd", "a//b", "k=v/ü", "a\\..\\b", "....", "~", "x" * 1000):
        store.put("bucket", key, io.BytesIO(b"x,y\n"))
        path = store.path_of("bucket", key)
        assert path.read_bytes() == b"x,y\n"
        assert path.resolve().is_relative_to((layout.buckets / "bucket").resolve())
    assert "k=v" in store.path_of("bucket", "k=v/ü").parts
    for key in ("../x", "a/../../x", "\0"):
        with pytest.raises(Rejected):
            store.path_of("bucket", key)


def test_symbolic_links_are_not_followed(store: LocalStore, layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret@").write_bytes(b"secret")
    (layout.buckets / "bucket" / "link").symlink_to(tmp_path / "outside")
    (layout.buckets / "bucket" / "file@").symlink_to(tmp_path / "outside" / "secret@")
    (layout.buckets / "linked").symlink_to(tmp_path / "outside")
    assert store.list("bucket").objects == ()
    for bucket, key in (("bucket", "link/secret"), ("bucket", "file"), ("linked", "secret")):
        with pytest.raises(NotFound):
            store.head(bucket, key)
        with pytest.raises(NotFound):
            store.open(bucket, key)
    with pytest.raises(NotFound):
        store.delete("linked", "secret")
    assert (tmp_path / "outside" / "secret@").exists()


def test_writing_through_a_linked_folder_is_refused(store: LocalStore, layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (layout.buckets / "bucket" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(NotFound):
        store.put("bucket", "link/new", io.BytesIO(b"x"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_broken_write_changes_nothing_and_leaves_nothing(store: LocalStore, layout: Layout) -> None:
    store.put("bucket", "k", io.BytesIO(b"old"))
    with pytest.raises(ConnectionResetError):
        store.put("bucket", "k", Breaks(b"n" * 100))
    with store.open("bucket", "k") as reader:
        assert reader.read() == b"old"
    assert list(layout.scratch.iterdir()) == []
    upload = store.start_upload("bucket", "k", "text/plain")
    with pytest.raises(ConnectionResetError):
        store.put_part("bucket", "k", upload, 1, Breaks(b"n" * 100))
    assert store.parts("bucket", "k", upload) == {}
    with pytest.raises(Rejected) as caught:
        store.complete_upload("bucket", "k", upload)
    assert caught.value.code == "UPLOAD_INCOMPLETE"


def test_completing_again_after_a_crash_answers_the_same_object(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = store.start_upload("bucket", "k", "text/plain")
    store.put_part("bucket", "k", upload, 1, io.BytesIO(b"body"))
    monkeypatch.setattr(store._uploads, "abort", lambda *named: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # the crash comes after the object stands, before the parts are gone
        store.complete_upload("bucket", "k", upload)
    monkeypatch.undo()
    first = store.head("bucket", "k")
    assert store.complete_upload("bucket", "k", upload) == first
    assert store.complete_upload("bucket", "k", upload) == first
    with pytest.raises(NotFound):
        store.parts("bucket", "k", upload)


def test_facts_survive_without_extended_attributes(store: LocalStore) -> None:
    store.put("bucket", "a.csv", io.BytesIO(b"x"), "text/plain")
    os.removexattr(store.path_of("bucket", "a.csv"), "user.skydeck")
    info = store.head("bucket", "a.csv")
    assert (info.content_type, info.sha256, info.size) == ("text/csv", None, 1)


def test_old_uploads_and_remains_are_swept(store: LocalStore, layout: Layout) -> None:
    upload = store.start_upload("bucket", "k", "text/plain")
    (layout.scratch / "put-0").write_bytes(b"x")
    assert store.sweep_uploads(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.parts("bucket", "k", upload) == {}
    assert store.sweep_uploads(datetime.now(UTC) + timedelta(hours=1)) == 1
    with pytest.raises(NotFound):
        store.parts("bucket", "k", upload)
    assert list(layout.scratch.iterdir()) == []


def test_deleting_removes_empty_folders_and_ghost_folders_are_not_shown(store: LocalStore, layout: Layout) -> None:
    store.put("bucket", "a/b/c", io.BytesIO(b"x"))
    store.delete("bucket", "a/b/c")
    assert list((layout.buckets / "bucket").iterdir()) == []
    (layout.buckets / "bucket" / "ghost" / "deep").mkdir(parents=True)
    assert store.list("bucket", delimiter="/").folders == ()
    store.delete_bucket("bucket")


def test_a_page_of_a_large_bucket_is_quick(store: LocalStore, layout: Layout) -> None:
    folder = layout.buckets / "bucket" / "many"
    folder.mkdir()
    for number in range(20_000):
        (folder / f"{number:06}@").touch()
    started = time.perf_counter()
    page = store.list("bucket", prefix="many/", after="many/010000", limit=1000)
    assert time.perf_counter() - started < 2
    assert [item.key for item in page.objects] == [f"many/{number:06}" for number in range(10_001, 11_001)]
    assert page.next == "many/011000"
    assert store.list("bucket", delimiter="/").folders == ("many/",)
