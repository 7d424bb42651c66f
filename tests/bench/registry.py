"""Whether the registry stays as fast when it is full: 1,000 models with 10,000 versions beside 10,000 with 100,000.

    make bench
    python -m tests.bench.registry --keep var/bench        # keeps what was loaded, for the next time

Starts the product twice, each with a data directory of its own, fills both (`tests.bench.bulk`), and asks them in turn,
over kept connections, through the server `make run` uses: signed in, permissions filtered, writes with their events.
Prints median and 95th percentile of both in milliseconds and the ratio of the 95th percentiles, which is what to look
at: the machine's own noise falls on both alike.
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
KINDS: dict[str, Question] = {
    "get version": _api(lambda to: f"/models/{to.model()}/versions/5"),
    "get by alias": _api(lambda to: f"/resolve?ref={to.model()}@stable"),
    "resolve": _api(lambda to: f"/resolve?ref={to.model()}/3"),
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
    "catalogue": _page(lambda to: "/models/"),
    "catalogue, deep": _page(lambda to: f"/models/?after={_cursor(3, _deep(to))}"),
    "catalogue, by change": _page(lambda to: "/models/?sort=updated"),
    "catalogue, filtered": _page(lambda to: f"/models/?q={quote('tier:1 tag:llm')}"),
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
        for round_ in range(-WARM, options.rounds):
            for kind, question in KINDS.items():
                # Which goes first changes, so that neither always comes after the other's work.
                for to in (small, large) if round_ % 2 else (large, small):
                    to.ask(kind, question, counted=round_ >= 0)
        _say(small, large, options.rounds)


def _say(small: Installation, large: Installation, rounds: int) -> None:
    for size in (small, large):
        print(f"{size.name}: {size.made['versions']:,} versions, loaded in {size.made['seconds']:.0f} s")
    print(f"{rounds} requests of each kind, in turn; load of the machine {os.getloadavg()[0]:.1f}; milliseconds\n")
    print(f"{'':26}{'small':>20}{'large':>20}{'ratio':>10}")
    print(f"{'':26}{'median':>10}{'95 %':>10}{'median':>10}{'95 %':>10}{'of 95 %':>10}")
    for kind in KINDS:
        numbers = [n for size in (small, large) for n in _cuts(size.times[kind])]
        ratio = numbers[3] / numbers[1]
        over = f"  over {AIM}" if ratio > AIM else ""
        print(f"{kind:26}{''.join(f'{n:10.1f}' for n in numbers)}{ratio:10.2f}{over}")


def _cuts(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


@contextmanager
def _running(name: str, var: Path, models: int) -> Iterator[Installation]:
    var.mkdir(parents=True, exist_ok=True)
    environ = {
        **os.environ,
        "COUNTERSIGN_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "governance.settings.development",
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
