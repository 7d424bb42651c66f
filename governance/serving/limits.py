"""What one web process allows its clients. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one web process.

    Args:
        threads: worker threads, each with a database connection; one address uses all but two of them at most.
        upload_threads: threads for bodies larger than `buffered`, which are read as they arrive.
        buffered: bytes of a body that is received completely before a thread is used.
        header_seconds: seconds for the head of a request, and of rest between two requests of a connection.
        body_seconds: seconds a body may take, beside one for each `slowest` bytes of it that arrived.
        slowest: bytes a second below which a client counts as stalled.
        stalled_seconds: seconds in which a client accepts nothing of an answer before it is given up.
        bodies_per_address: bodies of one address that are incomplete at a time; one more ends the oldest.
        bodies: incomplete bodies of all addresses; one more ends the oldest.
        held_bytes: bytes of buffered bodies in memory; more end the oldest incomplete one.
        requests_per_address: requests of one address at a time, answers that are being sent included.
        requests: requests of all addresses at a time.
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
        """Worker threads one address uses at a time."""
        return max(1, self.threads - 2)

    @property
    def uploads_per_address(self) -> int:
        """Upload threads one address uses at a time."""
        return max(1, self.upload_threads - 1)
