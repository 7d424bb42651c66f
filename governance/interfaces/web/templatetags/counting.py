"""Numbers that are counted up to a bound only."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def up_to(count: int, most: int) -> str:
    """`{{ n|up_to:99 }}` → "7", "99+": beyond the bound nobody counted."""
    return f"{count:,}" if count <= most else f"{most:,}+"
