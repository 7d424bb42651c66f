"""The tag that shows the drawings of a check run."""

from __future__ import annotations

from typing import Any

from django import template

from governance.interfaces.html.check_drawings import drawings_of
from governance.models import CheckRun

register = template.Library()


@register.inclusion_tag("checks/drawings.html")
def check_drawings(run: CheckRun | None, champion: CheckRun | None = None) -> dict[str, Any]:
    """Show what a completed run measured, as pictures with the numbers as tables; nothing for other runs.

    Args:
        run: the run.
        champion: the run of the same check on the champion, to be drawn beside it.
    """
    beside = champion.measures if champion is not None else None
    drawn = drawings_of(run.check_slug, run.measures, beside) if run is not None else ()
    return {"drawings": drawn}
