"""A wait that is broken off: in a module of its own, because no worker may end it first."""

from __future__ import annotations

import signal
import subprocess
import sys

from governance import client
from tests.governance.client.conftest import Organisation


def _heed_interrupts() -> None:
    """What a shell runs in the background ignores SIGINT, and so does whatever that starts: this test, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_wait_says_how_to_go_on(organisation: Organisation, registered: str) -> None:
    api = organisation.client(organisation.people.priya)
    number = api.request_promotion("credit-risk-pd", 1, stage="staging", reason="no worker runs its checks")["id"]
    process = subprocess.Popen(
        [sys.executable, client.__file__, "wait", str(number)], env=organisation.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - sets a signal, no more
    )  # fmt: skip
    assert process.stderr is not None
    first = process.stderr.readline()

    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)

    assert "File integrity" in first
    assert process.returncode == 130
    assert f"countersign wait {number}" in rest
    assert "Traceback" not in rest
