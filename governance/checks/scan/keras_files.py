"""Scan Keras archives (.keras): the configuration, the weights and the assets.

Source: `keras.src.saving.saving_lib` (Keras 3.15).
"""

from __future__ import annotations

from governance.checks.formats import archives
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan import json_reader, keras_config, zip_members
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.report import Scan

_CONFIG, _METADATA = "config.json", "metadata.json"
_WEIGHTS = ("model.weights.h5", "model.weights.npz", "model.weights.json")
_ASSETS = "assets/"


@collected(Format.KERAS)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a Keras archive."""
    archive = archives.open_zip(scan.stream, scan.size)
    if archive is None or _CONFIG not in archive.names:
        raise Malformed("is not a zip archive with a config.json")
    for member in archive.members:
        name = member.filename
        if member.is_dir():
            continue
        if name in (_CONFIG, _METADATA):
            value = json_reader.read_object(zip_members.read(archive, member, json_reader.MAX_JSON), name)
            if name == _CONFIG:
                if not keras_config.is_config(value):
                    found.unreadable("broken_config", "The configuration names no class of a model.", name)
                keras_config.judge(value, name, found, scan.options)
            continue
        if name not in _WEIGHTS and not name.startswith(_ASSETS):
            found.note("unknown_member", f"Keras does not read the member {shown(name)}.", name)
        if member.file_size == 0:
            continue
        part = scan.scan_part(scan.part(zip_members.opened(archive, scan.stream, member), member.file_size, name))
        if part.format is Format.UNKNOWN and name not in _WEIGHTS:
            found.note(
                "raw_member", f"The member {shown(name)} contains raw bytes, which Keras does not execute.", name
            )
            continue
        found.include(part, name)
