"""Requests with checks to carry out, and what tests say of their runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from audit import clock
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import promotions
from governance.checks import check_runs
from governance.checks.base import CheckOutcome, Conclusion
from governance.checks.check_runs import Result
from governance.models import CheckRun, PromotionRequest
from governance.services import policies
from governance.services import setup as installation
from registry.models import ModelVersion
from registry.services.claiming import Lease
from tests.governance.promotions.conftest import Bank

PASSED = Result.of(CheckOutcome(Conclusion.SUCCESS, "Fine."), {})


def settle(number: int) -> object:
    return promotions.reevaluate(number, bump_revision=True)


def runs(request: PromotionRequest, slug: str = "integrity.digest") -> list[CheckRun]:
    return list(CheckRun.objects.filter(request=request, check_slug=slug).order_by("pk"))


def latest(request: PromotionRequest, slug: str = "integrity.digest") -> CheckRun:
    return runs(request, slug)[-1]


def actions(run: CheckRun) -> list[str]:
    return [event.action for event in events_for_object(ObjectRef("check_run", str(run.uid)))]


def claimed(run: CheckRun) -> Lease:
    held = check_runs.claim(run.pk)
    assert held is not None
    return held


@contextmanager
def later(**span: float) -> Iterator[None]:
    with clock.freeze(clock.now() + timedelta(**span)):
        yield


def ask(bank: Bank, checks: str, *, priority: int = 5, version: ModelVersion | None = None) -> PromotionRequest:
    """A request for Staging under a policy with these checks (YAML of the list)."""
    policies.publish(
        actor=installation.INSTALLER,
        source=f"slug: tried-{priority}\ntitle: Tried\napplies_to: {{stages: [staging]}}\npriority: {priority}\n"
        f"approvals: [{{group: reviewers, count: 1}}]\nchecks: {checks}\n",
        reason="for the test",
    )
    return bank.request(version or bank.version(), stage="staging")


def for_champion(bank: Bank, version: ModelVersion) -> PromotionRequest:
    """A request under the starter policy with all five checks."""
    return promotions.request(
        actor=bank.actor("priya"), version=version, target_alias="champion", reason="for the test"
    )
