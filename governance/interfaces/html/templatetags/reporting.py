"""How the result of an external check is reported, for pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings

from governance.checks import external
from registry.models import ModelVersion

register = template.Library()


@register.inclusion_tag("parts/report_examples.html")
def report_examples(slug: str, version: ModelVersion) -> dict[str, Any]:
    """Show how the result of an external check on a version is reported."""
    return {"slug": slug, "examples": external.report_examples(slug, version, settings.PUBLIC_URL.rstrip("/"))}
