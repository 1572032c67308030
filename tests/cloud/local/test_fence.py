"""The fence holds: each attack runs in a real process that has fenced itself, and fails there."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.cloud.errors import Broken
from portal.cloud.local import fence

pytestmark = pytest.mark.skipif(not fence.available(), reason="this kernel has no Landlock of ABI 3 or later")

PRELUDE = """
import os, sys
from pathlib import Path
from portal.cloud.local import fence
box, outside = Path(sys.argv[1]), Path(sys.argv[2])
fence.restrict(read=[box / "in", *fence.system_paths()], write=[box / "out"], execute={execute}, network={network})
"""


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, Path]:
    box, outside = tmp_path / "box", tmp_path / "outside"
    for folder in (box / "in", box / "out", outside):
        folder.mkdir(parents=True)
    (box / "in" / "granted.txt").write_text("granted")
    (outside / "secret.txt").write_text("secret")
    return box, outside


def fenced(
    world: tuple[Path, Path], body: str, *more: str, execute: str = "()", network: bool = False
) -> subprocess.CompletedProcess[str]:
    code = PRELUDE.format(execute=execute, network=network) + textwrap.dedent(body)
    command = [sys.executable, "-c", code, str(world[0]), str(world[1]), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_what_is_granted_works(world: tuple[Path, Path]) -> None:
    done = fenced(
        world,
        """
        import shutil, multiprocessing, tempfile, zoneinfo, sqlite3
        assert (box / "in" / "granted.txt").read_text() == "granted"
        os.makedirs(box / "out" / "deep" / "er")
        shutil.copy2(box / "in" / "granted.txt", box / "out" / "deep" / "copy.txt")
        os.rename(box / "out" / "deep" / "copy.txt", box / "out" / "moved.txt")
        (box / "out" / "deep" / "er").rmdir()
        here, there = multiprocessing.Pipe()
        here.send(1)
        assert there.recv() == 1
        open("/dev/null", "w").write("x")
        zoneinfo.ZoneInfo("Europe/Berlin")
        import numpy, pyarrow
        print("fine")
        """,
    )
    assert done.stdout == "fine\n", done.stderr
    assert (world[0] / "out" / "moved.txt").read_text() == "granted"


ATTACKS = {
    "read": "open(outside / 'secret.txt').read()",
    "list": "os.listdir(outside)",
    "read /etc/passwd": "open('/etc/passwd').read()",
    "write": "open(outside / 'new.txt', 'w')",
    "append": "open(outside / 'secret.txt', 'a')",
    "truncate": "os.truncate(outside / 'secret.txt', 0)",
    "remove": "os.remove(outside / 'secret.txt')",
    "make a folder": "os.mkdir(outside / 'folder')",
    "move away": "os.rename(outside / 'secret.txt', box / 'out' / 'mine.txt')",
    "link in": "os.link(outside / 'secret.txt', box / 'out' / 'mine.txt')",
    "link out": "os.symlink(outside / 'secret.txt', box / 'out' / 'a'); open(box / 'out' / 'a').read()",
    "climb": "open(box / 'in' / '..' / '..' / 'outside' / 'secret.txt').read()",
    "write what may be read": "open(box / 'in' / 'granted.txt', 'w')",
    "remove what may be read": "os.remove(box / 'in' / 'granted.txt')",
    "own": "os.chown(outside / 'secret.txt', 1, 1)",
    "label": "os.setxattr(outside / 'secret.txt', 'user.a', b'b')",
    "execute": "import subprocess; subprocess.run(['/bin/true'])",
    "trace": (
        "import ctypes; l = ctypes.CDLL(None, use_errno=True)\n"
        "if l.ptrace(16, os.getppid(), 0, 0): raise OSError(ctypes.get_errno(), 'ptrace')"
    ),
    "parent's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "parent's files": "open(f'/proc/{os.getppid()}/root/etc/passwd').read()",
    "unfence": "fence.restrict(read=[Path('/')], write=[Path('/')]); open(outside / 'secret.txt').read()",
    "mount": (
        "import ctypes; l = ctypes.CDLL(None, use_errno=True)\n"
        "if l.mount(b'none', str(box / 'out').encode(), b'tmpfs', 0, 0): raise OSError(ctypes.get_errno(), 'mount')"
    ),
    "tcp": "import socket; socket.create_connection(('127.0.0.1', 1))",
    "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "raw": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "io_uring": (
        "import ctypes; l = ctypes.CDLL(None, use_errno=True); p = (ctypes.c_char * 120)()\n"
        "if l.syscall(425, 1, p) < 0: raise OSError(ctypes.get_errno(), 'io_uring')"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_is_not_granted_is_refused(world: tuple[Path, Path], attack: str) -> None:
    body = f"try:\n{textwrap.indent(attack, '    ')}\nexcept (OSError, fence.Broken) as error:\n"
    body += "    print('refused', getattr(error, 'errno', error))\nelse:\n    print('done')"
    done = fenced(world, body)
    assert done.stdout in ("refused 1\n", "refused 13\n", "refused 18\n"), (done.stdout, done.stderr)
    assert (world[1] / "secret.txt").read_text() == "secret"
    assert [path.name for path in world[1].iterdir()] == ["secret.txt"]


def test_modes_and_times_outside_stay(world: tuple[Path, Path]) -> None:
    before = (world[1] / "secret.txt").stat()
    done = fenced(
        world, "os.chmod(outside / 'secret.txt', 0o777); os.utime(outside / 'secret.txt', (0, 0)); print('on')"
    )
    assert done.stdout == "on\n", done.stderr
    after = (world[1] / "secret.txt").stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_descendants_are_fenced_too(world: tuple[Path, Path]) -> None:
    body = """
    import subprocess
    print(subprocess.run(["/bin/cat", outside / "secret.txt", box / "in" / "granted.txt"], stdout=-1).stdout.decode())
    """
    done = fenced(world, body, execute="fence.system_paths()")
    assert done.stdout == "granted\n"
    assert "Permission denied" in done.stderr


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("network", [False, True])
def test_the_network_is_reached_only_where_granted(world: tuple[Path, Path], listener: int, network: bool) -> None:
    body = "import socket; socket.create_connection(('127.0.0.1', int(sys.argv[3]))); print('connected')"
    done = fenced(world, body, str(listener), network=network)
    assert (done.stdout == "connected\n") is network


def test_a_unix_socket_by_path_is_out_of_reach(world: tuple[Path, Path]) -> None:
    path = world[0] / "in" / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))
        done = fenced(world, "import socket; socket.socket(socket.AF_UNIX).connect(str(box / 'in' / 's'))")
    assert "PermissionError" in done.stderr


@pytest.mark.skipif(fence.abi() < 6, reason="signals are fenced from ABI 6 on")
def test_others_cannot_be_signalled(world: tuple[Path, Path]) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        done = fenced(world, "import signal; os.kill(int(sys.argv[3]), signal.SIGKILL)", str(other.pid))
        assert "PermissionError" in done.stderr
        assert other.poll() is None
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()


def test_threads_that_would_stay_outside_are_an_error() -> None:
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    try:
        with pytest.raises(Broken, match="several threads"):
            fence.restrict(read=[], write=[])
    finally:
        leave.set()
        thread.join()


def test_a_grant_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from portal.cloud.local import fence; "
    code += "fence.restrict(read=[Path(sys.argv[1])], write=[])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "nothing")], capture_output=True, text=True, timeout=30, check=False
    )
    assert "A file that a program needs is not there." in done.stderr
