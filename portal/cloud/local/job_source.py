"""Where a job's code comes from: a .py file, an archive, or a template. Archives are opened in a fenced process."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from portal.cloud.errors import Rejected
from portal.cloud.local import fence
from portal.cloud.local.process import die_with_parent

LARGEST_CODE = 256 * 1024**2  # bytes, unpacked
MOST_FILES = 10_000
ARCHIVES = (".zip", ".tar.gz", ".tgz")


def check_entry_point(name: str) -> None:
    """Rejected(BAD_SOURCE) unless `name` is a relative path of a .py file."""
    if not name.endswith(".py") or not _inside(name) or name.startswith("-"):
        raise Rejected("BAD_SOURCE", f"“{name}” cannot be the entry point. Name a .py file of the source: train.py.")


def check_kind(key: str) -> None:
    """Rejected(BAD_SOURCE) unless the source is of a kind that can be run."""
    if not key.endswith((".py", *ARCHIVES)):
        raise Rejected("BAD_SOURCE", f"“{key}” cannot be run. A source is a .py file, a .zip or a .tar.gz.")


def install(source: Path, key: str, entry_point: str, code: Path, fenced: bool) -> None:
    """Put the source into the folder `code`, so that `entry_point` lies there. Rejected(BAD_SOURCE)."""
    if source.is_dir():
        shutil.copytree(source, code, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    elif key.endswith(".py"):
        target = code / entry_point
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    else:
        _unpack_apart(source, key, code, fenced)
    if not (code / entry_point).is_file():
        names = sorted(str(path.relative_to(code)) for path in code.rglob("*.py"))
        held = f"It holds: {', '.join(names[:10])}." if names else "It holds no .py file."
        raise Rejected("BAD_SOURCE", f"The source has no “{entry_point}”. {held}")


def unpack(archive: Path, key: str, code: Path) -> None:
    """Write an archive's files under `code`: files and folders alone, inside it, within the limits."""
    room = LARGEST_CODE
    for count, (name, stream) in enumerate(_members(archive, key), start=1):
        if not _inside(name):
            raise Rejected("BAD_SOURCE", f"The archive has a file that leads out of it: “{name}”.")
        if count > MOST_FILES:
            raise Rejected("BAD_SOURCE", f"The archive has more than {MOST_FILES:,} files.")
        target = code / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as out:
            while block := stream.read(1024**2):
                room -= len(block)
                if room < 0:
                    raise Rejected("BAD_SOURCE", f"The archive is larger than {LARGEST_CODE // 1024**2} MB unpacked.")
                out.write(block)


def _members(archive: Path, key: str) -> Iterator[tuple[str, IO[bytes]]]:
    if key.endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise Rejected("BAD_SOURCE", f"The archive has a link: “{info.filename}”. Pack the file itself.")
                if not info.is_dir():
                    with zipped.open(info) as stream:
                        yield info.filename, stream
    else:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed:
                if member.isdir():
                    continue
                stream_or_none = packed.extractfile(member) if member.isreg() else None
                if stream_or_none is None:
                    raise Rejected("BAD_SOURCE", f"“{member.name}” is a link or a device. Pack files alone.")
                yield member.name, stream_or_none


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not {"\\", "\0"} & set(name)


def _unpack_apart(archive: Path, key: str, code: Path, fenced: bool) -> None:
    """unpack() in a process of its own that can reach nothing but the archive and the folder."""
    fence.system_paths()  # looked up before the fork
    parent, (answer, tell) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent(parent)
            if fenced:
                fence.restrict(read=[archive, *fence.system_paths()], write=[code])
            os.write(tell, _words_of_unpack(archive, key, code).encode())
        finally:
            os._exit(0)
    os.close(tell)
    with open(answer, "rb") as pipe:
        words = pipe.read().decode()
    os.waitpid(child, 0)
    if words != "done":
        raise Rejected("BAD_SOURCE", words or "The archive cannot be opened.")


def _words_of_unpack(archive: Path, key: str, code: Path) -> str:
    try:
        unpack(archive, key, code)
    except Rejected as error:
        return error.message
    except FileExistsError:
        return "The archive has the same file twice."
    except Exception:  # whatever a damaged archive does to the libraries that read it
        return "The archive cannot be opened: it is damaged, or not what its name says."
    return "done"
