"""The embedded servers: shared by many processes, gone with the last, and back after whatever is killed.

Everything here runs on data directories of its own, never on the one the tests themselves use.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from governance import embedded
from governance.embedded import servers
from tests.waiting import PATIENCE, wait_until

PROJECT = Path(__file__).resolve().parents[2]


USER = """
import sys
from pathlib import Path
from governance import embedded
embedded.ensure(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    embedded.ensure(Path(sys.argv[1]))
    print("again", flush=True)
"""

ORDINARY = """
import os, sys
from pathlib import Path
from governance import embedded
where = embedded.ensure(Path(sys.argv[1]))
print(os.geteuid(), where.redis.exists())
"""


class Users:
    """Processes that use the servers of one data directory."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.where = embedded.addresses(var)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, **how: Any) -> subprocess.Popen[str]:
        """Start one more, without waiting for it."""
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(self.var)],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **how,
        )
        self.started.append(process)
        return process

    def join(self) -> subprocess.Popen[str]:
        """Start one more, and wait until it has the servers."""
        process = self.start()
        assert self.said(process) == "ready"
        return process

    def again(self, process: subprocess.Popen[str]) -> None:
        """Let a user that is there already ensure the servers once more."""
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        assert self.said(process) == "again"

    @staticmethod
    def said(process: subprocess.Popen[str]) -> str:
        assert process.stdout
        line: str = process.stdout.readline()
        return line.strip()

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()

    def processes(self, word: str) -> list[int]:
        """Numbers of the processes of this data directory that have the word in their command."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                mine = str(self.var) in command or str(self.where.directory) in command
                if entry.name.isdigit() and mine and word in command and USER not in command:
                    found.append(int(entry.name))
        return found

    def sql(self, statement: str) -> Any:
        connection = psycopg2.connect(host=str(self.where.directory), user="postgres", dbname="postgres")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone() if cursor.description else None
        finally:
            connection.close()

    def ping(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.where.redis)) as client:
            return bool(client.ping())


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Users]:
    # Pytest's directories are closed to others, so under root this is the case of a clone in /root as well.
    there = Users(tmp_path / "var")
    yield there
    there.end()
    wait_until(lambda: not there.processes(""))


def test_both_servers_answer_and_only_their_user_may_enter(users: Users) -> None:
    users.join()

    assert users.sql("SELECT current_setting('server_version_num')::int >= 180000") == (True,)
    assert users.ping()
    assert users.where.directory.stat().st_mode & 0o777 == 0o700
    (postgres,) = users.processes("bin/postgres")
    assert Path(f"/proc/{postgres}").stat().st_uid != 0


def test_a_directory_open_to_all_needs_no_right_of_root() -> None:
    directory = Path(tempfile.mkdtemp(prefix="countersign-open-", dir="/tmp"))
    directory.chmod(0o755)
    users = Users(directory / "var")
    try:
        users.join()
        (postgres,) = users.processes("bin/postgres")
        status = Path(f"/proc/{postgres}/status").read_text()
        held = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
        readable = all(parent.stat().st_mode & 0o001 for parent in embedded.binary("postgres").parents)
        assert int(held, 16) == 0 or not readable
    finally:
        users.end()
        wait_until(lambda: not users.processes(""))
        shutil.rmtree(directory)


def test_servers_stop_with_the_last_user_however_it_ends(users: Users) -> None:
    first, second = users.join(), users.join()
    first.kill()
    first.wait()
    users.again(second)
    assert users.ping()

    second.kill()
    second.wait()

    wait_until(lambda: not users.processes(""))
    assert not users.where.directory.exists()


def test_first_users_at_once_get_one_keeper(users: Users) -> None:
    together = [users.start() for _ in range(6)]

    assert [users.said(process) for process in together] == ["ready"] * 6
    assert len(users.processes("embedded.keeper")) == 1
    assert len(users.processes("bin/postgres")) == 1


def test_postgres_killed_comes_back_with_what_was_committed(users: Users) -> None:
    user = users.join()
    users.sql("CREATE TABLE kept AS SELECT 42 AS value")
    (postmaster,) = users.processes("bin/postgres")

    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{postmaster}").exists() or users.processes("bin/postgres") != [postmaster])
    users.again(user)

    assert users.sql("SELECT value FROM kept") == (42,)


def test_redis_killed_comes_back(users: Users) -> None:
    user = users.join()
    (server,) = users.processes("redis-server")

    os.kill(server, signal.SIGKILL)
    wait_until(lambda: users.processes("redis-server") not in ([], [server]))
    users.again(user)

    assert users.ping()


@pytest.mark.parametrize("also_postgres", [False, True], ids=["keeper", "keeper and postgres"])
def test_keeper_killed_is_replaced_by_a_user_that_is_there_already(users: Users, also_postgres: bool) -> None:
    user = users.join()
    users.sql("CREATE TABLE kept AS SELECT 42 AS value")
    (keeper,) = users.processes("embedded.keeper")
    victims = [keeper, *users.processes("bin/postgres")] if also_postgres else [keeper]

    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: keeper not in users.processes("embedded.keeper"))
    users.again(user)

    assert users.sql("SELECT value FROM kept") == (42,)
    assert users.ping()
    assert len(users.processes("embedded.keeper")) == 1


def test_a_number_left_by_an_earlier_boot_is_not_taken_for_postgres(users: Users) -> None:
    first = users.join()
    first.kill()
    first.wait()
    wait_until(lambda: not users.processes(""))
    (users.var / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{users.var / 'pg'}\n0\n5432\n\n\n")

    users.join()

    assert users.sql("SELECT 1") == (1,)


def test_reset_refuses_while_in_use_and_empties_afterwards(users: Users) -> None:
    user = users.join()
    (users.var / "artifacts").mkdir()

    with pytest.raises(embedded.EmbeddedError, match="in use"):
        embedded.reset(users.var, wait=0.1)
    assert users.ping()

    user.kill()
    user.wait()
    embedded.reset(users.var, wait=PATIENCE)

    assert {path.suffix for path in users.var.iterdir()} == {".lock"}


def test_never_under_production_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "governance.settings")

    with pytest.raises(embedded.EmbeddedError, match="never for production"):
        embedded.ensure(tmp_path / "var")

    assert not (tmp_path / "var").exists()


def test_sockets_lie_in_the_data_directory_where_tmp_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "SOCKETS", tmp_path / "missing")
    var = Path("/srv/countersign/var")

    assert embedded.addresses(var).directory.parent == var
    assert len(os.fsencode(embedded.addresses(var).postgres)) <= servers.LONGEST_SOCKET
    with pytest.raises(embedded.EmbeddedError, match="too long for a socket"):
        embedded.addresses(Path("/srv") / ("c" * 100) / "var")


@pytest.mark.skipif(os.geteuid() != 0, reason="already an ordinary user: every other test here shows it")
def test_ordinary_user(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    python = _python_for(nobody)
    directory = Path(tempfile.mkdtemp(prefix="countersign-ordinary-", dir="/tmp"))
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    packages = str(embedded.binary("postgres").parents[3])
    try:
        outcome = subprocess.run(
            [
                python,
                "-c",
                ORDINARY,
                str(directory / "var"),
            ],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{PROJECT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (outcome.stdout, outcome.stderr) == (f"{nobody.pw_uid} True\n", "")
    finally:
        wait_until(lambda: not Users(directory / "var").processes(""))
        shutil.rmtree(directory)


def _python_for(user: pwd.struct_passwd) -> str:
    """Find an interpreter that user may run: that of a virtual environment may lie under /root."""
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            tried = subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                user=user.pw_uid,
                group=user.pw_gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            )
            if tried.returncode == 0:
                return candidate
    pytest.skip("no Python 3.11 that an ordinary user may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_who_gives_up_root_may_keep_the_right_to_pass_and_no_other(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = Path(shutil.copy("/bin/true", closed / "true"))

    def told(*, may_pass_everywhere: bool) -> str:
        statement = (
            "import os, sys; from governance.embedded.processes import drop_privileges; "
            f"drop_privileges({nobody.pw_uid}, {nobody.pw_gid}, may_pass_everywhere={may_pass_everywhere}); "
            f"print(os.getuid(), os.getgroups(), os.access({str(program)!r}, os.X_OK), os.access('/root', os.W_OK))"
        )
        outcome = subprocess.run(
            [sys.executable, "-c", statement], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        return outcome.stdout.strip()

    assert told(may_pass_everywhere=False) == f"{nobody.pw_uid} [] False False"
    assert told(may_pass_everywhere=True) == f"{nobody.pw_uid} [] True False"
