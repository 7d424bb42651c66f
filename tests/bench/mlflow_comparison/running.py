"""The two servers that are compared, on one embedded PostgreSQL: ours as `make run` runs it, and a stock `mlflow`.

Each has a database of its own and as many workers as the other. Neither runs anything else: no checks here, no job
runner there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from governance import embedded
from tests.bench.mlflow_comparison.asking import Server

PROJECT = Path(__file__).resolve().parents[3]
MLFLOW = PROJECT / ".venv-mlflow" / "bin" / "mlflow"
PATIENCE = 180.0
"""Seconds a server may take to answer."""
DATABASE = "stock_mlflow"

PREPARED = """
import json, sys
import django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from audit import clock
from audit.actor import process
from registry.access import SCOPES
from registry.models import User
from registry.services import people, tokens
call_command("migrate", interactive=False, verbosity=0)
call_command("initialise", stdout=sys.stderr)
actor = process("bench")
who = sys.argv[1]
person = User.objects.filter(username=who).first() or people.register_person(
    actor=actor, username=who, name=who, kind=User.Kind.SERVICE
)
by = actor
if person.kind != User.Kind.SERVICE:
    from registry import access
    by = access.actor_for(person)
ends = clock.now() + timedelta(days=1)
print(tokens.issue(actor=by, person=person, name="bench", scopes=SCOPES, expires_at=ends, model_slugs=None)[1])
"""
"""Brings the database up to date and prints a token of the account that is named; makes the account where needed."""


@contextmanager
def ours(var: Path, workers: int) -> Iterator[Server]:
    """Our server on that data directory. Reading and writing are one service account's until something is loaded."""
    environ = environment(var)
    token = new_token(var, "bench")
    port = _free_port()
    command = [
        sys.executable, "-m", "governance.serving", f"--processes={workers}", "--host=127.0.0.1", f"--port={port}",
    ]  # fmt: skip
    database = f"host={embedded.addresses(var).directory} user={embedded.SUPERUSER} dbname=countersign"
    with _started("countersign", command, environ, var / "ours.log", f"http://127.0.0.1:{port}/healthz") as pid:
        yield Server("Countersign", port, pid, database, reads=token, writes=token)


@contextmanager
def bare(var: Path) -> Iterator[int]:
    """A bare Django view on the database of that data directory (`tests.bench.bare`): the port."""
    port = _free_port()
    environ = {**environment(var), "DJANGO_SETTINGS_MODULE": "tests.bench.bare"}
    command = [sys.executable, "-m", "governance.serving", "--processes=1", "--host=127.0.0.1", f"--port={port}"]
    with _started("bare view", command, environ, var / "bare.log", f"http://127.0.0.1:{port}/healthz"):
        yield port


@contextmanager
def stock(var: Path, workers: int) -> Iterator[Server]:
    """A stock MLflow server, its database beside ours on the same PostgreSQL. psycopg2, not psycopg 3, where moving a
    version between stages fails on types."""
    where = embedded.addresses(var).directory
    database = f"host={where} user={embedded.SUPERUSER} dbname={DATABASE}"
    connection = psycopg2.connect(f"host={where} user={embedded.SUPERUSER} dbname=postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    connection.close()
    store = f"postgresql+psycopg2://{embedded.SUPERUSER}@/{DATABASE}?host={where}"
    with serving(var, store, workers) as (port, pid):
        yield Server("MLflow", port, pid, database)


@contextmanager
def serving(folder: Path, store: str, workers: int = 1) -> Iterator[tuple[int, int]]:
    """A stock MLflow server with that store (an SQLAlchemy address), its artifacts in the folder: port and process."""
    port = _free_port()
    command = [
        str(MLFLOW), "server", f"--backend-store-uri={store}", f"--artifacts-destination={folder / 'mlflow-artifacts'}",
        "--host=127.0.0.1", f"--port={port}", f"--workers={workers}",
    ]  # fmt: skip
    environ = {
        **os.environ,
        "PATH": f"{MLFLOW.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with _started("mlflow", command, environ, folder / "mlflow.log", f"http://127.0.0.1:{port}/health") as pid:
        yield port, pid


def new_token(var: Path, username: str) -> str:
    """A token with every scope for an account of ours."""
    made = subprocess.run(
        [sys.executable, "-c", PREPARED, username],
        cwd=PROJECT,
        env=environment(var),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return made.stdout.split()[-1]


def loaded(var: Path, models: int, versions: int) -> tuple[list[str], str, str]:
    """Fill our database through `tests.bench.bulk`, once for a data directory: the writer's models, a token that reads
    and one that writes."""
    kept = var / "made.json"
    if not kept.exists():
        command = ["-m", "tests.bench.bulk.loading", f"--models={models}", f"--versions={versions}"]
        done = subprocess.run(
            [sys.executable, *command],
            cwd=PROJECT,
            env=environment(var),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        kept.write_text(done.stdout)
    made = json.loads(kept.read_text())
    return made["models"], made["reader_token"], new_token(var, "owner-0")


def environment(var: Path) -> dict[str, str]:
    """What our processes are given."""
    settings = {"COUNTERSIGN_VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "governance.settings.development"}
    return {**os.environ, **settings, "PYTHONPATH": str(PROJECT), "COUNTERSIGN_LOG_LEVEL": "WARNING"}


@contextmanager
def _started(name: str, command: list[str], environ: Mapping[str, str], log: Path, address: str) -> Iterator[int]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=dict(environ), stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
