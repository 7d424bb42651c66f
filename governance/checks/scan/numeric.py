"""Scan formats of numbers and structure whose rules the detection already applies to the last byte: safetensors.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

from governance.checks.formats import tensors
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.report import Scan


@collected(Format.SAFETENSORS)
def scan_safetensors(scan: Scan, found: Collector) -> None:
    """Scan a safetensors file: its header describes every byte of the data, without holes, overlaps or equal names."""
    if tensors.safetensors(scan.stream, scan.size) is None:
        raise Malformed("is not a safetensors file")
