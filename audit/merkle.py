"""The Merkle tree of the log: hashes, inclusion and consistency proofs, and the tiles that store it. Pure functions.

The hash of a leaf is :func:`audit.leaf.leaf_hash`.

A tree is addressed by its complete subtrees: subtree (height, number) covers the leaves ``number << height`` up to
``(number + 1) << height``. A function that makes proofs reads them through :data:`ReadSubtree`, so that it needs
O(log n) hashes of a stored tree.

Source: RFC 9162 section 2.1; C2SP tlog-tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes of a full tile."""

ReadSubtree = Callable[[int, int], bytes]
"""Returns the root of the complete subtree (height, number)."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: the roots of the complete subtrees that the size divides into, largest first.

    Args:
        size: leaves so far.
        roots: one hash of 32 bytes for each bit that is set in ``size``, from the highest.

    Raises:
        ValueError: the number of roots does not fit the size.
    """

    __slots__ = ("roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self.roots = list(roots)
        if size < 0 or len(self.roots) != size.bit_count() or any(len(root) != HASH_BYTES for root in self.roots):
            raise ValueError(f"A tree of {size} leaves has {max(size, 0).bit_count()} complete subtrees.")

    @classmethod
    def read(cls, size: int, read: ReadSubtree) -> Frontier:
        """Return the frontier of a stored tree."""
        return cls(size, (read(height, number) for height, number in _complete_subtrees(0, size)))

    def append(self, hashed: bytes) -> None:
        """Append the hash of one leaf."""
        merged = self.size
        while merged & 1:
            hashed = node_hash(self.roots.pop(), hashed)
            merged >>= 1
        self.roots.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _fold(self.roots)


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree with these leaf hashes."""
    frontier = Frontier()
    for hashed in hashes:
        frontier.append(hashed)
    return frontier.root()


def inclusion_proof(index: int, size: int, read: ReadSubtree) -> list[bytes]:
    """Return the proof that leaf ``index`` is in the tree of ``size`` leaves, from the leaf's sibling up.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    return _path(index, 0, size, read)


def consistency_proof(first: int, second: int, read: ReadSubtree) -> list[bytes]:
    """Return the proof that the tree of ``first`` leaves is the beginning of the tree of ``second`` leaves.

    Raises:
        ValueError: the sizes are not 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise ValueError(f"A tree of {second} leaves cannot continue one of {first}.")
    if first in {0, second}:
        return []
    return _subproof(first, 0, second, read, whole=True)


def verify_inclusion(hashed: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether the proof shows that the leaf with this hash is leaf ``index`` of the tree.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or not _are_hashes([hashed, root, *proof]):
        return False
    node, last = index, size - 1
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            hashed = node_hash(step, hashed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            hashed = node_hash(hashed, step)
        node >>= 1
        last >>= 1
    return last == 0 and hashed == root


def verify_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether the proof shows that the second tree continues the first. The empty tree needs no proof.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= first <= second or not _are_hashes([first_root, second_root, *proof]):
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, step)
        node >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, number, width) of each tile of a tree; only the last tile of a level has a width below 256."""
    level, width = 0, size
    while width:
        full, rest = divmod(width, TILE_WIDTH)
        yield from ((level, number, TILE_WIDTH) for number in range(full))
        if rest:
            yield level, full, rest
        level, width = level + 1, full


def new_tiles(old_size: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, number, width) of each tile that the tree has at ``size`` and did not have at ``old_size``."""
    level = 0
    while size:
        full, rest = divmod(size, TILE_WIDTH)
        yield from ((level, number, TILE_WIDTH) for number in range(old_size // TILE_WIDTH, full))
        if rest and size != old_size:
            yield level, full, rest
        level, old_size, size = level + 1, old_size // TILE_WIDTH, full


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile, such as ``tile/0/x001/x234/067`` or ``tile/1/000.p/8``.

    Args:
        level: height of the tile in tiles, or "entries" for the bundle of leaves.
        number: number of the tile in its level.
        width: hashes of the tile; below 256 it is a partial tile.

    Source: C2SP tlog-tiles, section Merkle Tree.
    """
    number, group = divmod(number, 1000)
    path = f"{group:03}"
    while number:
        number, group = divmod(number, 1000)
        path = f"x{group:03}/{path}"
    return f"tile/{level}/{path}" + (f".p/{width}" if width < TILE_WIDTH else "")


def subtree_of_hashes(hashes: Sequence[bytes]) -> ReadSubtree:
    """Return the reader of a tree whose leaf hashes are in memory. Keeps every subtree that it computed."""
    known: dict[tuple[int, int], bytes] = {}

    def read(height: int, number: int) -> bytes:
        if height == 0:
            return hashes[number]
        if (height, number) not in known:
            known[height, number] = node_hash(read(height - 1, 2 * number), read(height - 1, 2 * number + 1))
        return known[height, number]

    return read


def subtree_of_tiles(read_tile: Callable[[int, int], bytes]) -> ReadSubtree:
    """Return the reader of a tree that is stored in tiles.

    Args:
        read_tile: returns the hashes of the tile (level, number), joined; the last tile of a level may be partial.
    """

    def read(height: int, number: int) -> bytes:
        level, inner = divmod(height, TILE_HEIGHT)
        tile, offset = divmod(number << inner, TILE_WIDTH)
        begin, count = offset * HASH_BYTES, HASH_BYTES << inner
        part = read_tile(level, tile)[begin : begin + count]
        if len(part) != count:
            raise ValueError(f"Tile {tile} of level {level} is too short for the subtree ({height}, {number}).")
        return root_of(part[at : at + HASH_BYTES] for at in range(0, count, HASH_BYTES))

    return read


def _complete_subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (height, number) of the complete subtrees of a range that begins at a multiple of its largest one."""
    while begin < end:
        height = (end - begin).bit_length() - 1
        yield height, begin >> height
        begin += 1 << height


def _range_root(begin: int, end: int, read: ReadSubtree) -> bytes:
    return _fold([read(height, number) for height, number in _complete_subtrees(begin, end)])


def _fold(roots: Sequence[bytes]) -> bytes:
    if not roots:
        return EMPTY_ROOT
    *others, folded = roots
    for root in reversed(others):
        folded = node_hash(root, folded)
    return folded


def _path(index: int, begin: int, end: int, read: ReadSubtree) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_path(index, begin, middle, read), _range_root(middle, end, read)]
    return [*_path(index, middle, end, read), _range_root(begin, middle, read)]


def _subproof(first: int, begin: int, end: int, read: ReadSubtree, *, whole: bool) -> list[bytes]:
    """RFC 9162 section 2.1.4.1; ``whole``: the verifier knows the root of this range already."""
    if first == end:
        return [] if whole else [_range_root(begin, end, read)]
    middle = begin + _split(end - begin)
    if first <= middle:
        return [*_subproof(first, begin, middle, read, whole=whole), _range_root(middle, end, read)]
    return [*_subproof(first, middle, end, read, whole=False), _range_root(begin, middle, read)]


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
