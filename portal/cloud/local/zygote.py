"""The process that children are forked from: it has the libraries loaded and no threads, so a fork costs milliseconds.

Run by `children.py` as `main(descriptor)`, the descriptor being a SOCK_SEQPACKET socket. Messages in: `fork`, with the
descriptor of the child's channel, and `kill <pid>`. Messages out, as JSON: {"forked": pid} in the order of the
requests, and {"exited": pid, "status": wait status}. It ends, and its children with it, when the server does.
"""

import json
import os
import select
import signal
import socket
import traceback
from importlib import import_module
from typing import NoReturn

from portal.cloud.local import engine
from portal.cloud.local.process import die_with_parent

PRELOAD = ("portal.cloud.local.child", "portal.cloud.local.inspect")


def main(descriptor: int) -> None:
    """Load what children need, then fork on request for as long as the server is there."""
    die_with_parent()
    for name in PRELOAD:
        import_module(name)
    engine.load()
    serve(socket.socket(fileno=descriptor))


def serve(control: socket.socket) -> None:
    """Fork, kill and reap until the other end is closed."""
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([control, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            _reap(control, living)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 64, 1)
            if not message:
                return
            if message == b"fork":
                living.add(_fork(control, descriptors[0], (control, wake, waker)))
            elif (pid := int(message.split()[1])) in living:
                os.kill(pid, signal.SIGKILL)


def _fork(control: socket.socket, channel: int, others: tuple[socket.socket, ...]) -> int:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        _become_child(socket.socket(fileno=channel), others)
    os.close(channel)
    control.send(json.dumps({"forked": pid}).encode())
    return pid


def _reap(control: socket.socket, living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        living.discard(pid)
        control.send(json.dumps({"exited": pid, "status": status}).encode())


def _become_child(channel: socket.socket, others: tuple[socket.socket, ...]) -> NoReturn:
    """Never returns. What goes wrong ends this child alone and is seen by the server as its exit."""
    from portal.cloud.local import child  # loaded above; named here so that tests may load another

    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in others:
            other.close()
        die_with_parent()
        child.main(channel)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
