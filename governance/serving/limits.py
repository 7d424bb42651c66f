"""Limits that one web process sets for its clients. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one web process.

    Args:
        threads: worker threads, each with a database connection; one address uses at most all but two of them.
        upload_threads: threads for bodies larger than `buffered`, which are read as they arrive.
        buffered: maximum bytes of a body that is received completely before a thread is used.
        header_seconds: seconds for the header of a request, and of idle time between two requests of a connection.
        body_seconds: seconds a body may take, plus one for each `slowest` bytes received.
        slowest: bytes per second below which a client counts as stalled.
        stalled_seconds: seconds without progress of a response after which it is given up.
        bodies_per_address: incomplete bodies of one address at a time; one more ends the oldest.
        bodies: incomplete bodies of all addresses; one more ends the oldest.
        held_bytes: bytes of buffered bodies in memory; more end the oldest incomplete one.
        requests_per_address: concurrent requests of one address, including responses being sent.
        requests: concurrent requests of all addresses.
        connections: connections of a process; further ones wait in the kernel.
    """

    threads: int = 8
    upload_threads: int = 4
    buffered: int = 2 * 1024 * 1024
    header_seconds: float = 10.0
    body_seconds: float = 15.0
    slowest: int = 16 * 1024
    stalled_seconds: float = 30.0
    bodies_per_address: int = 16
    bodies: int = 256
    held_bytes: int = 128 * 1024 * 1024
    requests_per_address: int = 128
    requests: int = 1_024
    connections: int = 8_192

    @property
    def threads_per_address(self) -> int:
        """Maximum concurrent worker threads of one address."""
        return max(1, self.threads - 2)

    @property
    def uploads_per_address(self) -> int:
        """Maximum concurrent upload threads of one address."""
        return max(1, self.upload_threads - 1)
