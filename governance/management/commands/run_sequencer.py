"""`manage.py run_sequencer`: give events their places in the tree of the audit log, and sign and anchor checkpoints."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.sequencer import Status
from governance import liveness
from governance.services import log_keeping
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Runs until it is stopped. Several may run on one host with one COUNTERSIGN_LOG_STATE_DIR."""

    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--alive-file", type=Path, help="written every few seconds, for health checks")

    def handle(self, *args: Any, alive_file: Path | None, **options: Any) -> None:
        try:
            running = log_keeping.configured_sequencer()
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        running.run(stop, _Noting(alive_file))


class _Noting:
    """Makes the status known when it changes in more than the size, and every few seconds."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.noted: dict[str, Any] = {}
        self.at = 0.0

    def __call__(self, status: Status) -> None:
        state = asdict(status)
        size = state.pop("signed_size")
        if state != self.noted or time.monotonic() - self.at > liveness.NOTED_EVERY:
            if self.file is not None:
                self.file.touch()
            liveness.note_sequencer({**state, "signed_size": size})
            self.noted, self.at = state, time.monotonic()
