"""Differences between two versions, as a value for pages, the API and packets. Pure."""

from registry.comparison.bounds import OPERATORS, MetricBound
from registry.comparison.dependencies import LockFile, Package, PackageChange, lock_fault, read_lock
from registry.comparison.direction import Direction, better_direction
from registry.comparison.signature import SchemaChange, SignatureChange, compare_signatures, parse_side
from registry.comparison.text import DiffSegment, Effort, TextDiff, collapse_unchanged, compare_texts
from registry.comparison.types import (
    CardChange,
    Dataset,
    DatasetChange,
    DependencyChange,
    File,
    FileChange,
    MetricChange,
    MetricKey,
    SectionChange,
    ValueChange,
    VersionSnapshot,
)
from registry.comparison.versions import Comparison, compare

__all__ = [
    "OPERATORS",
    "CardChange",
    "Comparison",
    "Dataset",
    "DatasetChange",
    "DependencyChange",
    "DiffSegment",
    "Direction",
    "Effort",
    "File",
    "FileChange",
    "LockFile",
    "MetricBound",
    "MetricChange",
    "MetricKey",
    "Package",
    "PackageChange",
    "SchemaChange",
    "SectionChange",
    "SignatureChange",
    "TextDiff",
    "ValueChange",
    "VersionSnapshot",
    "better_direction",
    "collapse_unchanged",
    "compare",
    "compare_signatures",
    "compare_texts",
    "lock_fault",
    "parse_side",
    "read_lock",
]
