"""Options of the listening socket that granian has no setting for."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def end_stalled_connections(seconds: float) -> None:
    """Let the kernel end connections whose peer acknowledges or accepts nothing for so long (TCP_USER_TIMEOUT).

    Set on every listening socket of this process; accepted connections inherit it. Covers what the application no
    longer sees: an answer that is completely in the server's and the kernel's buffers.

    Args:
        seconds: how long a peer may accept nothing.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
                found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
