"""Detect the formats of a version's files: by content, then by name and by neighbouring files.

The entry point for every consumer of a version's files, such as `artifact.format`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from governance.checks.base import File
from governance.checks.formats import effort, protobuf, tensors, texts
from governance.checks.formats.detect import NO_FORMAT, sniff
from governance.checks.formats.names import Format, Sniffed

_SHARD = re.compile(r"variables\.data-\d{5}-of-\d{5}")
_BESIDE_SAVED_MODEL = frozenset({"fingerprint.pb", "keras_metadata.pb"})
_MAX_BESIDE = 64 << 20


def recognise(files: Iterable[File]) -> list[tuple[File, Sniffed]]:
    """Recognise each file.

    TensorFlow stores tensor data without any magic bytes in files with fixed names: these count as part of the
    SavedModel whose index is in the same folder. ONNX stores them in files that the model names.
    """
    found = [(file, _alone(file)) for file in files]
    saved = {file.path for file, what in found if what.format is Format.SAVEDMODEL}
    numbers = {path for file, what in found if what.format is Format.ONNX for path in _external_data(file)}
    return [
        (file, _beside(file, what, saved, numbers) if what.format is Format.UNKNOWN else what) for file, what in found
    ]


def _alone(file: File) -> Sniffed:
    if file.local is None:
        return Sniffed(Format.UNKNOWN, "is not in storage")
    found = sniff(file.local)
    if found.format is Format.EMPTY and texts.is_empty_code(file.path):
        return Sniffed(Format.CODE, "is code without a statement")
    return texts.named(found, file.path)


def _external_data(file: File) -> set[str]:
    if file.local is None:
        return set()
    with file.local.open("rb") as stream, effort.bounded(file.size):
        try:
            named = tensors.onnx_external_data(stream, file.size)
        except (protobuf.NotProtobufError, effort.Malformed):
            return set()
    return {posixpath.normpath(posixpath.join(posixpath.dirname(file.path), path)) for path in named}


def _beside(file: File, what: Sniffed, saved: set[str], numbers: set[str]) -> Sniffed:
    if file.path in numbers and what.reason == NO_FORMAT:
        return Sniffed(Format.ONNX, "holds the numbers of an ONNX model")
    part = saved_model_part(file.path, saved)
    if part == "variables":
        return Sniffed(Format.SAVEDMODEL, "holds the numbers of a TensorFlow checkpoint")
    if part == "metadata" and _is_protobuf(file):
        return Sniffed(Format.SAVEDMODEL, "describes a TensorFlow SavedModel")
    return what


def saved_model_part(path: str, saved: Collection[str]) -> str:
    """Return what a file without magic bytes is in a TensorFlow SavedModel: variables, metadata, or an empty string.

    Args:
        path: the file.
        saved: paths of files that are recognised as of a SavedModel.
    """
    place = PurePosixPath(path)
    if _SHARD.fullmatch(place.name) and str(place.with_name("variables.index")) in saved:
        return "variables"
    if place.name in _BESIDE_SAVED_MODEL and str(place.with_name("saved_model.pb")) in saved:
        return "metadata"
    return ""


def _is_protobuf(file: File) -> bool:
    if file.local is None or file.size > _MAX_BESIDE:
        return False
    with file.local.open("rb") as stream:
        try:
            return sum(1 for _ in protobuf.fields(stream, 0, protobuf.size_of(stream))) > 0
        except protobuf.NotProtobufError:
            return False
