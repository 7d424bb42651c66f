"""Icons: 16 × 16 grid, strokes of 1.5, coloured by `currentColor`."""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString

from governance.interfaces.html.svg import canvas

GLYPHS = {
    "alert": '<path d="M8 2.4 14.3 13.4H1.7z"/><path d="M8 6.4v3.2M8 11.5v.1"/>',
    "arrow": '<path d="M2.6 8h10.6M9.4 4.2 13.2 8l-3.8 3.8"/>',
    "bell": '<path d="M4 7a4 4 0 0 1 8 0c0 3.6 1.4 4.4 1.4 4.4H2.6S4 10.6 4 7zM6.6 13.6a1.6 1.6 0 0 0 2.8 0"/>',
    "bot": '<rect x="2.6" y="5.4" width="10.8" height="7.8" rx="1.8"/><path d="M8 2.4v3M5.8 8.8v.8M10.2 8.8v.8"/>',
    "calendar": (
        '<rect x="2.4" y="3.4" width="11.2" height="10.2" rx="1.4"/><path d="M2.4 6.8h11.2M5.4 2v2.6M10.6 2v2.6"/>'
    ),
    "chart": '<path d="M2.2 2.2v11.6h11.6"/><path d="M5 10.5l2.6-3 2 1.8 3.4-4.4"/>',
    "check": '<path d="M3.5 8.6 6.6 11.7 12.8 4.6"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.6V8l2.3 1.6"/>',
    "comment": '<path d="M2.4 3.4h11.2v8H7.4l-3 2.4v-2.4h-2z"/>',
    "copy": (
        '<rect x="5.4" y="5.4" width="8.2" height="8.2" rx="1.4"/>'
        '<path d="M10.6 5.2V3.8a1.4 1.4 0 0 0-1.4-1.4H3.8a1.4 1.4 0 0 0-1.4 1.4v5.4a1.4 1.4 0 0 0 1.4 '
        '1.4h1.4"/>'
    ),
    "cube": '<path d="M8 1.9 13.4 5v6L8 14.1 2.6 11V5z"/><path d="M2.8 5.1 8 8.1l5.2-3M8 8.1V14"/>',
    "dashed": '<circle cx="8" cy="8" r="5.8" stroke-dasharray="2.4 2.15"/>',
    "dots": '<path d="M3.5 8h.1M8 8h.1M12.5 8h.1"/>',
    "down": '<path d="M4 6.2 8 10.2l4-4"/>',
    "download": '<path d="M8 2.2v7.6M4.8 6.8 8 10l3.2-3.2M2.6 13.4h10.8"/>',
    "ext": (
        '<path d="M9.4 2.6h4v4M13.2 2.8 7.6 8.4M11.6 9.2v3.4a1 1 0 0 1-1 1H3.4a1 1 0 0 1-1-1V5.4a1 1 0 0 1 1-1h3.4"/>'
    ),
    "eye": '<path d="M1.6 8S4 3.6 8 3.6 14.4 8 14.4 8 12 12.4 8 12.4 1.6 8 1.6 8z"/><circle cx="8" cy="8" r="1.9"/>',
    "file": '<path d="M3.6 1.9h5.6l3.2 3.2v9H3.6zM9 2v3.3h3.3"/>',
    "filter": '<path d="M2.2 3.4h11.6L9.4 8.6v4.6L6.6 11.8V8.6z"/>',
    "finger": (
        '<path d="M4 11.8c.8-1.3 1-2.6 1-4a3 3 0 0 1 6 0c0 2.2-.3 3.9-1 5.6M8 7.8c0 2.3-.4 4.2-1.5 6M2.6 '
        '9.2c.2-.5.2-1 .2-1.6a5.2 5.2 0 0 1 8-4.4M13 6.2c.200.5.2 1 .2 1.6 0 1.6-.1 2.8-.5 4.2"/>'
    ),
    "gear": (
        '<circle cx="8" cy="8" r="2.2"/>'
        '<path d="M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6l1.4 1.4M11 11l1.4 1.4M3.6 12.4l1.4-1.4M11 '
        '5l1.4-1.4"/>'
    ),
    "grid": (
        '<rect x="2.4" y="2.4" width="4.6" height="4.6" rx="1"/>'
        '<rect x="9" y="2.4" width="4.6" height="4.6" rx="1"/>'
        '<rect x="2.4" y="9" width="4.6" height="4.6" rx="1"/>'
        '<rect x="9" y="9" width="4.6" height="4.6" rx="1"/>'
    ),
    "help": '<circle cx="8" cy="8" r="6"/><path d="M6.2 6.2a1.9 1.9 0 1 1 2.7 1.7c-.6.3-.9.7-.9 1.3M8 11.3v.1"/>',
    "history": '<path d="M2.6 8a5.5 5.5 0 1 0 1.7-4M2.4 2.4l.2 2.9 2.9-.2"/><path d="M8 5v3.2l2.2 1.3"/>',
    "inbox": (
        '<path d="M2 9.2 4 3.2h8l2 6v3.3a.8.8 0 0 1-.8.8H2.8a.8.8 0 0 1-.8-.8z"/>'
        '<path d="M2 9.2h3.4l.9 1.6h3.4l.9-1.6H14"/>'
    ),
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.4v3.6M8 5.1v.1"/>',
    "key": '<circle cx="5.2" cy="10.8" r="3"/><path d="M7.4 8.6 13.6 2.4M11.2 4.8l2 2M9.4 6.6l1.2 1.2"/>',
    "left": '<path d="M9.8 4 5.8 8l4 4"/>',
    "link": (
        '<path d="M6.8 9.2 9.2 6.8M7 4.8l1.3-1.3a2.9 2.9 0 0 1 4.2 4.2L11.2 9M9 11.2l-1.3 1.3a2.9 2.9 0 0 '
        '1-4.2-4.2L4.8 7"/>'
    ),
    "list": '<path d="M5.5 4H14M5.5 8H14M5.5 12H14"/><path d="M2.2 4h.1M2.2 8h.1M2.2 12h.1"/>',
    "lock": '<rect x="3" y="7" width="10" height="6.8" rx="1.4"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>',
    "minus": '<path d="M4 8h8"/>',
    "moon": '<path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z"/>',
    "out": '<path d="M6.4 2.6H3.4a1 1 0 0 0-1 1v8.8a1 1 0 0 0 1 1h3M10.4 5l3 3-3 3M13.2 8H6.2"/>',
    "pen": (
        '<path d="M2.4 13.6c3-.2 3.4-3.8 5-3.8 1.3 0 .4 2.6 1.9 2.6 1.2 0 1.3-1.4 2.4-1.4.8 0 1 .6 1.9.6"/>'
        '<path d="M7.4 7.4 12.2 2.6l1.6 1.6-4.4 4.4-2.2.6z"/>'
    ),
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "print": (
        '<path d="M4.4 5.8V2.4h7.2v3.4M4.4 11.4H2.6V6.8a1 1 0 0 1 1-1h8.8a1 1 0 0 1 1 1v4.6h-1.8"/>'
        '<path d="M4.4 9.4h7.2v4.4H4.4z"/>'
    ),
    "promote": (
        '<circle cx="4" cy="12" r="1.9"/>'
        '<circle cx="12" cy="4" r="1.9"/>'
        '<path d="M4 10V6.2A2.2 2.2 0 0 1 6.2 4H10M8.2 2 10.2 4 8.2 6"/>'
    ),
    "right": '<path d="M6.2 4 10.2 8l-4 4"/>',
    "save": '<path d="M4 2.2h8v11.6l-4-2.8-4 2.8z"/>',
    "scale": (
        '<path d="M8 2v12M4.8 14h6.4M3 4.2h10"/>'
        '<path d="M3.2 4.4 1.4 9a2 2 0 0 0 3.7 0L3.3 4.4M12.8 4.4 11 9a2 2 0 0 0 3.7 0l-1.8-4.6"/>'
    ),
    "screen": '<rect x="2.2" y="2.8" width="11.6" height="8" rx="1.2"/><path d="M5.6 13.4h4.8M8 10.8v2.6"/>',
    "search": '<circle cx="7" cy="7" r="4.6"/><path d="M10.5 10.5 14 14"/>',
    "shield": '<path d="M8 1.8 13 3.7v4c0 3.1-2.1 5.4-5 6.5-2.9-1.1-5-3.4-5-6.5v-4z"/>',
    "shield-check": (
        '<path d="M8 1.8 13 3.7v4c0 3.1-2.1 5.4-5 6.5-2.9-1.1-5-3.4-5-6.5v-4z"/><path d="M5.7 8l1.7 1.7 3-3.2"/>'
    ),
    "sort": '<path d="M5 3v10M2.8 10.8 5 13l2.2-2.2M11 13V3M8.8 5.2 11 3l2.2 2.2"/>',
    "spin": '<path d="M8 2.2a5.8 5.8 0 1 1-5.8 5.8"/>',
    "sun": (
        '<circle cx="8" cy="8" r="2.8"/>'
        '<path d="M8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2M3.5 3.5l.8.8M11.7 11.7l.8.8M3.5 12.5l.8-.8M11.7 '
        '4.3l.8-.8"/>'
    ),
    "swap": '<path d="M4.6 2.6 2.2 5l2.4 2.4M2.4 5h9.4M11.4 8.6l2.4 2.4-2.4 2.4M13.6 11H4.2"/>',
    "undo": '<path d="M5.6 3 2.6 6l3 3M2.8 6h6.6a3.6 3.6 0 0 1 0 7.2H6.6"/>',
    "user": '<circle cx="8" cy="5.4" r="2.6"/><path d="M2.8 13.6c.3-2.8 2.4-4.2 5.2-4.2s4.9 1.4 5.2 4.2"/>',
    "users": (
        '<circle cx="6" cy="5.4" r="2.4"/>'
        '<path d="M1.8 13.2c.2-2.6 1.9-4 4.2-4s4 1.4 4.2 4M10.6 3.2a2.4 2.4 0 0 1 0 4.5M12 9.5c1.4.5 2.2 1.8 '
        '2.3 3.7"/>'
    ),
    "waive": '<path d="M3.4 14V2.4M3.4 3h8.6l-1.8 3 1.8 3H3.4"/>',
    "x": '<path d="M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6"/>',
}


@cache
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """Return an icon. With a `label` it is an image with that name; without, it is decorative.

    Raises:
        KeyError: there is no such icon.
    """
    return canvas(SafeString(GLYPHS[name]), width=16, height=16, class_=f"icon {css}".strip(), label=label)
