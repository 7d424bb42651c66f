"""Production signals of a version: reports of monitors, and latest values."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponseBase
from pydantic import Field, ValidationInfo, field_validator
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance import selectors as governance
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.problem import Problem
from governance.interfaces.rest.schemas import (
    DateTimeQuery,
    Page,
    PageQuery,
    PersonResponse,
    QueryParams,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
    invalid,
)
from governance.models import SignalReport
from governance.monitoring.adapters import read_report
from governance.monitoring.reports import MAX_BYTES, MAX_SIGNALS, Report, Signal, check_labels, slice_of_labels
from governance.policies.monitoring import ApprovedLimit, Kind
from governance.services import signals as service
from registry import selectors
from registry.models import ModelVersion
from registry.validation import ErrorCollector


class SignalCreate(RequestBody):
    """One number measured in production."""

    name: str = Field(min_length=1, max_length=200, description="Such as auc, psi or latency_p95_ms.")
    value: float = Field(allow_inf_nan=False)
    kind: Kind = "metric"
    slice: str = Field("", max_length=200, description="The part of the data; empty for the whole.")
    labels: dict[str, str] = Field(
        {}, max_length=10, description="In place of `slice`: stored as the slice `name=value, …`, sorted by name."
    )
    dataset: str = Field("", max_length=200)
    sample_size: int | None = Field(None, ge=0, le=2**53 - 1, description="Number of rows.")
    at: DateTimeQuery | None = Field(None, description="End of its period; the end of the window if omitted.")

    @field_validator("labels")
    @classmethod
    def _not_both(cls, labels: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if labels and info.data.get("slice"):
            raise ValueError("Give `slice` or `labels`, not both.")
        return labels


class SignalsCreate(RequestBody):
    """The signals of one source in one window of time."""

    source: str = Field(min_length=1, max_length=100, description="Name of the monitor.")
    window_from: DateTimeQuery = Field(alias="from", description="Beginning of the window.")
    window_to: DateTimeQuery = Field(alias="to", description="End of the window; not in the future.")
    signals: list[SignalCreate] = Field(min_length=1, max_length=MAX_SIGNALS)

    def report(self) -> Report:
        """Return the report. Raises ValidationFailedError for invalid labels."""
        faults = ErrorCollector()
        for index, given in enumerate(self.signals):
            check_labels(faults, f"/signals/{index}/labels", given.labels)
        faults.raise_if_any()
        return Report(
            source=self.source,
            window_from=self.window_from,
            window_to=self.window_to,
            signals=[
                Signal(
                    name=given.name,
                    value=given.value,
                    kind=given.kind,
                    slice=given.slice or slice_of_labels(given.labels),
                    dataset=given.dataset,
                    sample_size=given.sample_size,
                    at=given.at,
                )
                for given in self.signals
            ],
        )


class SignalLimitResponse(ResponseBody):
    """An approved limit in force."""

    kind: str
    signal: str
    op: str
    limit: float
    warning: float | None
    slice: str = Field(description="Empty for the whole, * for every slice and the whole.")
    dataset: str | None
    silent_after_days: int
    min_sample: int | None
    policy: str

    @classmethod
    def of(cls, limit: ApprovedLimit) -> SignalLimitResponse:
        return cls(**{name: getattr(limit, name) for name in cls.model_fields})


class HealthResponse(ResponseBody):
    """The health of a version in production."""

    health: str = Field(description="healthy, watch, breached, silent or not_monitored")
    reasons: list[str]
    last_reported: UtcDateTime | None = Field(description="End of the latest reported window.")
    silent_from: UtcDateTime | None = Field(description="When it counts as silent without a further report.")
    policies: list[str] = Field(description="The policy revisions in force that set the limits.")
    limits: list[SignalLimitResponse]

    @classmethod
    def of(cls, version: ModelVersion) -> HealthResponse:
        state, approved = governance.health_of_version(version), governance.approved_for(version)
        return cls(
            health=state.health,
            reasons=list(state.reasons),
            last_reported=state.last_reported,
            silent_from=state.silent_from,
            policies=[str(revision) for revision in approved.revisions.values()] if approved is not None else [],
            limits=[SignalLimitResponse.of(one) for one in approved.monitoring.limits] if approved is not None else [],
        )


class UnreadPartResponse(ResponseBody):
    """A part of a report in another monitor's format that was not stored."""

    where: str
    reason: str


class SignalReportResponse(ResponseBody):
    """A stored report."""

    id: str
    source: str
    format: str
    window_from: UtcDateTime = Field(serialization_alias="from")
    window_to: UtcDateTime = Field(serialization_alias="to")
    signals: int
    sha256: str = Field(description="Digest of source, window and signals; an identical report is stored once.")
    reported_by: PersonResponse
    reported_at: UtcDateTime
    unread: list[UnreadPartResponse] = Field(description="The first parts that were not stored, and why.")
    unread_total: int
    findings: list[int] = Field(description="Numbers of the findings that it opened or to which it was attached.")
    health: str = Field(description="The health of the version after the report.")

    @classmethod
    def of(cls, row: SignalReport, findings: list[int], health: str) -> SignalReportResponse:
        return cls(
            id=str(row.uid),
            reported_by=PersonResponse.of(row.reported_by),
            unread=[UnreadPartResponse(**part) for part in row.unread],
            findings=findings,
            health=health,
            **{
                name: getattr(row, name)
                for name in (
                    *("source", "format", "window_from", "window_to", "signals", "sha256", "reported_at"),
                    "unread_total",
                )
            },
        )


class SeriesResponse(ResponseBody):
    """A signal with its latest value."""

    kind: str
    name: str
    slice: str
    dataset: str
    value: float
    at: UtcDateTime
    sample_size: int | None
    judgement: str | None = Field(description="within, warning or breach; null if no limit judges the value.")


class SignalsResponse(Page[SeriesResponse]):
    """The health of a version, and a page of its signals with their latest values."""

    health: HealthResponse


class SignalsQuery(PageQuery):
    """Filters of signals."""

    name: TextQuery | None = Field(None, description="Exact name of the signal.")


class ReportQuery(QueryParams):
    """The format of the body. Source and window belong to the other formats; the own format has them in its body."""

    format: Literal["countersign", "prometheus", "evidently", "nannyml", "mlflow", "sagemaker"] | None = Field(
        None,
        description="The format of the body: by default JSON as described here; `prometheus` for a body of the type "
        "text/plain. docs/monitoring.md describes how each is read.",
    )
    source: TextQuery | None = Field(None, max_length=100, description="Name of the monitor; the format if omitted.")
    window_from: DateTimeQuery | None = Field(None, alias="from", description="Beginning of the window.")
    window_to: DateTimeQuery | None = Field(
        None, alias="to", description="End of the window; by default that of the report or of its values, or now."
    )


class SignalsView(Endpoint):
    """/models/{slug}/versions/{number}/signals"""

    @Operation("listSignals", "List the production signals of a version", "monitoring",
               {200: SignalsResponse}, query=SignalsQuery)  # fmt: skip
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the health of a version, the limits in force, and its signals with their latest values."""
        query = self.query(SignalsQuery)
        version = selectors.version(self.actor, slug, number)
        found = governance.series_of(version)
        if query.name is not None:
            found = found.filter(name=query.name)
        rows, following = pagination.by_keys(found, pagination.OLDEST_FIRST, query)
        items = [
            SeriesResponse(
                **{name: getattr(one.series, name) for name in ("kind", "name", "slice", "dataset")},
                value=one.latest.value,
                at=one.latest.at,
                sample_size=one.latest.sample_size,
                judgement=one.judgement,
            )
            for one in governance.series_now(rows, governance.approved_for(version))
        ]
        shown = SignalsResponse(items=items, next=following, health=HealthResponse.of(version))
        return pagination.respond_page(request, shown)

    @Operation("reportSignals", "Report production signals", "monitoring",
               {201: SignalReportResponse, 200: SignalReportResponse}, body=SignalsCreate, query=ReportQuery,
               idempotent=True)  # fmt: skip
    def post(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Report the results of a monitor for one window of time. A token needs the scope `signals:write`.

        The report is stored once: an identical one returns it (200). A value beyond its approved limit opens a finding,
        or attaches to the open finding of that limit. With `format`, the body is a report of another monitor; `unread`
        lists the parts of it that were not stored.
        """
        body = self.raw_body()
        if len(body) > MAX_BYTES:
            raise Problem(413, "too_large", f"A report has at most {MAX_BYTES:,} bytes: send several reports.")
        report = self._report(request, body)
        version = selectors.version(self.actor, slug, number)

        def record() -> Response:
            made = service.record_report(actor=self.actor, version=version, report=report)
            health = governance.health_of_version(version).health
            shown = SignalReportResponse.of(made.report, [finding.pk for finding in made.findings], health)
            return Response(shown.model_dump(mode="json", by_alias=True), status=201 if made.is_new else 200)

        return idempotent(request, self.actor, body, record)

    def _report(self, request: Request, body: bytes) -> Report:
        query = self.query(ReportQuery)
        content_type = request._request.content_type or ""
        format_ = query.format or ("prometheus" if content_type == "text/plain" else "countersign")
        if format_ == "countersign":
            beside = [name for name in ("source", "from", "to") if name in request.query_params]
            if beside:
                detail = "Give it in the body: this parameter belongs to the formats of other monitors."
                raise invalid([{"pointer": f"?{name}", "code": "not_here", "detail": detail} for name in beside])
            return self.body(SignalsCreate).report()
        if content_type.startswith(("multipart/", "application/x-www-form-urlencoded")):
            raise Problem(415, "unsupported_media_type", "Send the report itself as the body, not a form.")
        return read_report(
            format_,
            body,
            now=clock.now(),
            source=query.source or "",
            window_from=query.window_from,
            window_to=query.window_to,
        )
