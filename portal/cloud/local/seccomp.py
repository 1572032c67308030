"""A system-call filter beside Landlock, for what Landlock cannot see: sockets, and who owns a file and how.

Landlock (ABI 7) leaves these open to a fenced process of the same user: UDP, Unix sockets by path (the broker's and the
local cloud's own), chmod, chown, utime and extended attributes of any file whose folder it may walk through.
Sources: landlock(7) "Current limitations", seccomp(2), linux/seccomp.h, linux/filter.h.
"""

import ctypes
import errno
import platform
import struct

from portal.cloud.errors import Broken

# Refused with EPERM. socketpair stays: multiprocessing.Pipe needs it and it reaches nobody outside.
_NETWORK = {"x86_64": (41,), "aarch64": (198,)}  # socket
_REFUSED = {
    # io_uring opens sockets past any filter; chown ×4; setxattr and removexattr ×8
    "x86_64": (425, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199, 463, 466),
    "aarch64": (425, 54, 55, 5, 6, 7, 14, 15, 16, 463, 466),
}
# Answered as done, without being done: shutil.copy and archives set modes and times and would fail on a refusal.
_QUIET = {
    "x86_64": (90, 91, 268, 452, 132, 235, 261, 280),  # chmod ×4, utime ×4
    "aarch64": (52, 53, 452, 88),
}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ARCH_OFFSET, _NUMBER_OFFSET = 4, 0


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def known() -> bool:
    """Whether the numbers of this machine's system calls are known here."""
    return platform.machine() in _AUDIT_ARCH


def apply(network: bool) -> None:
    """Filter the calling thread and all it starts. Needs no_new_privs. Broken(FENCE_FAILED)."""
    machine = platform.machine()
    refused = _REFUSED[machine] + (() if network else _NETWORK[machine])
    code = _program(_AUDIT_ARCH[machine], refused, _QUIET[machine])
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise Broken("FENCE_FAILED", "The system did not let the program be fenced off.")


def _program(arch: int, refused: tuple[int, ...], quiet: tuple[int, ...]) -> bytes:
    """The filter in classic BPF. A call of another architecture (32-bit, x32) is refused, whatever it is."""
    refuse = _ERRNO | errno.EPERM
    steps = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JUMP_ABOVE, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, refuse),
    ]
    for numbers, answer in ((refused, refuse), (quiet, _ERRNO)):
        for number in numbers:
            steps += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
