"""What the forms that request a promotion show when the request is refused."""

from __future__ import annotations

from governance.interfaces.html.forms import PageForm
from governance.models import PromotionRequest
from registry.exceptions import ConflictError, DomainError


def take_refusal(form: PageForm, refusal: DomainError) -> tuple[PromotionRequest | None, int]:
    """Show a refused request on its form.

    Args:
        form: the form that was sent.
        refusal: why no request was made.

    Returns:
        The open request that is in the way, if that is the reason, and the status of the response.
    """
    form.take_refusal(refusal)
    existing = getattr(refusal, "existing", None)
    shown = existing if isinstance(existing, PromotionRequest) else None
    return shown, 409 if isinstance(refusal, ConflictError) else 400
