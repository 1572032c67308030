"""Uploads in parts: a folder an upload, a file a part, named by its number once it is whole."""

import hashlib
import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.local.disk import copy
from portal.cloud.local.layout import sync_folder, write_durably

MOST_PARTS = 10_000  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html


@dataclass(frozen=True)
class Upload:
    """An open upload: where it is bound for, and its folder."""

    bucket: str
    key: str
    content_type: str
    folder: Path


class Uploads:
    """The open uploads under one folder. An id is unguessable and opens only the bucket and key it was made for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def start(self, bucket: str, key: str, content_type: str) -> str:
        upload = secrets.token_hex(16)
        folder = self._root / upload
        folder.mkdir(mode=0o700)
        meta = {"bucket": bucket, "key": key, "content_type": content_type}
        write_durably(folder / "upload.json", json.dumps(meta).encode())
        sync_folder(self._root)
        return upload

    def find(self, bucket: str, key: str, upload: str) -> Upload:
        """The upload of this id for this very object. NotFound."""
        folder = self._root / upload
        if re.fullmatch(r"[0-9a-f]{32}", upload):
            with suppress(FileNotFoundError, ValueError):
                meta = json.loads((folder / "upload.json").read_bytes())
                if (meta["bucket"], meta["key"]) == (bucket, key):
                    return Upload(bucket, key, meta["content_type"], folder)
        raise NotFound("This upload is not known: it was completed, given up, or left too long. Start it again.")

    def check_part(self, part: int) -> None:
        if not 1 <= part <= MOST_PARTS:
            raise Rejected("INVALID_PART", f"Parts are numbered from 1 to {MOST_PARTS:,}; {part} is not one of them.")

    def put_part(self, bucket: str, key: str, upload: str, part: int, body: BinaryIO) -> str:
        """Take one part; its name appears when all of it is on the disk. The answer is its sha256."""
        folder = self.find(bucket, key, upload).folder
        self.check_part(part)
        temporary = folder / f".{secrets.token_hex(8)}"
        try:
            with open(temporary, "xb") as target:
                digest = copy(body, target)
                target.flush()
                os.fsync(target.fileno())
            os.replace(temporary, folder / f"{part:05}")
            sync_folder(folder)
        except FileNotFoundError:
            raise NotFound("This upload was completed or given up while a part was on its way.") from None
        finally:
            temporary.unlink(missing_ok=True)
        return digest

    def parts(self, bucket: str, key: str, upload: str) -> dict[int, int]:
        found = self._files(self.find(bucket, key, upload))
        return {int(file.name): file.stat().st_size for file in found}

    def join(self, upload: Upload, target: BinaryIO, sha256: str | None) -> str:
        """Write all parts in order to `target`; the answer is the sha256 of the whole. Rejected(UPLOAD_INCOMPLETE,
        CHECKSUM_MISMATCH)."""
        files = self._files(upload)
        if not files:
            raise Rejected("UPLOAD_INCOMPLETE", "No part of this file has arrived. Send its parts, then complete it.")
        checksum = hashlib.sha256()
        for file in files:
            with open(file, "rb") as source:
                copy(source, target, checksum)
        digest = checksum.hexdigest()
        if sha256 is not None and sha256.lower() != digest:
            raise Rejected(
                "CHECKSUM_MISMATCH",
                "The bytes that arrived are not the bytes that were sent: their SHA-256 differs. Send the parts again.",
            )
        return digest

    def abort(self, bucket: str, key: str, upload: str) -> None:
        with suppress(NotFound):
            shutil.rmtree(self.find(bucket, key, upload).folder, ignore_errors=True)
            sync_folder(self._root)

    def sweep(self, older_than: datetime) -> int:
        """Remove uploads whose folder was last written before `older_than`."""
        removed = 0
        for folder in self._root.iterdir():
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < older_than.timestamp():
                    shutil.rmtree(folder)
                    removed += 1
        return removed

    def _files(self, upload: Upload) -> list[Path]:
        return sorted(file for file in upload.folder.iterdir() if re.fullmatch(r"\d{5}", file.name))
