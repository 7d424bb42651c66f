"""What differs between two versions, as a value: pages, the interface and packets draw from it. Pure."""

from registry.comparison.dependencies import Lock, Package, PackageChange, lock_fault, read_lock
from registry.comparison.direction import Direction, better_direction
from registry.comparison.signature import SchemaChange, SignatureChange, compare_signatures, parse_side
from registry.comparison.text import Effort, Piece, TextDiff, compare_texts, folded
from registry.comparison.values import (
    Bound,
    CardChange,
    Dataset,
    DatasetChange,
    DependencyChange,
    File,
    FileChange,
    MetricChange,
    MetricKey,
    SectionChange,
    Side,
    ValueChange,
)
from registry.comparison.whole import Comparison, compare

__all__ = [
    "Bound",
    "CardChange",
    "Comparison",
    "Dataset",
    "DatasetChange",
    "DependencyChange",
    "Direction",
    "Effort",
    "File",
    "FileChange",
    "Lock",
    "MetricChange",
    "MetricKey",
    "Package",
    "PackageChange",
    "Piece",
    "SchemaChange",
    "SectionChange",
    "Side",
    "SignatureChange",
    "TextDiff",
    "ValueChange",
    "better_direction",
    "compare",
    "compare_signatures",
    "compare_texts",
    "folded",
    "lock_fault",
    "parse_side",
    "read_lock",
]
