"""What the product refuses, as an MLflow client reads it: an error code, a sentence, a status that is not retried.

Clients retry 408, 429 and 5xx for minutes and lose the sentence on the way, so nothing the product refuses by a rule
answers with one of those.
"""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http.request import UnreadablePostError

from registry.exceptions import (
    ConflictError,
    DomainError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)

PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow")
"""What the paths of MLflow's protocol begin with; below them every answer has MLflow's form."""

STATUS = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "RESOURCE_CONFLICT": 409,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""The codes this door gives, and the status of each."""

_CODES: tuple[tuple[type[DomainError], str], ...] = (
    (NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    (PermissionDeniedError, "PERMISSION_DENIED"),
    (ValidationFailedError, "INVALID_PARAMETER_VALUE"),
    (ConflictError, "RESOURCE_CONFLICT"),
    (InvalidStateError, "RESOURCE_CONFLICT"),
)


class MlflowError(Exception):
    """An answer that is an error. `status` is the code's unless given."""

    def __init__(self, code: str, message: str, *, status: int | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.code, self.message = code, message
        self.status = status or STATUS[code]
        self.headers = headers or {}


def invalid(message: str) -> MlflowError:
    """A parameter that breaks a rule."""
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def model_not_found(name: str) -> MlflowError:
    """The one sentence for a model that is not there and for one that may not be seen; clients look for it."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")


def version_not_found(name: str, version: object) -> MlflowError:
    """The same for a version, whether it or its model is out of sight."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")


def translate_exception(fault: Exception) -> MlflowError | None:
    """What to answer to an exception; None where nobody foresaw it."""
    match fault:
        case MlflowError():
            return fault
        case DomainError():
            code = next((code for kind, code in _CODES if isinstance(fault, kind)), "BAD_REQUEST")
            helpers = [name for name in fault.who_can if name not in fault.detail]
            return MlflowError(code, f"{fault.detail} Who can: {', '.join(helpers)}." if helpers else fault.detail)
        case RequestDataTooBig():
            return MlflowError(
                "BAD_REQUEST", "A request has at most 2 MiB; files are attached, not sent here.", status=413
            )
        case UnreadablePostError() | SuspiciousOperation():
            return MlflowError("BAD_REQUEST", "The request could not be read to its end.")
        case OperationalError() | InterfaceError():
            return MlflowError(
                "TEMPORARILY_UNAVAILABLE",
                "The database is away or busy, and nothing was changed: try again.",
                headers={"Retry-After": "2"},
            )
        case _:
            return None
