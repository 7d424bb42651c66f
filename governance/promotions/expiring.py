"""Which requests ran out of time: beat asks, and has them settled."""

from audit import clock
from governance.models import PromotionRequest


def expired() -> list[int]:
    """Numbers of the live requests whose time is over."""
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, expires_at__lte=clock.now())
    return list(rows.order_by("pk").values_list("pk", flat=True))
