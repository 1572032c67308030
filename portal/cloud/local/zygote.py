"""The process that children are forked from: with libraries, a connection and its macros in place.

Run by `children.py` as `main(descriptor)`, the descriptor being a SOCK_SEQPACKET socket. Messages in: `fork`, with the
descriptor of the child's channel, and `kill <pid>`. Messages out, as JSON: {"forked": pid} in the order of the
requests, and {"exited": pid, "status": wait status}. It ends, and its children with it, when the server does.

It starts no thread, nor does the connection: a fork copies the calling thread alone, and the fence wants a child to
have no other. The allocator that comes with pyarrow has one, which is made for forks and is not missed after them.
"""

import json
import os
import select
import signal
import socket
import traceback
from typing import NoReturn

from portal.cloud.local import child, engine
from portal.cloud.local.process import die_with_parent


def main(descriptor: int, server: int) -> None:
    """Load what children need, then fork on request for as long as the process `server` is there."""
    die_with_parent(server)
    engine.load()
    connection = engine.warm()
    serve(socket.socket(fileno=descriptor), connection)


def serve(control: socket.socket, connection: engine.Connection) -> None:
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
                living.add(_fork(control, descriptors[0], (control, wake, waker), connection))
            elif (pid := int(message.split()[1])) in living:
                os.kill(pid, signal.SIGKILL)


def _fork(
    control: socket.socket, channel: int, others: tuple[socket.socket, ...], connection: engine.Connection
) -> int:
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        _become_child(socket.socket(fileno=channel), others, connection, zygote)
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


def _become_child(
    channel: socket.socket, others: tuple[socket.socket, ...], connection: engine.Connection, zygote: int
) -> NoReturn:
    """Never returns. What goes wrong ends this child alone and is seen by the server as its exit."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in others:
            other.close()
        die_with_parent(zygote)
        child.main(channel, connection)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
