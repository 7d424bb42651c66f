"""Logging of the processes. Events of the product are in the audit log, not here."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request"}


class JsonFormatter(logging.Formatter):
    """Formats records as one JSON object per line, with ``extra`` fields beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record. Values without a JSON form are written as text."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _OWN_ATTRIBUTES},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def logging_for(level: str, *, as_json: bool) -> dict[str, Any]:
    """Build Django's LOGGING: one stream, JSON for machines or plain lines for a terminal.

    Args:
        level: level of the product's own loggers; libraries stay at WARNING unless it is DEBUG.
        as_json: one JSON object per line, else plain lines.
    """
    plain = {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "governance.settings.logs.JsonFormatter"} if as_json else plain},
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stream"], "level": level if level == "DEBUG" else "WARNING"},
        "loggers": {name: {"level": level} for name in ("audit", "registry", "governance", "celery")},
    }
