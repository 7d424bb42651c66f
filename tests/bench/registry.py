"""Whether the registry stays as fast when it is full: 1,000 models with 10,000 versions beside 10,000 with 100,000.

    make bench
    python -m tests.bench.registry --keep var/bench        # keeps what was loaded, for the next time

Starts the product twice, each with a data directory of its own, fills both (`tests.bench.bulk`), and asks them in turn,
over kept connections, through the server `make run` uses: signed in, permissions filtered, writes with their events.
Prints median and 95th percentile of both in milliseconds and the ratio of the 95th percentiles, which is what to look
at: the machine's own noise falls on both alike.

A second table has the reads of the large one as multiples of the MLflow interface's “get by alias”, in the same run
and in turn with a bare Django view of one SQL statement, which is the least a read can cost, and with a stock MLflow
server of 20 models where one is installed (`make .venv-mlflow/made`).
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from governance import embedded
from tests.bench.mlflow_comparison import filling, running
from tests.bench.mlflow_comparison.asking import PREFIX

PROJECT = Path(__file__).resolve().parents[2]
AIM = 1.3
WARM = 5
"""Requests of each kind before any is counted."""


@dataclass
class Installation:
    """The product, running on one data directory, and what was loaded into it."""

    name: str
    where: str
    made: dict[str, Any]
    times: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(f"//{self.where}")
        assert parts.hostname
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        self.count = 0

    def ask(self, kind: str, question: Question, *, counted: bool) -> None:
        """Ask once. Raises RuntimeError where the answer is not a success."""
        self.count += 1
        method, path, body, headers = question(self)
        started = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        taken = (time.perf_counter() - started) * 1000
        if answer.status not in (200, 201):
            raise RuntimeError(f"{kind}, {self.name}: {answer.status} {content[:300]!r}")
        if counted:
            self.times.setdefault(kind, []).append(taken)

    def model(self) -> str:
        """Another model each time."""
        slugs: list[str] = self.made["models"]
        return slugs[self.count * 7 % len(slugs)]


Question = Callable[[Installation], tuple[str, str, str | None, dict[str, str]]]


def _api(path: Callable[[Installation], str]) -> Question:
    def question(to: Installation) -> tuple[str, str, str | None, dict[str, str]]:
        return "GET", f"/api/v1{path(to)}", None, {"Authorization": f"Bearer {to.made['reader_token']}"}

    return question


def _page(path: Callable[[Installation], str]) -> Question:
    return lambda to: ("GET", path(to), None, {"Cookie": to.made["reader_cookie"]})


def _create(to: Installation) -> tuple[str, str, str | None, dict[str, str]]:
    document = {
        "source": f"s3://bench/{os.getpid()}/{to.count}",
        "run_id": f"bench-{os.getpid()}-{to.count}",
        "metrics": [{"name": "auc", "value": 0.9}],
        "datasets": [{"role": "training", "name": f"bench-{to.count}"}],
    }
    headers = {"Authorization": f"Bearer {to.made['writer_token']}", "Content-Type": "application/json"}
    return "POST", f"/api/v1/models/{to.model()}/versions", json.dumps(document), headers


def _cursor(*place: Any) -> str:
    given = place[0] if len(place) == 1 else list(place)
    return base64.urlsafe_b64encode(json.dumps(given, separators=(",", ":")).encode()).decode().rstrip("=")


def _deep(to: Installation) -> str:
    """The name nine tenths of the way down the list."""
    slugs: list[str] = to.made["models"]
    return slugs[len(slugs) * 9 // 10]


SEARCH = quote("tier:1 metric.auc>0.9 stage:development retail")
BESIDE = "MLflow interface, get by alias"
REST_AIM = 2.0
"""Multiple of `BESIDE` that a read of one thing may take at most."""
LIST_AIM = 20.0
"""Milliseconds a list of 50 may take at the median."""
PAGE_AIM = 100.0
"""Milliseconds a page may take at the 95th percentile."""


def _request(to: Installation) -> int:
    """Another promotion request each time."""
    requests: list[int] = to.made["requests"]
    return requests[to.count * 7 % len(requests)]


def _inbox(to: Installation) -> tuple[str, str, str | None, dict[str, str]]:
    return "GET", "/reviews/", None, {"Cookie": to.made["reviewer_cookie"]}


SINGLE: dict[str, Question] = {
    BESIDE: lambda to: (
        "GET",
        f"/api/2.0/mlflow/registered-models/alias?name={to.model()}&alias=stable",
        None,
        {"Authorization": f"Bearer {to.made['reader_token']}"},
    ),
    "whoami": _api(lambda to: "/whoami"),
    "model": _api(lambda to: f"/models/{to.model()}"),
    "gate of a request": _api(lambda to: f"/promotions/{_request(to)}/gate"),
    "get version": _api(lambda to: f"/models/{to.model()}/versions/5"),
    "resolve an alias": _api(lambda to: f"/resolve?ref={to.model()}@stable"),
    "resolve a number": _api(lambda to: f"/resolve?ref={to.model()}/3"),
}
"""Reads of one thing."""
LISTS: dict[str, Question] = {
    "list of 50 models": _api(lambda to: "/models?limit=50"),
    "list of 50 versions": _api(lambda to: "/versions?limit=50"),
    "list of 50 requests": _api(lambda to: "/promotions?limit=50"),
}
PAGES: dict[str, Question] = {
    "page: model": _page(lambda to: f"/models/{to.model()}/"),
    "page: version": _page(lambda to: f"/models/{to.model()}/versions/5/"),
    "page: request": _page(lambda to: f"/promotions/{_request(to)}/"),
    "page: inbox": _inbox,
    "page: catalogue": _page(lambda to: "/models/"),
    "page: catalogue, deep": _page(lambda to: f"/models/?after={_cursor(3, _deep(to))}"),
    "page: catalogue, by change": _page(lambda to: "/models/?sort=updated"),
    "page: catalogue, filtered": _page(lambda to: f"/models/?q={quote('tier:1 tag:llm')}"),
}
KINDS: dict[str, Question] = {
    **SINGLE,
    **LISTS,
    **PAGES,
    "create version": _create,
    "search models": _api(lambda to: f"/models?q={SEARCH}&limit=25"),
    "search models, deep": _api(lambda to: f"/models?q={SEARCH}&limit=25&cursor={_cursor(_deep(to))}"),
    "search versions": _api(lambda to: f"/versions?q={quote('metric.auc>0.98 tier:1,2')}&limit=25"),
    "search versions, deep": _api(
        lambda to: (
            f"/versions?q={quote('metric.auc>0.98 tier:1,2')}&limit=25&cursor={_cursor(to.made['versions'] // 3)}"
        )
    ),
    "search, nothing fits": _api(lambda to: f"/models?q={quote('metric.auc>0.9999 zebra')}&limit=25"),
    "lineage, busy data set": _api(lambda to: f"/datasets/{to.made['busy_identity']}/dependents?limit=50"),
}


def main() -> None:
    """Start, fill, ask in turn, say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--small", type=int, default=1_000, help="models (default: 1,000)")
    parser.add_argument("--large", type=int, default=10_000, help="models (default: 10,000)")
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind (default: 60)")
    parser.add_argument("--keep", type=Path, help="a folder to load into once and to use again")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countersign-bench-")))
        small = stack.enter_context(_running("small", folder.resolve() / "small", options.small))
        large = stack.enter_context(_running("large", folder.resolve() / "large", options.large))
        others = list(_others(stack, folder.resolve() / "large"))
        for round_ in range(-WARM, options.rounds):
            for other in others:
                other.ask(counted=round_ >= 0)
            for kind, question in KINDS.items():
                # Which goes first changes, so that neither always comes after the other's work.
                for to in (small, large) if round_ % 2 else (large, small):
                    to.ask(kind, question, counted=round_ >= 0)
        _say(small, large, options.rounds)
        _compare(large, others)


@dataclass
class Other:
    """A server that is asked one thing, for comparison."""

    name: str
    port: int
    path: Callable[[int], str]
    times: list[float] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def ask(self, *, counted: bool) -> None:
        """Ask once. Raises RuntimeError where the answer is not a success."""
        self.count += 1
        # A round takes longer than a server keeps an idle connection.
        self.connection.close()
        self.connection.connect()
        started = time.perf_counter()
        self.connection.request("GET", self.path(self.count))
        answer = self.connection.getresponse()
        content = answer.read()
        taken = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {content[:300]!r}")
        if counted:
            self.times.append(taken)


def _others(stack: ExitStack, var: Path) -> Iterator[Other]:
    """The bare view, and a stock MLflow server where one is installed."""
    port = stack.enter_context(running.bare(var))
    yield Other("bare Django view, one statement", port, lambda count: f"/versions/{count * 7 % 1000 + 1}")
    if running.MLFLOW.exists():
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countersign-bench-")))
        stack.callback(embedded.release, folder)
        embedded.ensure(folder)
        stock = stack.enter_context(running.stock(folder, 1))
        filling.through_the_door((stock,), 20, 10)
        names = stock.models
        yield Other(
            "stock MLflow, get by alias",
            stock.port,
            lambda count: f"{PREFIX}registered-models/alias?name={names[count * 7 % len(names)]}&alias={filling.ALIAS}",
        )


def _compare(large: Installation, others: list[Other]) -> None:
    print(f"\n{large.made['versions']:,} versions; milliseconds, and multiples of the MLflow interface\n")
    print(f"{'':34}{'median':>10}{'95 %':>10}{'multiple':>10}{'of 95 %':>10}")
    base = _cuts(large.times[BESIDE])
    rows = {other.name: other.times for other in others}
    rows |= {kind: large.times[kind] for kind in (*SINGLE, *LISTS, *PAGES)}
    for kind, times in rows.items():
        median, high = _cuts(times)
        over = (
            (kind in SINGLE and median / base[0] > REST_AIM)
            or (kind in LISTS and median > LIST_AIM)
            or (kind in PAGES and high > PAGE_AIM)
        )
        multiples = f"{median / base[0]:10.2f}{high / base[1]:10.2f}"
        print(f"{kind:34}{median:10.1f}{high:10.1f}{multiples}{'  over its aim' if over else ''}")
    print(
        f"\naims: reads of one thing {REST_AIM:g} times the MLflow interface at the median, lists {LIST_AIM:g} ms at "
        f"the median, pages {PAGE_AIM:g} ms at the 95th percentile"
    )


def _say(small: Installation, large: Installation, rounds: int) -> None:
    for size in (small, large):
        print(f"{size.name}: {size.made['versions']:,} versions, loaded in {size.made['seconds']:.0f} s")
    print(f"{rounds} requests of each kind, in turn; load of the machine {os.getloadavg()[0]:.1f}; milliseconds\n")
    print(f"{'':32}{'small':>20}{'large':>20}{'ratio':>10}")
    print(f"{'':32}{'median':>10}{'95 %':>10}{'median':>10}{'95 %':>10}{'of 95 %':>10}")
    for kind in KINDS:
        numbers = [n for size in (small, large) for n in _cuts(size.times[kind])]
        ratio = numbers[3] / numbers[1]
        over = f"  over {AIM}" if ratio > AIM else ""
        print(f"{kind:32}{''.join(f'{n:10.1f}' for n in numbers)}{ratio:10.2f}{over}")


def _cuts(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


@contextmanager
def _running(name: str, var: Path, models: int) -> Iterator[Installation]:
    var.mkdir(parents=True, exist_ok=True)
    environ = {
        **os.environ,
        "COUNTERSIGN_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "PYTHONPATH": str(PROJECT),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "governance.development.devserver", "--empty"],
        cwd=PROJECT,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        where = _address(process)
        kept = var / "made.json"
        if not kept.exists():
            loaded = subprocess.run(
                [sys.executable, "-m", "tests.bench.bulk.loading", "--models", str(models)],
                cwd=PROJECT,
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            kept.write_text(loaded.stdout)
        yield Installation(name, where, json.loads(kept.read_text()))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"ready +http://(\S+)", line):
            return found[1]
    raise SystemExit("the product did not start; try `make run`")


if __name__ == "__main__":
    main()
