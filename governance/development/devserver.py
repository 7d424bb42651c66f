"""``make run``: the whole product on this machine, for trial and development.

Starts all parts, prints each step with its time, waits until the product is ready, prints its address and how to sign
in, and stops everything in order on Ctrl-C. It listens on loopback only, because the demonstration's accounts are
public.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import platform
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.embedded.processes import Child

PROJECT = Path(__file__).resolve().parents[2]
FIRST_PORT = 8000
PORTS = 100
PATIENCE = 60.0
"""Maximum seconds for a part to get ready."""
QUICK = 5.0
"""An end within so many seconds counts as a failed start."""
FAILED_STARTS = 3
LOG_LIMIT = 10_000_000
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class StartupError(Exception):
    """The product was not started or cannot continue; the message says what to do."""


class Interrupted(BaseException):
    """The user or the system asked the process to end."""


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted; return the process's exit status."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if options.host not in LOOPBACK:
            raise StartupError(
                f"refused to listen on {options.host}: the demonstration's accounts are no secret, so it listens on "
                "this machine only. For others to reach it, install it with production settings."
            )
        _run(options.host, options.port, empty=options.empty)
    except StartupError as error:
        print(f"\n {_red('✗')} {error}\n", file=sys.stderr)
        return 1
    except Interrupted:
        return 0
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument(
        "--empty", action="store_true", help="without the demonstration; counts for the first start on a data folder"
    )
    parser.add_argument("--port", type=int, default=None, help=f"default: {FIRST_PORT}, or the next free one")
    return parser.parse_args(arguments)


_end_signals: list[str] = []


def _interrupt(number: int, _: object) -> None:
    # Raised in the main thread, possibly where exceptions are ignored; therefore it is stored as well.
    _end_signals.append(signal.Signals(number).name)
    _raise_if_interrupted()


def _raise_if_interrupted() -> None:
    if _end_signals:
        raise Interrupted(_end_signals[0])


def _run(host: str, wanted_port: int | None, *, empty: bool) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings.development")
    with _step(f"python {platform.python_version()}, packages"):
        import django  # noqa: PLC0415 - each step is timed where it happens
    var = Path(os.environ.get("COUNTERSIGN_VAR_DIR") or PROJECT / "var")
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_run(var) as announce:
        port = _free_port(host, wanted_port)
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        os.environ["PUBLIC_URL"] = url
        with _step("postgres and redis") as say:
            django.setup()
            say(_servers())
        with _step("database") as say:
            say(_migrate())
        with _step("first data") as say:
            hints = _load_initial_data(var, say, empty=empty)
        log = var / "log"
        log.mkdir(exist_ok=True)
        children = _children(host, port, var)
        try:
            with _step("web, worker, beat, sequencer"):
                for child in children:
                    _trim(child.log)
                    child.start()
                _wait_until_ready(url, children)
            announce(url)
            _print_ready(url, [*hints, *_log_key_hints()], log)
            _restart_dead(children)
        finally:
            _stop(children, var)


# --- steps -----------------------------------------------------------------------------------------------------------


def _servers() -> str:
    from django.conf import settings  # noqa: PLC0415 - settings start the embedded servers
    from django.db import connection  # noqa: PLC0415  # after the settings have started the servers

    from governance.health import redis_client  # noqa: PLC0415  # after the settings have started the servers

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    with redis_client() as client:
        redis = client.info("server")["redis_version"]
    embedded = "BEFORE_CONNECT" in settings.DATABASES["default"]
    where = f"embedded, {_short(settings.VAR_DIR)}" if embedded else "DATABASE_URL, REDIS_URL"
    return f"postgres {postgres}, redis {redis} ({where})"


def _migrate() -> str:
    from django.core.management import call_command  # noqa: PLC0415  # after the settings have started the servers
    from django.db import connection  # noqa: PLC0415  # after the settings have started the servers
    from django.db.migrations.recorder import MigrationRecorder  # noqa: PLC0415  # after the settings have started the servers

    recorder = MigrationRecorder(connection)
    before = len(recorder.applied_migrations())
    call_command("migrate", interactive=False, verbosity=0)
    after = len(recorder.applied_migrations())
    return f"database: {after} migrations, {after - before} of them new"


def _load_initial_data(var: Path, say: Callable[[str], None], *, empty: bool) -> list[tuple[str, str]]:
    """Load the first data of a new database; return hints for the user, as pairs of label and text."""
    from django.core.management import CommandError, call_command  # noqa: PLC0415  # after the settings have started the servers
    from django.db import connection  # noqa: PLC0415  # after the settings have started the servers

    mark = var / "empty"
    if empty:
        mark.touch()
    output = _Output()
    try:
        call_command("initialise" if mark.exists() else "demo", stdout=output)
    except CommandError as error:
        raise StartupError(str(error)) from error
    with (
        connection.cursor() as cursor
    ):  # the demonstration's history is complete: from now on events have the current time
        cursor.execute("SELECT fence.refuse_dated_events()")
    lines = output.getvalue().strip().splitlines()
    say(lines[0] if lines else "first data")
    return [("", line) for line in lines[1:]] if mark.exists() else _demo_hints(var)


class _Output(io.StringIO):
    """Collects the output of a command, and passes its progress to the terminal."""

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, text: str) -> int:
        if text.startswith("\r"):
            return sys.stdout.write(text)
        return super().write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def _demo_hints(var: Path) -> list[tuple[str, str]]:
    from governance.development.demo import install  # noqa: PLC0415  # after the settings have started the servers

    password = (var / install.PASSWORD_FILE).read_text().strip()
    made = install.made()
    request = f"/promotions/{made.first_for_marta}/   " if made.first_for_marta is not None else ""
    return [
        ("sign in as", f"marta    validation, {made.waiting_for_marta} reviews wait"),
        ("", "henrik   compliance · priya model author · ingrid auditor · eve executive · ada administrator"),
        ("password", f"{password}   for all of them; kept in {_short(var / install.PASSWORD_FILE)}"),
        ("try", f"/reviews/   {request}/models/   /audit/   /api/v1/docs"),
        ("client", 'export PATH="$PWD/bin:$PATH"   then `countersign --help`'),
    ]


def _log_key_hints() -> list[tuple[str, str]]:
    from governance.services import log_keeping  # noqa: PLC0415  # after the settings have started the servers

    state = log_keeping.configured_signer().state()
    if state is None:
        return []
    from audit.notes import VerificationKey  # noqa: PLC0415  # after the settings have started the servers

    key = VerificationKey.parse(state.keys[0])
    return [("log key", str(key)), ("", f"fingerprint {key.fingerprint}; keep both elsewhere")]


def _children(host: str, port: int, var: Path) -> list[Child]:
    """Describe the product's processes, in the order in which they are stopped."""
    module = [sys.executable, "-m"]
    path = os.pathsep.join([str(PROJECT / "bin"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
    celery = [*module, "celery", "--app=governance.celery:app"]
    worker = [
        *celery, "worker", "--loglevel=INFO", "--pool=prefork",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    commands = {
        "web": [
            *module, "governance.serving", f"--host={host}", f"--port={port}",
        ],
        "beat": [*celery, "beat", "--loglevel=INFO", "--pidfile=", f"--schedule={var / 'beat-schedule'}"],
        "worker": [
            *worker, "--concurrency=2", "--queues=celery,checks,copies,documents,webhooks",
        ],
        "sequencer": [sys.executable, str(PROJECT / "manage.py"), "run_sequencer"],
        "worker-large": [*worker, "--concurrency=1", "--queues=checks-large", "--hostname=large@%h"],
    }  # fmt: skip
    return [
        Child(name, command, var / "log" / f"{name}.log", environment, PROJECT) for name, command in commands.items()
    ]


def _wait_until_ready(url: str, children: list[Child]) -> None:
    from governance import liveness  # noqa: PLC0415  # after the settings have started the servers

    deadline = time.monotonic() + PATIENCE
    answer = "nothing"
    while True:
        _raise_if_interrupted()
        for child in children:
            if child.ended is not None:
                raise StartupError(f"{child.name} ended with {child.ended}:\n{child.last_lines()}")
        answer = _probe(f"{url}/readyz")
        missing = liveness.background().problems
        if answer == "ready" and not missing:
            return
        if time.monotonic() > deadline:
            waited_for = f"{url}/readyz, which says: {answer}"
            if answer == "ready":
                waited_for = f"workers and beat: {' '.join(missing)}"
            raise StartupError(f"gave up after {PATIENCE:.0f} s waiting for {waited_for}; see the logs in var/log/")
        time.sleep(0.05)


def _probe(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
            return "ready"
    except urllib.error.HTTPError as error:
        with error:
            parts = json.load(error).get("parts", {}) if error.code == 503 else {"http": str(error.code)}
        return ", ".join(f"{name}: {state}" for name, state in parts.items() if state != "ok")
    except OSError as error:
        return str(error)


def _restart_dead(children: list[Child]) -> None:
    """Restart parts that ended, until interrupted; give up on one that fails repeatedly."""
    from django.conf import settings  # noqa: PLC0415  # after the settings have started the servers

    heal = settings.DATABASES["default"].get("BEFORE_CONNECT", lambda: None)
    started = {child.name: time.monotonic() for child in children}
    failures = dict.fromkeys(started, 0)
    while True:
        _raise_if_interrupted()
        time.sleep(1)
        heal()
        for child in children:
            if child.ended is None:
                continue
            quick = time.monotonic() - started[child.name] < QUICK
            failures[child.name] = failures[child.name] + 1 if quick else 0
            if failures[child.name] >= FAILED_STARTS:
                raise StartupError(f"{child.name} does not stay up:\n{child.last_lines()}")
            print(f" {_red('!')} {child.name} ended with {child.ended}; starting it again (var/log/{child.name}.log)")
            started[child.name] = time.monotonic()
            child.start()


def _stop(children: list[Child], var: Path) -> None:
    """Stop in order; a second Ctrl-C shortens each wait."""
    from django.db import connections  # noqa: PLC0415  # after the settings have started the servers

    from governance import embedded  # noqa: PLC0415  # after the settings have started the servers

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print()
    for child in children:
        if child.process is not None:
            with _step(f"{child.name} stopped"):
                child.stop(patience=15)
    connections.close_all()
    if (var / "pg").exists():
        with _step("postgres and redis") as say:
            stopped = embedded.release(var)
            say("redis, postgres stopped" if stopped else "redis, postgres go on: another process uses them")


# --- one at a time, on a free port -----------------------------------------------------------------------------------


@contextmanager
def _only_run(var: Path) -> Iterator[Callable[[str], None]]:
    """Refuse a second run in the same clone, with the address of the first."""
    with (var / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartupError(
                f"already running: {file.read().strip() or 'it is just starting'}. Stop it with Ctrl-C there first."
            ) from None

        def announce(url: str) -> None:
            file.seek(0)
            file.truncate()
            file.write(url)
            file.flush()

        announce("")
        yield announce


def _free_port(host: str, wanted: int | None) -> int:
    for port in [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                print(f" · port {port} is taken")
                continue
            taken: int = probe.getsockname()[1]
            return taken
    raise StartupError("no free port: stop what uses it, or name one with `make run PORT=9000`")


# --- output ----------------------------------------------------------------------------------------------------------


@contextmanager
def _step(title: str) -> Iterator[Callable[[str], None]]:
    """Print a step when it is done, with its time; the step may replace its title."""
    titles = [title]
    started = time.monotonic()
    if sys.stdout.isatty():
        print(f" … {title}", end="\r", flush=True)
    yield titles.append
    width = min(shutil.get_terminal_size().columns, 100) - 12
    print(f" {_green('✓')} {titles[-1]:<{width}} {time.monotonic() - started:5.1f} s", flush=True)


def _print_ready(url: str, hints: list[tuple[str, str]], log: Path) -> None:
    mails = ("mail", f"nothing is sent: {url}/dev/mail/ shows the files of {_short(log.parent / 'mail')}/")
    output = [*hints, mails, ("stop", f"Ctrl-C; logs in {_short(log)}/")]
    lines = [f"   {'Countersign is ready':<23}{_bold(url)}", *(f"   {word:<23}{rest}" for word, rest in output)]
    print("\n".join(["", *lines, ""]), flush=True)


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path)


def _trim(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()


def _styled(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def _green(text: str) -> str:
    return _styled("32", text)


def _red(text: str) -> str:
    return _styled("31", text)


def _bold(text: str) -> str:
    return _styled("1", text)


if __name__ == "__main__":
    sys.exit(main())
