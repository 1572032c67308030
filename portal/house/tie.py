"""`python -m portal.house.tie COMMAND…`: become COMMAND, tied to the process that started us.

Linux kills it when that process ends in whatever way (prctl(2), PR_SET_PDEATHSIG; kept across execve), so that a killed
supervisor leaves nothing behind that would hold sockets and ports of the next one. Elsewhere it only becomes COMMAND.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(number: int = signal.SIGKILL) -> None:
    """Have this process signalled when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


if __name__ == "__main__":
    parent = os.getppid()
    tie()
    if os.getppid() != parent:  # it ended before the tie was made
        sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - becoming the command is what it is for
