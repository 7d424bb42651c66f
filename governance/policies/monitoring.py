"""The section `monitoring` of a policy: approved limits of production signals. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from registry.comparison import MetricBound

EVERY_SLICE = "*"
MAX_LIMITS = 50
Kind = Literal["metric", "data_drift", "prediction_drift", "contribution", "technical", "business"]
KIND_LABELS: dict[str, str] = {
    "metric": "performance",
    "data_drift": "data drift",
    "prediction_drift": "prediction drift",
    "contribution": "contribution shift",
    "technical": "technical",
    "business": "business value",
}
"""The kinds of signals with their names on pages."""
Days = Annotated[int, Field(ge=1, le=366)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Judgement(StrEnum):
    """A value compared with its approved limit."""

    WITHIN = "within"
    WARNING = "warning"
    BREACH = "breach"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalLimit(_Part):
    """The approved limit of one signal in production.

    Attributes:
        signal: name of the signal, such as `auc` or `latency_p95_ms`.
        op: `>=`, `>`, `<=` or `<`: what the value must satisfy.
        warning: a value on the approved side of `limit`; beyond it the version is watched.
        slice: the slice that the limit is for; empty for the whole, `*` for every slice and the whole.
        dataset: the dataset that the limit is for; None for any.
        stages: the stages of the policy in which the limit applies; empty for all.
        silent_after_days: the period of this signal, where it differs from the period of the section.
        min_sample: values of fewer rows, or of an unknown number, are stored and not judged.
    """

    signal: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    kind: Kind = "metric"
    op: Literal[">=", ">", "<=", "<"]
    limit: Finite
    warning: Finite | None = None
    slice: Annotated[str, StringConstraints(max_length=200)] = ""
    dataset: Annotated[str, StringConstraints(max_length=200)] | None = None
    stages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")], ...] = ()
    silent_after_days: Days | None = None
    min_sample: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None

    @model_validator(mode="after")
    def _warning_comes_first(self) -> SignalLimit:
        if self.warning is not None and not MetricBound(self.op, self.limit).holds(self.warning):
            raise ValueError(
                f"the warning {self.warning:g} is beyond the limit {self.op} {self.limit:g}: "
                "give a value that the limit still accepts"
            )
        return self

    @property
    def is_minimum(self) -> bool:
        """Whether the limit is a lower bound."""
        return MetricBound(self.op, self.limit).is_minimum


class Monitoring(_Part):
    """Limits of production signals, the period after which a version counts as silent, and the time for a review."""

    silent_after_days: Days
    review_within_days: Annotated[int, Field(ge=1, le=365)] = 14
    signals: tuple[SignalLimit, ...] = Field(default=(), max_length=MAX_LIMITS)

    @model_validator(mode="after")
    def _each_once(self) -> Monitoring:
        seen: set[object] = set()
        for one in self.signals:
            for stage in one.stages or ("",):
                key = (one.kind, one.signal.casefold(), one.slice, one.dataset, one.is_minimum, stage)
                if key in seen:
                    raise ValueError(f"each limit may be given once; given twice: {one.signal} {one.op}")
                seen.add(key)
        return self


@dataclass(frozen=True)
class ApprovedLimit:
    """A limit that applies to a version where it is now. Attributes as in `SignalLimit`, the period resolved."""

    signal: str
    kind: str
    op: str
    limit: float
    warning: float | None
    slice: str
    dataset: str | None
    silent_after_days: int
    min_sample: int | None
    policy: str
    """Slug of the policy that sets it."""

    @property
    def bound(self) -> MetricBound:
        """The operator and the limit."""
        return MetricBound(self.op, self.limit)

    @property
    def direction(self) -> str:
        """ "min" for a lower bound, "max" for an upper bound."""
        return "min" if self.bound.is_minimum else "max"

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What identifies the limit over revisions of the policy: kind, signal, slice, dataset, direction."""
        return (self.kind, self.signal.casefold(), self.slice, self.dataset or "", self.direction)

    @property
    def sign(self) -> str:
        """The operator as shown on pages."""
        return {">=": "≥", "<=": "≤"}.get(self.op, self.op)

    @property
    def words(self) -> str:
        """The limit as text, such as `auc >= 0.8 for segment=retail`."""
        return _limit_words(self)

    def applies_to(self, kind: str, name: str, slice_: str = "", dataset: str = "") -> bool:
        """Return whether the limit applies to a signal."""
        return (
            self.kind == kind
            and self.signal.casefold() == name.casefold()
            and self.slice in (EVERY_SLICE, slice_)
            and self.dataset in (None, dataset)
        )

    def judges(self, sample_size: int | None) -> bool:
        """Return whether a value of so many rows is judged."""
        return self.min_sample is None or (sample_size is not None and sample_size >= self.min_sample)

    def judge(self, value: float) -> Judgement:
        """Compare a value with the limit and the warning."""
        if not self.bound.holds(value):
            return Judgement.BREACH
        if self.warning is not None and not MetricBound(self.op, self.warning).holds(value):
            return Judgement.WARNING
        return Judgement.WITHIN


@dataclass(frozen=True)
class ApprovedMonitoring:
    """What the policies in force approve for the production signals of a version where it is now.

    Attributes:
        limits: in the order of the policies, each kind, signal, slice, dataset and direction once.
        silent_after_days: the shortest period of the policies.
        review_within_days: the shortest time of the policies.
        policies: slugs of the policies, the first one that of the stage.
    """

    limits: tuple[ApprovedLimit, ...]
    silent_after_days: int
    review_within_days: int
    policies: tuple[str, ...]

    def limits_on(self, kind: str, name: str, slice_: str = "", dataset: str = "") -> tuple[ApprovedLimit, ...]:
        """Return the limits that apply to a signal."""
        return tuple(limit for limit in self.limits if limit.applies_to(kind, name, slice_, dataset))


def approved_monitoring(sections: Iterable[tuple[str, Monitoring]], stage: str) -> ApprovedMonitoring | None:
    """Return the conjunction of the monitoring sections of several policies in one stage. The stricter rule wins.

    Of two limits on the same signal the stricter bound, the earlier warning, the shorter period and the smaller minimum
    sample apply.

    Args:
        sections: slug and section of each policy.
        stage: slug of the stage of the version; limits for other stages are left out.

    Returns:
        The conjunction; None without a section.
    """
    given = list(sections)
    if not given:
        return None
    found: dict[tuple[str, str, str, str, str], ApprovedLimit] = {}
    for slug, section in given:
        for one in section.signals:
            if one.stages and stage not in one.stages:
                continue
            limit = _resolved(one, section, slug)
            held = found.get(limit.key)
            found[limit.key] = limit if held is None else _stricter(held, limit)
    return ApprovedMonitoring(
        limits=tuple(found.values()),
        silent_after_days=min(section.silent_after_days for _, section in given),
        review_within_days=min(section.review_within_days for _, section in given),
        policies=tuple(slug for slug, _ in given),
    )


def combine_sections(sections: Sequence[Monitoring | None]) -> Monitoring | None:
    """Return one section with the limits of all; `approved_monitoring` selects the stricter of equal ones."""
    given = [section for section in sections if section is not None]
    if not given:
        return None
    return given[0].model_copy(
        update={
            "silent_after_days": min(section.silent_after_days for section in given),
            "review_within_days": min(section.review_within_days for section in given),
            "signals": tuple(dict.fromkeys(one for section in given for one in section.signals)),
        }
    )


def monitoring_in_words(section: Monitoring) -> list[str]:
    """Describe a section in sentences."""
    sentences = [_in_words(one) for one in section.signals] or ["No signal has a limit; only silence is judged."]
    silent, review = _days(section.silent_after_days), _days(section.review_within_days)
    return [
        *sentences,
        f"A version that does not report for {silent} counts as silent.",
        f"A breach opens a finding and notifies the owner; the model is reviewed within {review}.",
    ]


def _in_words(one: SignalLimit) -> str:
    words = f"{KIND_LABELS[one.kind].capitalize()}: {_limit_words(one)}"
    words += f" in {' and '.join(one.stages)}" if one.stages else ""
    words += f"; warning at {one.warning:g}" if one.warning is not None else ""
    words += f"; judged from {one.min_sample:,} rows" if one.min_sample is not None else ""
    words += f"; silent after {_days(one.silent_after_days)}" if one.silent_after_days is not None else ""
    return f"{words}."


def _limit_words(one: SignalLimit | ApprovedLimit) -> str:
    words = f"{one.signal} {one.op} {one.limit:g}"
    words += f" on {one.dataset}" if one.dataset else ""
    if one.slice:
        words += " for every slice" if one.slice == EVERY_SLICE else f" for {one.slice}"
    return words


def _days(count: int) -> str:
    return f"{count} day{'s' if count != 1 else ''}"


def _resolved(one: SignalLimit, section: Monitoring, policy: str) -> ApprovedLimit:
    return ApprovedLimit(
        signal=one.signal,
        kind=one.kind,
        op=one.op,
        limit=one.limit,
        warning=one.warning,
        slice=one.slice,
        dataset=one.dataset,
        silent_after_days=one.silent_after_days or section.silent_after_days,
        min_sample=one.min_sample,
        policy=policy,
    )


def _stricter(held: ApprovedLimit, other: ApprovedLimit) -> ApprovedLimit:
    tightest = max if held.direction == "min" else min
    bound = held if tightest(held.limit, other.limit) == held.limit else other
    if held.limit == other.limit:
        bound = next((one for one in (held, other) if one.op in (">", "<")), held)
    warnings = [w for w in (held.warning, other.warning) if w is not None and bound.bound.holds(w)]
    samples = [n for n in (held.min_sample, other.min_sample) if n is not None]
    return ApprovedLimit(
        signal=held.signal,
        kind=held.kind,
        op=bound.op,
        limit=bound.limit,
        warning=tightest(warnings, default=None),
        slice=held.slice,
        dataset=held.dataset,
        silent_after_days=min(held.silent_after_days, other.silent_after_days),
        # A value that one policy judges is judged: the smaller minimum is the stricter one.
        min_sample=min(samples) if len(samples) == 2 else None,
        policy=bound.policy,
    )
