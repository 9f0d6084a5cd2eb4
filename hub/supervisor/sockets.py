"""The listening sockets: one a worker slot, SO_REUSEPORT, opened once and inherited by each worker of the slot.

They stay open while a worker is replaced: closing one of several would reset the connections queued on it.
"""

from __future__ import annotations

import errno
import socket
import time

from hub.errors import StartError

PATIENCE_SECONDS = 3.0


def open_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` sockets listening on the same address. Raises StartError with what to do when it is taken."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            family, address = _resolve(host, port)
            _probe(family, address)
            return [_listen(family, address) for _ in range(count)]
        except OSError as error:
            # The workers of a killed supervisor need a moment to notice.
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise StartError(_explain(host, port, error)) from None


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise StartError(f"HUB_HOST {host!r} is no address of this machine: {error.strerror}") from None
    return info[0], (str(info[4][0]), port)


def _probe(family: socket.AddressFamily, address: tuple[str, int]) -> None:
    """Bind once without SO_REUSEPORT: with it, a second hub would share the port and steal every other connection."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(address)
    sock.listen(1024)
    sock.setblocking(False)
    return sock


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what listens there or choose another port (--port, HUB_PORT)"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one above 1023 (--port, HUB_PORT)"
    return f"cannot listen on {host}:{port}: {error.strerror}"
