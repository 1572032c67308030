"""The fence around what users brought: a process that called `restrict` reaches what it was granted and no more.

Landlock limits opening, making, removing and truncating files, TCP, abstract Unix sockets and signals to processes
outside; `seccomp.py` adds what Landlock cannot see; capabilities are dropped. Left open: stat() and the existence of
files by name, and the processor's time, which whoever starts the process limits.
Sources: landlock(7) and https://docs.kernel.org/userspace-api/landlock.html (syscalls, ABI versions), capabilities(7).
"""

import ctypes
import os
import stat
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from portal.cloud.errors import Broken
from portal.cloud.local import seccomp

MINIMUM_ABI = 3  # Linux 6.2. Before it, truncate() destroys files outside the fence.

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES_V3 = 0x20080522

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # the others are of folders alone
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract Unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@cache
def abi() -> int:
    """The kernel's Landlock ABI version; 0 where it has none or it is switched off."""
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(version, 0)


def available() -> bool:
    """Whether `restrict` can be relied upon on this machine."""
    return sys.platform == "linux" and abi() >= MINIMUM_ABI and seccomp.known()


def restrict(read: Sequence[Path], write: Sequence[Path], execute: Sequence[Path] = (), network: bool = False) -> None:
    """Fence the calling process and all it will start, for good.

    `read`, `write` and `execute` name files or folders (with all below them); writing and executing include reading.
    A file to be made is granted by its folder, or made before. Nothing can be executed unless granted, and a program
    needs its loader too: `system_paths()` has both. /dev/null is always granted. Without `network` no socket can be
    made at all, Unix sockets included; socketpair works.

    Threads that run already would stay outside the fence, so there must be none: with DuckDB or OpenBLAS, start with
    one thread and ask for more afterwards.

    Broken(UNFENCED) where the machine has no fence, Broken(FENCE_FAILED) otherwise; nothing is granted then.
    """
    if not available():
        raise Broken("UNFENCED", "This machine cannot fence off a program: it needs Linux 6.2 or later with Landlock.")
    if len(os.listdir("/proc/self/task")) > 1:
        raise Broken("FENCE_FAILED", "A program with several threads cannot be fenced off.")
    ruleset = _make_ruleset(network)
    try:
        _grant(ruleset, read, _READ_FILE | _READ_DIR)
        _grant(ruleset, execute, _READ_FILE | _READ_DIR | _EXECUTE)
        _grant(ruleset, (*write, Path("/dev/null")), _all_file_rights() & ~(_EXECUTE | _MAKE_CHAR | _MAKE_BLOCK))
        _check(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(_libc().syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    _drop_capabilities()
    seccomp.apply(network)


@cache
def system_paths() -> tuple[Path, ...]:
    """What a Python program needs of the system: libraries, Python and its packages, time zones, the CPU's facts."""
    paths = [sys.prefix, sys.base_prefix, sys.executable, os.path.realpath(sys.executable)]
    paths += [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    paths += ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/os-release"]
    paths += ["/dev/zero", "/dev/random", "/dev/urandom", "/sys/devices/system", "/sys/fs/cgroup"]
    paths += [
        f"/proc/{name}" for name in ("cpuinfo", "meminfo", "stat", "version", "filesystems", "sys/kernel", "sys/vm")
    ]
    return tuple(dict.fromkeys(Path(path) for path in paths if os.path.exists(path)))


def _make_ruleset(network: bool) -> int:
    version = abi()
    attributes = _Ruleset(
        files=_all_file_rights(),
        network=_TCP if version >= 4 and not network else 0,
        scoped=_SCOPES if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor: int = _libc().syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    return _check(descriptor)


def _grant(ruleset: int, paths: Sequence[Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            raise Broken("FENCE_FAILED", "A file that a program needs is not there.") from error
        try:
            folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = rights & _all_file_rights() & (-1 if folder else _ON_FILES)
            rule = _PathRule(allowed=allowed, parent=descriptor)
            _check(_libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
        finally:
            os.close(descriptor)


def _all_file_rights() -> int:
    """All rights on files that the kernel knows: 15 of them with ABI 3, device ioctls from ABI 5 on."""
    return (1 << (16 if abi() >= 5 else 15)) - 1


def _drop_capabilities() -> None:
    """A program of root's must not keep root's powers (to load modules, to reboot, to pass over modes)."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(_libc().capset(header, none))


def _check(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise Broken("FENCE_FAILED", "The system did not let the program be fenced off.") from OSError(
            code, os.strerror(code)
        )
    return answer


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
