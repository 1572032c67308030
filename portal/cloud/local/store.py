"""Objects as ordinary files: one file an object, so that engines and scripts read them in place.

An object is written to a temporary file, made durable, and renamed; what is known of it (content type, sha256, upload
it came from) rides on the file as an extended attribute and so arrives in the same step. On a file system without
extended attributes the type is guessed from the name and the sha256 is not known. `etag` is the time of writing, in
nanoseconds, and the size: it survives a copy that keeps times.
"""

import json
import mimetypes
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from portal.cloud.errors import Clash, NotFound
from portal.cloud.local.disk import copy, disk_errors, make_folders, remove_empty
from portal.cloud.local.layout import Layout, sync_folder
from portal.cloud.local.listing import walk
from portal.cloud.local.names import check_bucket, check_key, path_under, shorten
from portal.cloud.local.uploads import Uploads
from portal.cloud.ports import Listing, ObjectInfo, PartTarget

_FACTS = "user.skydeck"  # the extended attribute's name
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class _Facts:
    """What an object's extended attribute holds."""

    content_type: str = _UNKNOWN_TYPE
    sha256: str | None = None
    upload: str = ""


class LocalStore:
    """The object store of the local cloud. Safe to use from several threads and processes at once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._root = layout.buckets.resolve()
        self._uploads = Uploads(layout.uploads)

    # --- buckets ------------------------------------------------------------------------------------------------------

    def create_bucket(self, name: str) -> None:
        check_bucket(name)
        with disk_errors():
            try:
                (self._root / name).mkdir(mode=0o700)
            except FileExistsError:
                raise Clash(f"There is a bucket “{name}” already. Choose another name.") from None
            sync_folder(self._root)

    def delete_bucket(self, name: str) -> None:
        folder = self._bucket(name)
        if next(walk(folder), None) is not None:
            raise Clash(f"The bucket “{name}” is not empty. Delete its files first.")
        with disk_errors():
            for inner, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):  # a file that has come meanwhile is noticed below
                    os.rmdir(inner)
            if folder.exists():
                raise Clash(f"The bucket “{name}” is not empty. Delete its files first.")
            sync_folder(self._root)

    # --- objects ------------------------------------------------------------------------------------------------------

    def list(self, bucket: str, prefix: str = "", delimiter: str = "", limit: int = 1000, after: str = "") -> Listing:
        objects: list[ObjectInfo] = []
        folders: list[str] = []
        last = ""
        with disk_errors():
            for key, path in walk(self._bucket(bucket), prefix, after, fold=delimiter == "/"):
                cut = key.find(delimiter, len(prefix)) if delimiter else -1
                name = key if cut < 0 else key[: cut + len(delimiter)]
                if cut >= 0 and (name == last or name.encode() <= after.encode()):
                    continue
                if len(objects) + len(folders) >= limit:
                    return Listing(tuple(objects), tuple(folders), last)
                if cut >= 0:
                    folders.append(name)
                elif path is not None and (info := self._info(key, path)):
                    objects.append(info)
                last = name
        return Listing(tuple(objects), tuple(folders), None)

    def walk(self, bucket: str, prefix: str = "") -> Iterator[tuple[ObjectInfo, Path]]:
        """All objects under a prefix in key order, each with its file, in one pass. NotFound."""
        with disk_errors():
            for key, path in walk(self._bucket(bucket), prefix):
                if path is not None and (info := self._info(key, path)):
                    yield info, Path(path)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        with disk_errors():
            info = self._info(key, self._inside(bucket, key))
        if info is None:
            raise self._absent(bucket, key)
        return info

    def open(self, bucket: str, key: str) -> BinaryIO:
        with disk_errors():
            try:
                return os.fdopen(os.open(self._inside(bucket, key), os.O_RDONLY | os.O_NOFOLLOW), "rb")
            except FileNotFoundError:
                raise self._absent(bucket, key) from None

    def path_of(self, bucket: str, key: str) -> Path:
        """The file of an object, whether it is there or not: for engines that read in place. Rejected(INVALID_NAME)."""
        check_bucket(bucket)
        return path_under(self._root / bucket, key)

    def put(self, bucket: str, key: str, body: BinaryIO, content_type: str = _UNKNOWN_TYPE) -> ObjectInfo:
        path = self._inside(bucket, key)
        with disk_errors():
            temporary = self._temporary()
            try:
                with open(temporary, "xb") as target:
                    digest = copy(body, target)
                    return self._publish(target, temporary, bucket, key, path, _Facts(content_type, digest))
            finally:
                temporary.unlink(missing_ok=True)

    def delete(self, bucket: str, key: str) -> None:
        with disk_errors():
            path = self._inside(bucket, key)
            with suppress(FileNotFoundError):
                path.unlink()
                sync_folder(path.parent)
                remove_empty(path.parent, self._root / bucket)

    # --- uploads in parts ---------------------------------------------------------------------------------------------

    def start_upload(self, bucket: str, key: str, content_type: str) -> str:
        self._bucket(bucket)
        check_key(key)
        with disk_errors():
            return self._uploads.start(bucket, key, content_type)

    def part_target(self, bucket: str, key: str, upload: str, part: int) -> PartTarget:
        self._uploads.find(bucket, key, upload)
        self._uploads.check_part(part)
        return PartTarget("PUT", None, {})

    def put_part(self, bucket: str, key: str, upload: str, part: int, body: BinaryIO) -> str:
        with disk_errors():
            return self._uploads.put_part(bucket, key, upload, part, body)

    def parts(self, bucket: str, key: str, upload: str) -> dict[int, int]:
        with disk_errors():
            return self._uploads.parts(bucket, key, upload)

    def complete_upload(self, bucket: str, key: str, upload: str, sha256: str | None = None) -> ObjectInfo:
        """As the port says. A crash at any point is mended by completing again: until the object stands the parts are
        kept, and an object that stands is known by its upload."""
        path = self._inside(bucket, key)
        with disk_errors():
            if upload and (done := self._info(key, path)) and self._facts(path).upload == upload:
                self._uploads.abort(bucket, key, upload)
                return done
            meta = self._uploads.find(bucket, key, upload)
            temporary = self._temporary()
            try:
                with open(temporary, "xb") as target:
                    digest = self._uploads.join(meta, target, sha256)
                    facts = _Facts(meta.content_type, digest, upload)
                    info = self._publish(target, temporary, bucket, key, path, facts)
            finally:
                temporary.unlink(missing_ok=True)
            self._uploads.abort(bucket, key, upload)
            return info

    def abort_upload(self, bucket: str, key: str, upload: str) -> None:
        with disk_errors():
            self._uploads.abort(bucket, key, upload)

    def sweep_uploads(self, older_than: datetime) -> int:
        """Remove uploads untouched since `older_than`, and what broken writes left behind; how many were removed."""
        with disk_errors():
            for left in self._layout.scratch.glob("put-*"):
                with suppress(FileNotFoundError):
                    if left.stat().st_mtime < older_than.timestamp():
                        left.unlink()
            return self._uploads.sweep(older_than)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _bucket(self, name: str) -> Path:
        check_bucket(name)
        folder = self._root / name
        if folder.is_symlink() or not folder.is_dir():
            raise NotFound(f"There is no bucket “{name}”. Check its name, or create it.")
        return folder

    def _inside(self, bucket: str, key: str) -> Path:
        """The file of a key, after making sure that no symbolic link on the way leads elsewhere."""
        path = path_under(self._bucket(bucket), key)
        if os.path.realpath(path) != str(path):
            raise self._absent(bucket, key)
        return path

    def _absent(self, bucket: str, key: str) -> NotFound:
        return NotFound(
            f"There is no file “{shorten(key)}” in the bucket “{bucket}”. It may have been moved or deleted."
        )

    def _temporary(self) -> Path:
        return self._layout.scratch / f"put-{secrets.token_hex(16)}"

    def _publish(
        self, target: BinaryIO, temporary: Path, bucket: str, key: str, path: Path, facts: _Facts
    ) -> ObjectInfo:
        """Make the written file durable and put it in its place in one step."""
        target.flush()
        with suppress(OSError, AttributeError):  # no extended attributes here: the type will be guessed from the name
            os.setxattr(target.fileno(), _FACTS, json.dumps(vars(facts)).encode())
        now = time.time_ns()  # the kernel's own time steps in milliseconds: two writes could look the same
        os.utime(target.fileno(), ns=(now, now))
        os.fsync(target.fileno())
        for last_try in (False, False, False, True):
            make_folders(self._bucket(bucket), path.parent)
            try:
                os.replace(temporary, path)
                break
            except FileNotFoundError:  # a delete took the empty folder away in between
                if last_try:
                    raise
        sync_folder(path.parent)
        return _describe(key, os.fstat(target.fileno()), facts)

    def _info(self, key: str, path: Path | str) -> ObjectInfo | None:
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _describe(key, found, self._facts(path)) if stat.S_ISREG(found.st_mode) else None

    def _facts(self, path: Path | str) -> _Facts:
        try:
            return _Facts(**json.loads(os.getxattr(path, _FACTS, follow_symlinks=False)))
        except (OSError, AttributeError, ValueError, TypeError):
            return _Facts()


def _describe(key: str, found: os.stat_result, facts: _Facts) -> ObjectInfo:
    guessed = facts.content_type
    if guessed == _UNKNOWN_TYPE:
        guessed = mimetypes.guess_type(key)[0] or _UNKNOWN_TYPE
    modified = datetime.fromtimestamp(found.st_mtime_ns // 1000 / 1e6, UTC)
    return ObjectInfo(key, found.st_size, modified, f"{found.st_mtime_ns:x}-{found.st_size:x}", guessed, facts.sha256)
