"""What a version needs for a target, as values. `governance.selectors.readiness` fills them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from governance.checks.additions import Addition
from governance.policies import RequirementStatus


class ReadinessOutcome(StrEnum):
    """What would become of a request for a target.

    IMMEDIATE: carried out at once. PASSES: every required check has passed on these inputs, so that only approvals
    remain. UNKNOWN: a required check has no result on these inputs. MISSING: something has to be added or repaired
    first. UNREACHABLE: it cannot be requested, or its approvals cannot be collected.
    """

    IMMEDIATE = "immediate"
    PASSES = "passes"
    UNKNOWN = "unknown"
    MISSING = "missing"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class ReadinessStep:
    """Something that is missing, or a check and its expected state.

    FAILED requires an action; WAITING is evaluated when the request is made. `additions`: what can be added to the
    version for it; `command` adds it.
    """

    title: str
    detail: str
    state: RequirementStatus = RequirementStatus.FAILED
    required: bool = True
    additions: tuple[Addition, ...] = ()
    command: str = ""
    requirement: str = ""
    """Id of the requirement in the verdict, such as "check:docs.model_card", "model:tier" or "finding:12"."""

    @property
    def check(self) -> str:
        """Slug of the check; empty for a condition."""
        return self.requirement.removeprefix("check:") if self.requirement.startswith("check:") else ""


@dataclass(frozen=True)
class RequiredGroup:
    """A reviewer group that the policy requires: number of approvals, who may approve, and why others may not.

    `obtainable`: how many of the approvals different people can give, each of whom fills one place over all groups.
    """

    group: str
    count: int
    order: int
    may_approve: tuple[str, ...]
    excluded: tuple[str, ...]
    obtainable: int

    @property
    def is_short(self) -> bool:
        """Whether too few members may approve."""
        return self.obtainable < self.count


@dataclass(frozen=True)
class TargetReadiness:
    """One stage or protected alias. `refusal`: why a request is not possible; empty if it is."""

    name: str
    stage: str = ""
    alias: str = ""
    refusal: str = ""
    free: bool = False
    policies: tuple[tuple[str, int], ...] = ()
    """Slug and number of each policy revision that would govern the request."""
    steps: tuple[ReadinessStep, ...] = ()
    required_groups: tuple[RequiredGroup, ...] = ()
    open_request: int | None = None

    @property
    def missing(self) -> tuple[ReadinessStep, ...]:
        """Required steps that need an action."""
        return tuple(step for step in self.steps if step.required and step.state is RequirementStatus.FAILED)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why a request is refused, or can never be approved, whatever the checks say."""
        conditions = [f"{step.title}: {step.detail}" for step in self.missing if step.requirement.startswith("model:")]
        short = [
            f"Only {group.obtainable} of the {group.count} approvals of {group.group} can be given. An officer must "
            "add members."
            for group in self.required_groups
            if group.is_short
        ]
        return (*filter(None, [self.refusal]), *conditions, *short)

    @property
    def outcome(self) -> ReadinessOutcome:
        """What would become of the request."""
        if self.obstacles:
            return ReadinessOutcome.UNREACHABLE
        if self.free:
            return ReadinessOutcome.IMMEDIATE
        if self.missing:
            return ReadinessOutcome.MISSING
        if any(step.required and step.state is RequirementStatus.WAITING for step in self.steps):
            return ReadinessOutcome.UNKNOWN
        return ReadinessOutcome.PASSES

    @property
    def key(self) -> str:
        """The target in forms: "stage:production" or "alias:champion"."""
        return f"stage:{self.stage}" if self.stage else f"alias:{self.alias}"
