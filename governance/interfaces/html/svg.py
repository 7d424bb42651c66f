"""SVG elements without style attributes: the Content-Security-Policy forbids them, and CSS classes give theme colours.

Pure functions.
"""

from __future__ import annotations

from html import escape

from django.utils.safestring import SafeString


def element(name: str, *children: str, **attributes: object) -> SafeString:
    """Build an element. Children that are not SafeString are escaped.

    Args:
        name: element name.
        children: text or elements.
        attributes: `_` becomes `-`; a trailing `_` is removed (for Python keywords); None is left out; case is kept.
    """
    drawn = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, SafeString) else escape(child) for child in children)
    return SafeString(f"<{name}{drawn}>{inside}</{name}>" if inside else f"<{name}{drawn}/>")


def canvas(*children: str, width: float, height: float, class_: str, label: str, **attributes: object) -> SafeString:
    """Build the `<svg>`. With a `label` it is an image with that name; without, it is hidden from screen readers."""
    named: dict[str, object] = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return element(
        "svg",
        *children,
        class_=class_,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        width=width,
        height=height,
        focusable="false",
        **named,
        **attributes,
    )


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".rstrip("0").rstrip(".")
    return str(value)
