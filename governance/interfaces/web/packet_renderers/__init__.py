"""Renderers of packets, one for each form in which the product has frozen packets.

A renderer stays when a newer form is added: packets are read for as long as they are kept. `render` selects it by the
`form` member. Members that a renderer does not know are shown as JSON, so that everything that was signed is on the
page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from governance.interfaces.web.packet_renderers import form_1, form_2
from governance.interfaces.web.packet_renderers.blocks import Json, Section, Source
from governance.selectors import PacketRecord

Renderer = Callable[[Source], Iterable[Section]]

RENDERERS: Final[Mapping[str, Renderer]] = {
    form_1.FORM: form_1.sections,
    form_2.FORM: form_2.sections,
}
"""The renderer of each form."""


def render(record: PacketRecord) -> tuple[Section, ...]:
    """Return the sections of a packet's page.

    A packet of an unknown form, or with content that its renderer cannot read, is shown as JSON as a whole.
    """
    renderer = RENDERERS.get(str(record.content.get("form", "")))
    whole = (Section("content", "Content", (Json("", record.content),)),)
    if renderer is None:
        return whole
    source = Source(record)
    try:
        found = tuple(renderer(source))
    except (KeyError, TypeError, ValueError, AttributeError):
        # The bytes are not of the form that they name: the page still shows them, and whether they are verified.
        return whole
    unknown = {name: value for name, value in record.content.items() if name not in source.known}
    further = (Section("further", "Further content", (Json("", unknown),)),) if unknown else ()
    return (*found, *further)
