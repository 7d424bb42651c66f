"""OpenAPI schema generation from the :class:`Operation` metadata of the views.

DRF imports this module while its own views load: do not import them here.
"""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from governance.interfaces.rest import operation
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import ProblemDetails

JSON: Final = "application/json"
FILE: Final = "application/octet-stream"

PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "slug": {
        "description": "Name of the registered model.",
        "schema": {"type": "string", "pattern": "^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$", "maxLength": 200},
    },
    "number": {
        "description": "Number of the version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "before": {
        "description": "Number of the first version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "after": {
        "description": "Number of the second version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "access_request": {
        "description": "Number of the access request.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "comment": {
        "description": "Number of the comment.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "thread": {
        "description": "Number of the thread.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "grant": {"description": "Id of the grant.", "schema": {"type": "string", "format": "uuid"}},
    "delegation": {"description": "Id of the delegation.", "schema": {"type": "string", "format": "uuid"}},
    "decision": {
        "description": "Number of the decision.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "id": {
        "description": "Number of the promotion request.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    "path": {
        "description": "Path of the file inside the version; slashes may be sent as / or as %2F.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 500},
    },
    "kind": {
        "description": "Kind of the evidence, as named by the checks that read it.",
        "schema": {"type": "string", "pattern": "^[a-z0-9_]+(\\.[a-z0-9_]+)*$", "maxLength": 80},
    },
    "check": {
        "description": "Name of the external check.",
        "schema": {"type": "string", "pattern": "^[a-z0-9_]+(\\.[a-z0-9_]+)+$", "maxLength": 80},
    },
    "run": {"description": "Id of the run of an external check.", "schema": {"type": "string", "format": "uuid"}},
    "stage": {
        "description": "Slug of the stage.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 40},
    },
    "name": {
        "description": "Name of the alias.",
        "schema": {"type": "string", "pattern": "^[\\w-]+$", "maxLength": 255},
    },
    "key": {
        "description": "The dataset's identity, or its digest if no other dataset has the same.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:+=~-]+$", "minLength": 1, "maxLength": 128},
    },
    "event": {"description": "Id of the event.", "schema": {"type": "string", "format": "uuid"}},
}


def filter_api_v1(endpoints: list[Any]) -> list[Any]:
    """Preprocessing hook: limit the description to this API. Other interfaces have their own."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


def component_name(name: str) -> str:
    """Return the component name of a class: `PromotionResponse` becomes `Promotion`."""
    return name.removesuffix("Response")


class _Bare(GenerateJsonSchema):
    """JSON Schema without the titles that pydantic derives from names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def normalize_name(self, name: str) -> str:
        return component_name(super().normalize_name(name))


class Schema(AutoSchema):
    """Describes view methods by their :class:`Operation`. A method without one is not part of the API."""

    @property
    def _operation(self) -> Operation:
        found = operation.get_operation(self.view, self.method)
        assert found is not None  # is_excluded() leaves out methods without an operation
        return found

    def is_excluded(self) -> bool:
        return operation.get_operation(self.view, self.method) is None

    def get_operation_id(self) -> str:
        return self._operation.id

    def get_summary(self) -> str:
        return self._operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's, not DRF's
        return inspect.getdoc(getattr(self.view, self.method.lower())) or ""

    def get_tags(self) -> list[str]:
        return [self._operation.tag]

    def get_auth(self) -> list[dict[str, Any]]:
        return [{}] if self._operation.public else [{"token": []}]

    def _get_filter_parameters(self) -> list[dict[str, Any]]:
        return []  # `query` describes all parameters

    def _get_pagination_parameters(self) -> list[dict[str, Any]]:
        return []

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        return [{"in": "path", "name": name, "required": True, **PATH_PARAMETERS[name]} for name in variables]

    def get_override_parameters(self) -> list[Any]:
        this = self._operation
        found = [_header(*facts) for applies, facts in _headers(this) if applies]
        if this.query is not None:
            described = self._described(this.query, "validation")
            for name, schema in described["properties"].items():
                shown = _without_null(schema)
                found.append(
                    OpenApiParameter(
                        name,
                        shown,
                        OpenApiParameter.QUERY,
                        required=name in described.get("required", ()),
                        description=shown.pop("description", ""),
                    )
                )
        return found

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        this = self._operation
        if this.binary_body:
            return {"required": True, "content": {FILE: {"schema": {"type": "string", "format": "binary"}}}}
        if this.body is not None:
            return {"required": True, "content": {JSON: {"schema": self._reference(this.body, "validation")}}}
        return None

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        this = self._operation
        answers: dict[str, Any] = {}
        for status, answer in this.answers.items():
            described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
            if isinstance(answer, str):
                described["description"] = answer
                if this.file and status == HTTPStatus.OK:
                    described["content"] = {FILE: {"schema": {"type": "string", "format": "binary"}}}
            else:
                described["description"] = (inspect.getdoc(answer) or "").split("\n")[0]
                described["content"] = {JSON: {"schema": self._reference(answer, "serialization")}}
            if this.etag or this.if_match:
                described["headers"] = {"ETag": {"schema": {"type": "string"}}}
            answers[str(status)] = described
        if this.etag and self.method == "GET":
            answers["304"] = {"description": "The object still has the ETag in `If-None-Match`."}
        refusal = self._refusal()
        for status in this.statuses_of_refusals(has_path_parameters="{" in self.path):
            answers[str(status)] = refusal
        return answers

    def _refusal(self) -> dict[str, str]:
        """Return a reference to the response schema of all errors."""
        content = {"application/problem+json": {"schema": self._reference(ProblemDetails, "serialization")}}
        self.registry.register_on_missing(
            ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there
                name="Problem",
                type=ResolvedComponent.RESPONSE,
                object="Problem",
                schema={"description": "An error with the rule and the remedy (RFC 9457).", "content": content},
            )
        )
        return {"$ref": "#/components/responses/Problem"}

    def _reference(self, shape: type[BaseModel], mode: Any) -> dict[str, str]:
        """Return a reference to the component of a schema; register it and its parts."""
        name = shape.model_config.get("title") or component_name(shape.__name__)
        self._component(name, self._described(shape, mode))
        return {"$ref": f"#/components/schemas/{name}"}

    def _described(self, shape: type[BaseModel], mode: Any) -> dict[str, Any]:
        schema = shape.model_json_schema(mode=mode, ref_template="#/components/schemas/{model}", schema_generator=_Bare)
        for name, part in schema.pop("$defs", {}).items():
            self._component(name, part)
        return schema

    def _component(self, name: str, schema: dict[str, Any]) -> None:
        schema.pop("title", None)
        self.registry.register_on_missing(
            ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there
                name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema
            )
        )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove null from a parameter schema: a query string has no null, parameters are omitted instead."""
    shown = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    choices = [choice for choice in shown.pop("anyOf", []) if choice != {"type": "null"}]
    assert len(choices) <= 1
    return {**shown, **(choices[0] if choices else {})}


def _headers(this: Operation) -> list[tuple[bool, tuple[str, bool, str]]]:
    return [
        (this.if_match, ("If-Match", True, "The `ETag` of the object as read; `*` for any revision.")),
        (
            this.etag and 200 in this.answers,
            ("If-None-Match", False, "The `ETag` the caller has; the response is 304 if it is still current."),
        ),
        (
            this.idempotent,
            (
                "Idempotency-Key",
                False,
                "A key chosen by the caller, such as a UUID: a repeated request is executed once.",
            ),
        ),
        (this.long_poll, ("Prefer", False, "`wait=25`, like the query parameter `wait` (RFC 7240).")),
    ]


def _header(name: str, required: bool, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=description)
