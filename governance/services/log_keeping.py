"""The sequencer and the signer of the audit log, as the settings describe them, for commands."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from audit import anchors
from audit.sequencer import Sequencer
from audit.signer import Signer
from governance.outbound_http.posting import post as send
from governance.outbound_http.server import ServerFault
from registry.exceptions import InvalidStateError


def configured_signer() -> Signer:
    """Return the signer in the folder of the settings.

    Raises:
        InvalidStateError: log_state_dir_missing; no folder is configured.
    """
    return Signer(_state_folder())


def configured_sequencer() -> Sequencer:
    """Return the sequencer with the anchors of the settings.

    Raises:
        InvalidStateError: log_state_dir_missing; no folder is configured, or log_anchors_invalid.
    """
    folder = _state_folder()
    try:
        places = anchors.from_settings(settings.COUNTERSIGN_LOG_ANCHORS, folder / "anchors", post)
    except ValueError as error:
        raise InvalidStateError(f"COUNTERSIGN_LOG_ANCHORS: {error}", code="log_anchors_invalid") from error
    return Sequencer(
        Signer(folder),
        settings.COUNTERSIGN_LOG_ORIGIN,
        settings.COUNTERSIGN_LOG_PUBLISH_DIR,
        places,
        settings.COUNTERSIGN_LOG_ANCHOR_SECONDS,
    )


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """Send a request to a witness; an operator named its address, so it may be in a private network.

    Raises:
        OSError: there is no answer.
    """
    try:
        answer = send(url, body, {"Content-Type": "text/plain; charset=utf-8"}, private=True)
    except ServerFault as error:
        raise OSError(str(error)) from error
    return answer.status, answer.body


def _state_folder() -> Path:
    folder: Path | None = settings.COUNTERSIGN_LOG_STATE_DIR
    if folder is None:
        raise InvalidStateError(
            "COUNTERSIGN_LOG_STATE_DIR is not set: name a folder outside the database for the key of the log and what "
            "it signed.",
            code="log_state_dir_missing",
        )
    return folder
