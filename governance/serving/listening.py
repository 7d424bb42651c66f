"""Options of the listening socket for which granian has no setting."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def end_stalled_connections(seconds: float) -> None:
    """Have the kernel end connections whose peer acknowledges or accepts nothing for too long (TCP_USER_TIMEOUT).

    Set on every listening socket of this process; accepted connections inherit it. It covers responses that are
    completely in the buffers of server and kernel, which the application no longer sees.

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
