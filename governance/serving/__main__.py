"""``python -m governance.serving``: the web server, as `make run`, the image and the tests start it."""

from __future__ import annotations

import argparse
import resource

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from governance.serving.limits import Limits

APPLICATION = "governance.serving.asgi:application"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m governance.serving", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=1, help="web processes; limits count in each for itself")
    options = parser.parse_args()
    limits = Limits()
    _allow_open_files(limits)
    Granian(
        APPLICATION,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.processes,
        # HTTP/2 without TLS has no use here, and granian has no header timeout for it.
        http=HTTPModes.http1,
        websockets=False,
        backpressure=limits.connections,
        http1_settings=HTTP1Settings(header_read_timeout=int(limits.header_seconds * 1000)),
        workers_kill_timeout=10,
    ).serve()


def _allow_open_files(limits: Limits) -> None:
    """Raise the limit of open files of this process: each connection needs one."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * limits.connections if most == resource.RLIM_INFINITY else min(most, 4 * limits.connections)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


if __name__ == "__main__":
    main()
