"""The MLflow interface compared with a stock `mlflow server`: the same requests in turn.

    make bench-mlflow
    make bench-mlflow ARGS="--large --keep var/bench-mlflow"      # 10,000 models as well; loaded once

Both use one embedded PostgreSQL, each with its own database, and the same number of workers. The product checks a token
and the permission, and writes an audit event with every change; MLflow does none of these. Every request goes to one
and then to the other over kept connections that acknowledge at once (see `asking.Connection`). The result is the ratio
of MLflow's figure to that of the product: above 1 the product is faster. Noise of the machine affects both alike;
processor time (server with its workers, and the PostgreSQL processes for it) varies less.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from governance import embedded
from tests.bench.mlflow_comparison import filling, running
from tests.bench.mlflow_comparison.asking import Asked, Connection, Server

WARM = 5
"""Requests of each kind before any is counted."""
CLIENTS = 8
TURNS = 3
NOT_A_PROMPT = "tag.`mlflow.prompt.is_prompt` != 'true'"
"""What every client adds to a search of models."""

Question = Callable[[Server, int], Asked]


def _model(to: Server, count: int) -> str:
    """Another model each time."""
    return to.models[count * 7 % len(to.models)]


def _read(path: str, **fields: Callable[[Server, int], Any] | str | int) -> Question:
    def question(to: Server, count: int) -> Asked:
        return Asked(
            "GET", path, {key: value(to, count) if callable(value) else value for key, value in fields.items()}
        )

    return question


def _write(path: str, **fields: Callable[[Server, int], Any] | str) -> Question:
    def question(to: Server, count: int) -> Asked:
        sent = {key: value(to, count) if callable(value) else value for key, value in fields.items()}
        return Asked("POST", path, sent, writes=True)

    return question


RUN = f"{os.getpid()}-{int(time.time())}"


def _turned(to: Server, count: int) -> bool:
    """False, then True, then False … for one model, however many there are: each write changes something."""
    return bool(count // len(to.models) % 2)


def _each(to: Server, count: int) -> str:
    """Each model in turn, from another one in every run: of kept data, the first were turned by the run before."""
    return to.models[(count + os.getpid() * 101) % len(to.models)]


KINDS: dict[str, Question] = {
    "create model": _write("registered-models/create", name=lambda to, count: f"bench-{RUN}-{count}"),
    "create version": _write(
        "model-versions/create", name=_model, source=lambda to, count: f"s3://bench/{RUN}/{count}"
    ),
    "get version": _read("model-versions/get", name=_model, version=5),
    "get by alias": _read("registered-models/alias", name=_model, alias=filling.ALIAS),
    "get model": _read("registered-models/get", name=_model),
    "set alias": _write(
        "registered-models/alias", name=_each, alias="trial", version=lambda to, count: "12"[_turned(to, count)]
    ),
    "set tag": _write(
        "model-versions/set-tag", name=_model, version="2", key="bench", value=lambda to, count: f"{RUN}-{count}"
    ),
    "transition": _write(
        "model-versions/transition-stage",
        name=_each,
        version="3",
        stage=lambda to, count: "None" if _turned(to, count) else "Archived",
    ),
    "search models, all": _read("registered-models/search", filter=NOT_A_PROMPT, max_results=100),
    "search models, name": _read(
        "registered-models/search", filter=f"name ILIKE '%fraud%' AND {NOT_A_PROMPT}", max_results=100
    ),
    "search models, tag": _read(
        "registered-models/search", filter=f"tags.area = 'credit' AND {NOT_A_PROMPT}", max_results=100
    ),
    "search versions, all": _read("model-versions/search", max_results=100),
    "search versions, model": _read(
        "model-versions/search", filter=lambda to, count: f"name = '{_model(to, count)}'", max_results=10000
    ),
}
AT_ONCE = ("get by alias", "create version")


def main() -> None:
    """Start both, fill both, ask in turn, say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--large", action="store_true", help="with --models models as well, after the 20")
    parser.add_argument("--models", type=int, default=10_000, help="of --large (default: 10,000)")
    parser.add_argument("--versions", type=int, default=10, help="of each model (default: 10)")
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind (default: 60)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of each server (default: 1)")
    parser.add_argument("--seconds", type=float, default=3.0, help=f"of each of {TURNS} turns of {CLIENTS} clients")
    parser.add_argument("--keep", type=Path, help="a folder to load --large into once and to use again")
    options = parser.parse_args()
    if not running.MLFLOW.exists():
        raise SystemExit("no MLflow in .venv-mlflow: `make bench-mlflow` installs it")
    for models in (20, options.models) if options.large else (20,):
        with ExitStack() as stack:
            kept = options.keep if models != 20 else None
            folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countersign-bench-")))
            var = folder.resolve()
            var.mkdir(parents=True, exist_ok=True)
            stack.callback(embedded.release, var)
            embedded.ensure(var)
            here = stack.enter_context(running.ours(var, options.workers))
            there = stack.enter_context(running.stock(var, options.workers))
            if models == 20:
                filling.through_the_door((here, there), models, options.versions)
            else:
                filling.in_bulk(var, here, there, models, options.versions)
            _compare(here, there, models, options)


def _compare(here: Server, there: Server, models: int, options: argparse.Namespace) -> None:
    print(
        f"\n{models:,} models, {models * options.versions:,} versions; {options.workers} worker(s) each; "
        f"{options.rounds} requests of each kind, in turn; load of the machine {os.getloadavg()[0]:.1f}\n"
        f"{'':24}{here.name + ', ms':>16}{there.name + ', ms':>16}{'ratio':>16}{'CPU a request, ms':>26}\n"
        f"{'':24}{'median':>8}{'95 %':>8}{'median':>8}{'95 %':>8}{'median':>8}{'95 %':>8}"
        f"{'ours':>10}{'theirs':>8}{'ratio':>8}",
        flush=True,
    )
    for kind, question in KINDS.items():
        for count in range(WARM):
            for to in (here, there):
                to.ask(kind, question(to, count), counted=False)
        before = [to.processor() for to in (here, there)]
        for count in range(WARM, WARM + options.rounds):
            # Which goes first changes, so that neither always comes after the other's work.
            for to in (here, there) if count % 2 else (there, here):
                to.ask(kind, question(to, count), counted=True)
        spent = [(to.processor() - then) / options.rounds for to, then in zip((here, there), before, strict=True)]
        mine, theirs = _cuts(here.times[kind]), _cuts(there.times[kind])
        print(
            f"{kind:24}{mine[0]:8.1f}{mine[1]:8.1f}{theirs[0]:8.1f}{theirs[1]:8.1f}"
            f"{theirs[0] / mine[0]:8.2f}{theirs[1] / mine[1]:8.2f}"
            f"{spent[0]:10.1f}{spent[1]:8.1f}{_over(spent[1], spent[0]):8.2f}",
            flush=True,
        )
    print(
        f"\n{f'{CLIENTS} clients at once':24}{'ours /s':>16}{'theirs /s':>16}{'ours/theirs':>16}"
        f"{'CPU a request, ms':>26}"
    )
    for kind in AT_ONCE:
        rates: dict[str, list[float]] = {here.name: [], there.name: []}
        costs: dict[str, list[float]] = {here.name: [], there.name: []}
        for _ in range(TURNS):
            for to in (here, there):
                before_turn = to.processor()
                done, seconds = _at_once(to, kind, options.seconds)
                rates[to.name].append(done / seconds)
                costs[to.name].append((to.processor() - before_turn) / max(done, 1))
        mine_rate, their_rate = (statistics.median(rates[to.name]) for to in (here, there))
        mine_cost, their_cost = (statistics.median(costs[to.name]) for to in (here, there))
        print(
            f"{kind:24}{mine_rate:16.0f}{their_rate:16.0f}{mine_rate / their_rate:16.2f}"
            f"{mine_cost:10.1f}{their_cost:8.1f}{_over(their_cost, mine_cost):8.2f}",
            flush=True,
        )


_numbers = itertools.count(1_000_000)


def _at_once(to: Server, kind: str, seconds: float) -> tuple[int, float]:
    """How many requests the clients got through, in how many seconds."""
    done: list[int] = []
    faults: list[str] = []
    started = time.perf_counter()
    ends = started + seconds

    def client() -> None:
        connection = Connection(to.port)
        answered = 0
        while time.perf_counter() < ends and not faults:
            asked = KINDS[kind](to, next(_numbers))
            status, body = connection.ask(asked, to.token_for(asked))
            if status != 200:
                faults.append(f"{kind}, {to.name}: {status} {body[:300]!r}")
            answered += 1
        done.append(answered)
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    if faults:
        raise RuntimeError(faults[0])
    return sum(done), time.perf_counter() - started


def _over(theirs: float, mine: float) -> float:
    return theirs / mine if mine else float("nan")


def _cuts(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


if __name__ == "__main__":
    main()
