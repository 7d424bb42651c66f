"""Counts that stop at a maximum."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def up_to(count: int, most: int) -> str:
    """`{{ n|up_to:99 }}` → "7", "99+"."""
    return f"{count:,}" if count <= most else f"{most:,}+"
