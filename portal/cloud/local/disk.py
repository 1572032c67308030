"""Small steps on the disk that the store and its uploads share."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from portal.cloud.errors import Broken, Rejected, Temporary
from portal.cloud.local.layout import sync_folder

BLOCK = 1 << 20  # bytes held in memory while copying


@contextmanager
def disk_errors() -> Iterator[None]:
    """Say what a failing disk means to people; the cause stays in the log."""
    try:
        yield
    except ConnectionError:
        raise  # of the stream that was read, not of the disk
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Temporary(
                "STORE_FULL", "The disk of this cloud is full. Delete files, or ask for more space."
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise Rejected(
                "INVALID_NAME", "The name is too long for this cloud. Use fewer or shorter folders."
            ) from error
        raise Broken("STORE_FAILED", "The files of this cloud cannot be reached. Ask the site's admin.") from error


def copy(source: BinaryIO, target: BinaryIO, checksum: "hashlib._Hash | None" = None) -> str:
    """Copy all bytes in blocks; the answer is their sha256 in hex, with what `checksum` had seen before."""
    digest = checksum or hashlib.sha256()
    while block := source.read(BLOCK):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def make_folders(root: Path, folder: Path) -> None:
    """Create the folders from `root`, which must be there, down to `folder`, each made durable in its parent."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove empty folders from `folder` up to, and without, `root`."""
    while folder != root:
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = folder.parent
