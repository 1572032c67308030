"""A job's input: the code's object, and the channels' objects linked into its folder as they are now."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from portal.cloud.errors import Rejected
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import Channel

TEMPLATES = Path(__file__).parents[2] / "training" / "shipped"


def source_of(source: str, store: LocalStore) -> tuple[Path, str]:
    """Where the code of `template:<name>` or `s3://bucket/key` lies, and the name that tells its kind.

    Rejected(BAD_SOURCE), NotFound.
    """
    if source.startswith("template:"):
        folder = TEMPLATES / source.removeprefix("template:").replace("-", "_")
        if folder.parent != TEMPLATES or not (folder / "train.py").is_file():
            raise Rejected("BAD_SOURCE", f"There is no template “{source.removeprefix('template:')}”.")
        return folder, folder.name
    bucket, _, key = source.removeprefix("s3://").partition("/")
    if not source.startswith("s3://") or not bucket or not key:
        raise Rejected(
            "BAD_SOURCE", "A source is s3://bucket/key of a .py file, a .zip or a .tar.gz, or template:<name>."
        )
    store.head(bucket, key)
    return store.path_of(bucket, key), key


def check_channels(channels: Sequence[Channel], store: LocalStore) -> None:
    """Rejected(EMPTY_INPUT, INVALID_NAME) where a channel has no file or no usable name."""
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise Rejected("INVALID_NAME", "Two inputs have the same name.")
    for channel in channels:
        if not channel.name.replace("-", "a").replace("_", "a").isalnum() or not channel.name.isascii():
            raise Rejected("INVALID_NAME", f"“{channel.name}” cannot name an input: use letters, digits, - and _.")
        if next(_objects(channel, store, 1), None) is None:
            raise Rejected("EMPTY_INPUT", f"There are no files under s3://{channel.bucket}/{channel.prefix}.")


def lay_out(channels: Sequence[Channel], store: LocalStore, folder: Path) -> None:
    """Link each channel's objects under `folder`/<channel>/, by their keys after the prefix's last slash.

    Objects are replaced in the store, never written into, so a link keeps the bytes as they are now. Where the file
    system cannot link they are copied.
    """
    for channel in channels:
        root = folder / channel.name
        root.mkdir(parents=True)
        cut = channel.prefix.rfind("/") + 1
        for key in _objects(channel, store, 1000):
            target = root / key[cut:]
            target.parent.mkdir(parents=True, exist_ok=True)
            path = store.path_of(channel.bucket, key)
            try:
                os.link(path, target)
            except OSError:
                shutil.copyfile(path, target)


def _objects(channel: Channel, store: LocalStore, page: int) -> Iterator[str]:
    """Keys of a channel's files; markers of empty folders (size 0, a key that ends in a slash) are none. Where the
    prefix is itself the key of a file it means that one, and not `a.csv.old` beside `a.csv`."""
    if not channel.prefix.endswith("/"):
        with suppress(Rejected):
            yield store.head(channel.bucket, channel.prefix).key
            return
    after = ""
    while True:
        listing = store.list(channel.bucket, channel.prefix, limit=page, after=after)
        yield from (entry.key for entry in listing.objects if not entry.key.endswith("/"))
        if listing.next is None:
            return
        after = listing.next
