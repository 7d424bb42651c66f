"""The formats that are recognised. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """The formats that are recognised. The values are stored and named in policies: they must not change."""

    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    SKOPS = "skops"
    NPY = "npy"
    NPZ = "npz"
    KERAS = "keras"
    UBJ = "ubj"
    CATBOOST = "catboost"
    LIGHTGBM = "lightgbm"
    GGUF = "gguf"
    TFLITE = "tflite"
    SAVEDMODEL = "savedmodel"
    HDF5 = "hdf5"
    TEXT = "text"
    SENTENCEPIECE = "sentencepiece"
    PARQUET = "parquet"
    FEATHER = "feather"
    IMAGE = "image"
    PDF = "pdf"
    JOBLIB = "joblib"
    PICKLE = "pickle"
    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    R_DATA = "r-data"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    XZ = "xz"
    BZIP2 = "bzip2"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    ZSTD = "zstd"
    LZ4 = "lz4"
    CODE = "code"
    EXECUTABLE = "executable"
    SECRETS = "secrets"
    EMPTY = "empty"
    UNKNOWN = "unknown"


RUNS_CODE = frozenset(
    {Format.PICKLE, Format.JOBLIB, Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.R_DATA, Format.EXECUTABLE}
)
"""Formats that can execute arbitrary code when they are loaded."""
ARCHIVES = frozenset({Format.ZIP, Format.TAR, Format.GZIP, Format.XZ, Format.BZIP2})
"""Formats that only contain other files: a policy that accepts one accepts it with members of accepted formats."""
UNREAD_ARCHIVES = frozenset({Format.SEVEN_ZIP, Format.RAR, Format.ZSTD, Format.LZ4})
"""Archives and compressed streams that are recognised, but whose content is not read."""
COMPANIONS = frozenset({Format.SENTENCEPIECE, Format.PARQUET, Format.FEATHER, Format.IMAGE, Format.PDF})
"""Data that accompanies a model: vocabularies, sample inputs, figures. Reading it executes nothing."""
NEVER_ACCEPTED = frozenset({Format.UNKNOWN, Format.EMPTY, Format.SECRETS, Format.EXECUTABLE})
"""Formats that no policy can accept."""
INCLUDED_IN: Mapping[Format, Format] = {Format.LIGHTGBM: Format.TEXT}
"""Formats that are a kind of another: accepting the other accepts them."""


@dataclass(frozen=True)
class Sniffed:
    """The format of a file, and the reason as words that follow its name: "is a pickle of protocol 4".

    `members` are the files in an archive, by name; empty for everything else.
    """

    format: Format
    reason: str
    members: tuple[tuple[str, Sniffed], ...] = ()
