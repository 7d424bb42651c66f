"""Scan models of trees as numbers: UBJSON (XGBoost), CatBoost, LightGBM; and SentencePiece vocabularies.

The detection parses UBJSON and SentencePiece to the last byte; none of these formats names code.
"""

from __future__ import annotations

from governance.checks.formats import binary
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.flatbuffer import Flatbuffer
from governance.checks.scan.report import Scan

_CHUNK = 1 << 20
_END_OF_TREES = b"end of trees"


@collected(Format.UBJ)
def scan_ubj(scan: Scan, found: Collector) -> None:
    """Scan UBJSON."""
    if binary.ubj(scan.stream, scan.size) is None:
        raise Malformed("is not UBJSON to its last byte")


@collected(Format.CATBOOST)
def scan_catboost(scan: Scan, found: Collector) -> None:
    """Scan a CatBoost model: magic bytes, the length of a FlatBuffer, the FlatBuffer, further parts of the model."""
    scan.stream.seek(4)
    length = int.from_bytes(scan.stream.read(4), "little")
    if 8 + length > scan.size:
        raise Malformed("is a CatBoost model that is cut short")
    Flatbuffer(scan.stream, length, 8).root()


@collected(Format.LIGHTGBM)
def scan_lightgbm(scan: Scan, found: Collector) -> None:
    """Scan a LightGBM model: text that lists its trees to their end."""
    scan.stream.seek(0)
    before = b""
    while chunk := scan.stream.read(_CHUNK):
        if _END_OF_TREES in before + chunk:
            return
        before = chunk[-len(_END_OF_TREES) :]
    raise Malformed("is a LightGBM model without the end of its trees, so it is cut short")


@collected(Format.SENTENCEPIECE)
def scan_sentencepiece(scan: Scan, found: Collector) -> None:
    """Scan a SentencePiece model."""
    if binary.sentencepiece(scan.stream, scan.size) is None:
        raise Malformed("is not a SentencePiece model")
