"""Where sockets lie. Read by settings.py, so nothing here may need Django."""

import hashlib
import os
from pathlib import Path

# sun_path of unix(7) takes 107 bytes; supervisor first binds `supervisor.sock.<pid>` beside the name it wants.
LONGEST_NAME = len("/supervisor.sock.4194304")
LONGEST_FOLDER = 107 - LONGEST_NAME


def run_folder(data: Path) -> Path:
    """The folder of the sockets: `run` in the data folder or, where that path is too long for a socket, one in /tmp
    that every process of this user finds by the data folder's name."""
    folder = data / "run"
    if len(os.fsencode(folder)) <= LONGEST_FOLDER:
        return folder
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path("/tmp") / f"skydeck-{os.getuid()}-{name}"  # noqa: S108 - folder.prepare() refuses it unless it is ours
