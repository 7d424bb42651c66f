"""Which requests ran out of time, or of somebody who answers for their model: beat asks, and has them settled."""

from datetime import timedelta

from django.db.models import Q

from audit import clock
from governance.checks import execution
from governance.models import PromotionRequest
from governance.promotions.failures import failures_due, failures_waiting
from registry import selectors
from registry.models import RegisteredModel


def to_settle(span: timedelta) -> list[int]:
    """Numbers of the requests that beat has settled now: those whose time is over, those that their model or a check
    that completed within `span` touched, and those to try again after a failure. A request whose last attempt failed
    is left alone until its pause is over or its model changes."""
    found = {*expired(), *touched_by_their_model(span), *execution.lately_completed(span)} - failures_waiting()
    return sorted(found | set(failures_due()))


def expired() -> list[int]:
    """Numbers of the live requests whose time is over."""
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, expires_at__lte=clock.now())
    return list(rows.order_by("pk").values_list("pk", flat=True))


def touched_by_their_model(span: timedelta) -> list[int]:
    """Numbers of the live requests that do not say yet what became of their model: its owner left, its tier was taken
    away, it was archived; or its record changed within `span`, so that what held them may be mended."""
    unanswered = Q(model__in=RegisteredModel.objects.filter(selectors.is_unowned() | Q(risk_tier__isnull=True)))
    broken = (unanswered | Q(model__status=RegisteredModel.Status.ARCHIVED)) & ~Q(state=PromotionRequest.State.BLOCKED)
    changed = Q(model__updated_at__gte=clock.now() - span)
    rows = PromotionRequest.objects.filter(broken | changed, state__in=PromotionRequest.LIVE)
    return list(rows.order_by("pk").values_list("pk", flat=True))
