"""The policy document: its schema and its YAML parser. Pure: no database, no clock, no settings."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from governance.policies.after_promotion import AfterPromotion
from governance.policies.approval_roles import LABELS, OWNER, PATTERN, PREFIX, reviewers_label
from governance.policies.conditions import Condition
from governance.policies.emergency import Emergency
from governance.policies.escalation import Escalation
from governance.policies.model_filter import ModelFacts, ModelFilter
from governance.policies.monitoring import Monitoring
from governance.policies.mutual_approvals import DEFAULT, MutualApprovals
from governance.policies.rollback import Rollback
from governance.policies.timing import MAX_WINDOWS, FreezeWindow
from governance.policies.waivable import NEVER, Waivable
from registry import yaml_reader

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
CheckSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=80)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AppliesTo(ModelFilter):
    """The changes a policy governs, and the models.

    `stages` (also written `to`) are the target stages. With `from` the policy is for leaving those stages, for the
    named targets or for every target. `governance.policies.paths` has the rules, `ModelFilter` those for models.
    """

    sources: tuple[Slug, ...] = Field(default=(), alias="from")
    stages: tuple[Slug, ...] = Field(default=(), validation_alias=AliasChoices("stages", "to"))
    aliases: tuple[Annotated[str, StringConstraints(min_length=1, max_length=255)], ...] = ()

    @model_validator(mode="after")
    def _names_a_target(self) -> "AppliesTo":
        if not self.sources and not self.stages and not self.aliases:
            raise ValueError("name at least one stage or alias the policy applies to, or a stage it is left from")
        if self.sources and self.aliases:
            raise ValueError("`from` applies to transitions between stages: use a separate policy for aliases")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Only if given: documents without `from` keep their digest.
        written: dict[str, Any] = serialise(self)
        sources = written.pop("sources")
        return {**({"from": sources} if sources else {}), **written}


MAX_TIMEOUT = 3600
"""The longest `timeout` of a check that the product runs, in seconds."""
DEFAULT_EXTERNAL_TIMEOUT = 24 * 3600
"""The `timeout` of an external check whose policy gives none, in seconds."""


class CheckRule(_Part):
    """A check in a policy. `max_age_days` makes an older result stale; `timeout` is in seconds of wall time.

    An `external` check is run by another system, which reports its result; the product does not run it, so it has no
    parameters. `reported_by` states whose results count: those of service accounts only, or those of any account but
    the people who requested the promotion or made the version. `waivable` states who may waive the check, and for how
    long; without it it is not waived. The three are serialised only if they deviate from the default, so that other
    documents keep their digest.
    """

    check: CheckSlug
    mode: Literal["required", "advisory"] = "required"
    params: dict[str, Any] = Field(default_factory=dict)
    max_age_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    timeout: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] | None = None
    external: Annotated[bool, Field(strict=True)] = Field(default=False, exclude_if=lambda value: not value)
    reported_by: Literal["service_account", "any"] = Field(default="any", exclude_if=lambda value: value == "any")

    waivable: Waivable | None = Field(default=None, exclude_if=lambda value: value is None)
    when: Condition | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "CheckRule":
        if self.waivable is not None and self.check in NEVER:
            raise ValueError(f"{self.check} is never waived: remove `waivable`")
        if self.external and self.params:
            raise ValueError("an external check has no params: the system that runs it has its own settings")
        if not self.external and self.timeout is not None and self.timeout > MAX_TIMEOUT:
            raise ValueError(f"the timeout of a check is at most {MAX_TIMEOUT} seconds, unless the check is external")
        if not self.external and self.reported_by != "any":
            raise ValueError("reported_by is for external checks: add `external: true`")
        return self


class ApprovalRule(_Part):
    """`count` different people of `group` must approve, or of a role on the model (`role`, stored as the group
    `role:owner` or `role:validators`).

    Rules of a lower `order` must be met before those of a higher one open; equal orders run in parallel. A person fills
    at most one slot over all rules.
    """

    group: Annotated[str, StringConstraints(pattern=PATTERN)]
    count: Annotated[int, Field(ge=1, le=20)] = 1
    order: Annotated[int, Field(ge=1, le=20)] = 1
    when: Condition | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="before")
    @classmethod
    def _group_or_role(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "role" not in given:
            return given
        if "group" in given:
            raise ValueError("name a group or a role, not both: use two rules")
        rest = dict(given)
        name = f"{PREFIX}{rest.pop('role')}"
        if name not in LABELS:
            raise ValueError("role is owner (the owner of the model) or validators (those with this role on it)")
        return {**rest, "group": name}

    @model_validator(mode="after")
    def _has_one_owner(self) -> "ApprovalRule":
        if self.group == OWNER and self.count != 1:
            raise ValueError("a model has one owner: leave out count")
        return self

    @property
    def label(self) -> str:
        """The group or the role, as pages name it."""
        return reviewers_label(self.group)


Rollback.model_rebuild(_types_namespace={"CheckRule": CheckRule, "ApprovalRule": ApprovalRule})


CONDITIONAL = "conditional_approvals"
"""The key of stored documents with the approval rules that have `when`."""


def _is_none(value: object) -> bool:
    return value is None


class PolicyDocument(_Part):
    """A policy revision. Separation of duties is not part of it, because no policy can turn it off.

    With `requires_assessed_tier` a risk tier that was declared without the questionnaire does not satisfy the policy if
    the target is protected. It is serialised only if false, and the fields after it only if given, so that other
    documents keep their digest. `governance.policies.timing` describes `freeze_windows`.
    """

    slug: Slug
    title: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    applies_to: AppliesTo
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    checks: tuple[CheckRule, ...] = ()
    approvals: tuple[ApprovalRule, ...] = ()
    comment_required: bool = True
    on_ready: Literal["promote", "hold"] = "promote"
    expires_after_days: Annotated[int, Field(ge=1, le=365)] = 30
    requires_assessed_tier: bool = Field(default=True, exclude_if=bool)
    monitoring: Monitoring | None = Field(default=None, exclude_if=_is_none)
    rollback: Rollback | None = Field(default=None, exclude_if=_is_none)
    emergency: Emergency | None = Field(default=None, exclude_if=_is_none)
    after_promotion: AfterPromotion | None = Field(default=None, exclude_if=_is_none)
    comment_min_length: Annotated[int, Field(ge=1, le=2000)] | None = Field(default=None, exclude_if=_is_none)
    approval_valid_days: Annotated[int, Field(ge=1, le=365)] | None = Field(default=None, exclude_if=_is_none)
    wait_hours: Annotated[int, Field(ge=1, le=720)] | None = Field(default=None, exclude_if=_is_none)
    freeze_windows: tuple[FreezeWindow, ...] = Field(
        default=(), max_length=MAX_WINDOWS, exclude_if=lambda windows: not windows
    )
    review_within_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(default=None, exclude_if=_is_none)
    mutual_approvals: MutualApprovals = Field(default=DEFAULT, exclude_if=lambda rule: rule == DEFAULT)
    conditions: Condition | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="before")
    @classmethod
    def _with_conditional_approvals(cls, given: Any) -> Any:
        if not isinstance(given, dict) or CONDITIONAL not in given:
            return given
        rest = dict(given)
        conditional = rest.pop(CONDITIONAL)
        return {**rest, "approvals": [*rest.get("approvals", ()), *conditional]}

    @model_serializer(mode="wrap")
    def _conditional_apart(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The database counts the rules under `approvals` before a promotion, and those with `when` may not apply.
        written: dict[str, Any] = serialise(self)
        if all(rule.when is None for rule in self.approvals):
            return written
        rules = list(zip(written.pop("approvals"), self.approvals, strict=True))
        return {
            **written,
            "approvals": [shown for shown, rule in rules if rule.when is None],
            CONDITIONAL: [shown for shown, rule in rules if rule.when is not None],
        }

    escalation: Escalation | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="after")
    def _monitors_its_targets(self) -> "PolicyDocument":
        if self.monitoring is None:
            return self
        if self.applies_to.sources:
            raise ValueError("`monitoring` belongs to a policy for entering a stage: remove it, or remove `from`")
        others = sorted({s for one in self.monitoring.signals for s in one.stages} - set(self.applies_to.stages))
        if others:
            raise ValueError(f"monitoring names stages that the policy does not apply to: {', '.join(others)}")
        return self

    @model_validator(mode="after")
    def _enters_its_targets(self) -> "PolicyDocument":
        for name in ("rollback", "emergency", "after_promotion"):
            if getattr(self, name) is not None and self.applies_to.sources:
                raise ValueError(f"`{name}` belongs to a policy for entering a stage: remove it, or remove `from`")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> "PolicyDocument":
        for what, names in (
            ("check", [c.check for c in self.checks]),
            ("group", [a.label for a in self.approvals]),
        ):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"each {what} may be named once; named twice: {', '.join(twice)}")
        return self

    @property
    def needs_comment(self) -> bool:
        """Whether an approval needs a comment."""
        return self.comment_required or self.comment_min_length is not None

    def applies(self, *, stage: str | None, alias: str | None, facts: ModelFacts) -> bool:
        """Return whether the policy governs entering `stage`, or pointing `alias`, for a model.

        Args:
            stage: slug of the target stage; None for an alias.
            alias: name of the alias; used if `stage` is None.
            facts: the matched facts of the model.
        """
        applies_to = self.applies_to
        target = (
            (stage in applies_to.stages and not applies_to.sources)
            if stage is not None
            else (alias in applies_to.aliases)
        )
        return target and applies_to.covers(facts)


def parse(source: str) -> PolicyDocument:
    """Parse a policy document from YAML.

    Raises:
        ValueError: if the YAML cannot be read or the document is invalid; the message names field and rule (pydantic's
            ValidationError is a ValueError).
    """
    data = yaml_reader.read(source)
    if not isinstance(data, dict):
        raise ValueError("a policy is a YAML mapping with slug, title and applies_to")
    return PolicyDocument.model_validate(data)


def is_fresh(rule: CheckRule, completed_at: datetime, now: datetime) -> bool:
    """Return whether a result is still valid at `now` under the rule's `max_age_days`."""
    return rule.max_age_days is None or now - completed_at <= timedelta(days=rule.max_age_days)
