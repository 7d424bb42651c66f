"""Map domain errors to MLflow errors: an error code, a message, and a status that clients do not retry.

MLflow clients retry 408, 429 and 5xx for minutes and then lose the message. Errors that follow from a rule of the
product therefore never have one of these statuses.
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
"""Path prefixes of the MLflow protocol; every response below them has MLflow's format."""

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
"""The error codes used here, with their HTTP status."""

_CODES: tuple[tuple[type[DomainError], str], ...] = (
    (NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
    (PermissionDeniedError, "PERMISSION_DENIED"),
    (ValidationFailedError, "INVALID_PARAMETER_VALUE"),
    (ConflictError, "RESOURCE_CONFLICT"),
    (InvalidStateError, "RESOURCE_CONFLICT"),
)


class MlflowError(Exception):
    """An error response. `status` is taken from the code unless given."""

    def __init__(self, code: str, message: str, *, status: int | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.code, self.message = code, message
        self.status = status or STATUS[code]
        self.headers = headers or {}


def invalid(message: str) -> MlflowError:
    """An invalid parameter."""
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def model_not_found(name: str) -> MlflowError:
    """The error for a model that does not exist or is not visible. MLflow clients match this message."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")


def version_not_found(name: str, version: object) -> MlflowError:
    """The error for a version that does not exist or is not visible."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")


def translate_exception(fault: Exception) -> MlflowError | None:
    """Map an exception to an MlflowError; None for unexpected exceptions."""
    match fault:
        case MlflowError():
            return fault
        case DomainError():
            code = next((code for kind, code in _CODES if isinstance(fault, kind)), "BAD_REQUEST")
            helpers = [name for name in fault.who_can if name not in fault.detail]
            return MlflowError(code, f"{fault.detail} Who can: {', '.join(helpers)}." if helpers else fault.detail)
        case RequestDataTooBig():
            return MlflowError(
                "BAD_REQUEST", "A request is limited to 2 MiB; attach files through the REST API.", status=413
            )
        case UnreadablePostError() | SuspiciousOperation():
            return MlflowError("BAD_REQUEST", "The request could not be read completely.")
        case OperationalError() | InterfaceError():
            return MlflowError(
                "TEMPORARILY_UNAVAILABLE",
                "The database is unavailable or busy, and nothing was changed: try again.",
                headers={"Retry-After": "2"},
            )
        case _:
            return None
