"""The process that owns both servers: ``python -m governance.embedded.keeper VAR READY``, started by a lease."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from governance.embedded.leases import PATIENCE, open_lock, try_lock
from governance.embedded.processes import die_with_parent, drop_privileges, has_dac_override
from governance.embedded.servers import SUPERUSER, Addresses, addresses, binary, postgres_answers, redis_answers

PULSE = 0.25
"""Seconds between two checks of the children and the leases."""

LOG_LIMIT = 5_000_000
"""Size in bytes above which a server's log is overwritten at the next start."""

REDIS_DATABASES = 80
"""One for ``make run``, and those of the test slots."""

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "lc_messages": "C",
}


@dataclass(frozen=True)
class Identity:
    """The user the servers run as: the current one, or ``nobody`` under root."""

    user: int
    group: int
    changes: bool
    passes_everywhere: bool = False

    def assume(self) -> None:
        """Switch to that user, between fork and exec."""
        if self.changes:
            drop_privileges(self.user, self.group, may_pass_everywhere=self.passes_everywhere)

    def own(self, directory: Path) -> None:
        """Create a directory that only that user may enter.

        Raises:
            SystemExit: it exists and belongs to another user.
        """
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.is_symlink() or directory.lstat().st_uid not in {self.user, os.geteuid()}:
            raise SystemExit(f"{directory} belongs to someone else: have it removed")
        directory.chmod(0o700)
        if self.changes:
            os.chown(directory, self.user, self.group)


def server_identity(*must_reach: Path) -> Identity:
    """Determine the user the servers run as.

    Args:
        must_reach: files they have to open; under root these may be in directories closed to ``nobody``, such as /root.

    Raises:
        SystemExit: there is no user ``nobody``, or it has no access to the files.
    """
    if os.geteuid() != 0:
        return Identity(os.geteuid(), os.getegid(), changes=False)
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        raise SystemExit(
            "PostgreSQL refuses to run as root, and this machine has no user `nobody`: run as an ordinary user"
        ) from None
    closed = any(not parent.stat().st_mode & 0o001 for path in must_reach for parent in path.resolve().parents)
    if closed and not has_dac_override():
        raise SystemExit(
            "under root PostgreSQL runs as the user `nobody`, which has no access to this clone's directory: "
            "move the clone to a directory open to all users, such as /srv, or run as an ordinary user"
        )
    return Identity(account.pw_uid, account.pw_gid, changes=True, passes_everywhere=closed)


@dataclass
class Server:
    """One child process: its command, stop signal, and process. ``alive`` is the lock it inherits."""

    name: str
    command: list[str]
    stop_signal: signal.Signals
    log: Path
    identity: Identity
    alive: int
    before: Callable[[], None]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        """Start it as the servers' user, bound to die with this process."""
        self.before()

        def prepare() -> None:
            self.identity.assume()
            die_with_parent(self.stop_signal)

        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=[self.alive],
                preexec_fn=prepare,  # noqa: PLW1509 - the keeper has one thread
            )

    def tend(self) -> None:
        """Restart it if it died, with a pause that grows after each failure, up to two seconds."""
        if self.process is None or self.process.poll() is None:
            if self.failures and self.answers():
                self.failures = 0
            return
        if time.monotonic() < self.not_before:
            return
        say(f"{self.name} ended with {self.process.returncode}; starting it again")
        self.failures += 1
        self.not_before = time.monotonic() + min(2.0, PULSE * 2**self.failures)
        self.start()

    def stop(self) -> None:
        """Send the stop signal, and kill it after a timeout."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run_until_unused(var: Path, ready: int) -> None:
    """Run both servers until no lease is left. Returns at once if another keeper runs.

    Args:
        var: the data directory.
        ready: descriptor of a pipe that receives one byte when both servers accept connections.
    """
    lock = open_lock(var / "keeper.lock")
    if not try_lock(lock):
        os.write(ready, b".")
        return
    users = open_lock(var / "users.lock")
    where = addresses(var)
    identity = server_identity(var / "pg", binary("postgres"), binary("redis-server"))
    identity.own(where.directory)
    alive = wait_for_previous_servers(var, where)
    servers = [redis_server(var, where, identity, alive), postgres_server(var, where, identity, alive)]
    leaving = False

    def leave(*_: object) -> None:
        nonlocal leaving
        leaving = True

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    try:
        for server in servers:
            server.start()
        deadline = time.monotonic() + PATIENCE
        while not all(server.answers() for server in servers):
            if time.monotonic() > deadline:
                say("gave up waiting for the servers")
                return
            time.sleep(0.01)
            for server in servers:
                server.tend()
        os.write(ready, b".")
        os.close(ready)
        while not leaving and not try_lock(users):
            time.sleep(PULSE)
            for server in servers:
                server.tend()
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(where.directory, ignore_errors=True)


def redis_server(var: Path, where: Addresses, identity: Identity, alive: int) -> Server:
    """Describe Redis. It stores nothing on disk: due work is in the database, and the queue only triggers workers."""
    home = var / "redis"

    def before() -> None:
        identity.own(home)
        where.redis.unlink(missing_ok=True)

    return Server(
        name="redis",
        command=[
            str(binary("redis-server")), "--port", "0", "--unixsocket", str(where.redis), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--dir", str(home), "--daemonize", "no",
            "--databases", str(REDIS_DATABASES),
        ],
        stop_signal=signal.SIGTERM,
        log=var / "log" / "redis.log",
        identity=identity,
        alive=alive,
        before=before,
        answers=lambda: redis_answers(where),
    )  # fmt: skip


def postgres_server(var: Path, where: Addresses, identity: Identity, alive: int) -> Server:
    """Describe PostgreSQL. It is initialised at its first start; its settings are written at each start."""
    home = var / "pg"

    def before() -> None:
        if not (home / "PG_VERSION").exists() or not (home / "postgresql.auto.conf").exists():
            shutil.rmtree(home, ignore_errors=True)  # an interrupted initdb
            identity.own(home)
            subprocess.run(
                [
                    str(binary("initdb")), "-D", str(home), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                    "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
                ],
                check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                preexec_fn=identity.assume,
            )  # fmt: skip
        settings = POSTGRES_SETTINGS | {"unix_socket_directories": str(where.directory)}
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
        (home / "postgresql.auto.conf").write_text("".join(lines))

    return Server(
        name="postgres",
        command=[str(binary("postgres")), "-D", str(home)],
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, committed data is kept
        log=var / "log" / "postgres.log",
        identity=identity,
        alive=alive,
        before=before,
        answers=lambda: postgres_answers(where),
    )


def wait_for_previous_servers(var: Path, where: Addresses) -> int:
    """Wait until no server of an earlier keeper is left, and remove the files they left.

    Every server inherits this lock, so the kernel grants it when the last one has ended; otherwise a stopping Redis
    could remove the socket of its successor. Afterwards a process id in a file can only be that of an unrelated process
    or a zombie, which PostgreSQL would take for its own, so the files can be removed.

    Returns:
        The lock's descriptor, to be passed to the servers.
    """
    descriptor = open_lock(var / "servers.lock")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for left in (var / "pg" / "postmaster.pid", where.directory / ".s.PGSQL.5432.lock", where.postgres, where.redis):
        left.unlink(missing_ok=True)
    return descriptor


def open_log(path: Path) -> BinaryIO:
    """Open a server's log for appending, or empty if it has grown too large."""
    grown = path.exists() and path.stat().st_size > LOG_LIMIT
    return open(path, "wb" if grown else "ab")


def say(line: str) -> None:
    """Write one line to the keeper's own log."""
    print(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), line, flush=True)


if __name__ == "__main__":
    if os.fork():  # the keeper outlives its starter and is adopted by init
        os._exit(0)
    run_until_unused(Path(sys.argv[1]), int(sys.argv[2]))
