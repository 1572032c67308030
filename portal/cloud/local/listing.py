"""Walking a bucket's folder in the order of its keys, reading no more than the page needs."""

import os
from collections.abc import Iterator
from pathlib import Path

from portal.cloud.local.names import MORE, OBJECT, decoded, folder_under


def walk(bucket: Path, prefix: str = "", after: str = "", fold: bool = False) -> Iterator[tuple[str, str | None]]:
    """Keys that start with `prefix` and stand after `after`, in the order of their UTF-8 bytes, each with its file.

    With `fold` a folder below the prefix is not entered: it comes once, as its key ending in `/`, without a file.
    Symbolic links are not followed and not shown.
    """
    head = prefix.rpartition("/")[0]
    start = f"{head}/" if "/" in prefix else ""
    try:
        folder = folder_under(bucket, head.split("/") if start else [])
    except UnicodeEncodeError:
        return
    yield from _Walk(prefix.encode(), after.encode(errors="replace"), fold).folder(str(folder), start.encode())


class _Walk:
    def __init__(self, prefix: bytes, after: bytes, fold: bool) -> None:
        self.prefix = prefix
        self.after = after
        self.fold = fold

    def folder(self, path: str, head: bytes) -> Iterator[tuple[str, str | None]]:
        """What lies in one folder, whose keys all start with `head`."""
        for key, name in sorted(self.entries(path, head)):
            inner = f"{path}/{name}"
            if name.endswith(OBJECT):
                yield key.decode(), inner
            elif self.fold and key.endswith(b"/") and len(key) > len(self.prefix):
                if next(_Walk(key, b"", False).folder(inner, key), None) is not None:  # empty ones are remains
                    yield key.decode(), None
            else:
                yield from self.folder(inner, key)

    def entries(self, path: str, head: bytes) -> Iterator[tuple[bytes, str]]:
        """The entries that can lead to a wanted key, each with the bytes all its keys start with."""
        try:
            found = os.scandir(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        with found:
            for entry in found:
                name = entry.name
                if name.endswith(OBJECT):
                    key = head + decoded(name[:-1])
                    if key > self.after and key.startswith(self.prefix) and entry.is_file(follow_symlinks=False):
                        yield key, name
                    continue
                key = head + (decoded(name[:-1]) if name.endswith(MORE) else decoded(name) + b"/")
                wanted = key.startswith(self.prefix) or self.prefix.startswith(key)
                reached = key > self.after or self.after.startswith(key)
                if wanted and reached and entry.is_dir(follow_symlinks=False):
                    yield key, name
