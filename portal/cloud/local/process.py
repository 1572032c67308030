"""What a process of the local cloud does to itself first: die with its parent, and stay within limits."""

import ctypes
import math
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process as soon as `parent`, which started it, is gone, also by SIGKILL: prctl(2),
    PR_SET_PDEATHSIG."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it went before the kernel knew


def limit(memory: int, seconds: float, cpu_seconds: float, file_bytes: int) -> None:
    """Set limits for good: bytes of memory beyond what is mapped now, wall and processor seconds, bytes of any one
    file.

    The wall timer and RLIMIT_CPU kill, RLIMIT_AS lets an allocation fail, RLIMIT_FSIZE a write.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    cpu = math.ceil(cpu_seconds)
    for kind, value in (
        (resource.RLIMIT_AS, _mapped() + memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _mapped() -> int:
    """Bytes of address space in use: the first field of /proc/self/statm, proc(5)."""
    with open("/proc/self/statm") as handle:
        return int(handle.read().split()[0]) * resource.getpagesize()
