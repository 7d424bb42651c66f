"""The tree: public vectors, every proof of small trees, and what no proof may show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle
from audit.leaf import leaf_hash

# transparency-dev/merkle, testonly: leaves, and the roots of the trees of 0 to 8 of them.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PUBLIC = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
SIZES = 40
MANY = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(SIZES)]


def defined_root(hashes: Sequence[bytes]) -> bytes:
    """The recursive definition of RFC 9162 section 2.1.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    middle = 1
    while 2 * middle < len(hashes):
        middle *= 2
    return hashlib.sha256(b"\x01" + defined_root(hashes[:middle]) + defined_root(hashes[middle:])).digest()


def test_the_public_vectors() -> None:
    read = merkle.subtree_of_hashes(PUBLIC)
    assert [merkle.root_of(PUBLIC[:size]).hex() for size in range(9)] == ROOTS
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert (
        merkle.node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )
    assert [step.hex() for step in merkle.inclusion_proof(2, 3, read)] == [ROOTS[2]]
    assert [step.hex() for step in merkle.consistency_proof(1, 8, read)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with one element changed, dropped, added, at either end."""
    other = hashlib.sha256(b"another").digest()
    changed = [[*proof, other], [other, *proof]]
    if proof:
        changed += [proof[1:], proof[:-1], [other, *proof[1:]], [*proof[:-1], other], [*proof[:-1], proof[-1][:31]]]
    return changed


def test_every_inclusion_proof_shows_its_leaf_and_no_other() -> None:
    read = merkle.subtree_of_hashes(MANY)
    for size in range(1, SIZES + 1):
        root = defined_root(MANY[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, read)
            assert merkle.verify_inclusion(MANY[index], index, size, proof, root)
            wrong_places = [other for other in range(size + 1) if other != index]
            assert not any(merkle.verify_inclusion(MANY[index], other, size, proof, root) for other in wrong_places)
            assert not any(merkle.verify_inclusion(MANY[index], index, size, wrong, root) for wrong in altered(proof))
            assert not merkle.verify_inclusion(MANY[index - 1], index, size, proof, root) or size == 1
            for other_size in {index + 1, 2 * size, size + 1, max(size - 1, 1)} - {size}:
                # A tree of another size may have the same path to the leaf; its root is another.
                other_root = defined_root(MANY[:other_size]) if other_size <= SIZES else hashlib.sha256(b"").digest()
                assert not merkle.verify_inclusion(MANY[index], index, other_size, proof, other_root) or (
                    proof == merkle.inclusion_proof(index, other_size, read)
                )


def test_every_consistency_proof_joins_its_two_trees_and_no_others() -> None:
    read = merkle.subtree_of_hashes(MANY)
    roots = [defined_root(MANY[:size]) for size in range(SIZES + 1)]
    for second in range(SIZES + 1):
        for first in range(second + 1):
            proof = merkle.consistency_proof(first, second, read)
            assert merkle.verify_consistency(first, roots[first], second, roots[second], proof)
            assert not any(
                merkle.verify_consistency(first, roots[first], second, roots[second], wrong) for wrong in altered(proof)
            )
            assert not merkle.verify_consistency(first, roots[first], second, hashlib.sha256(b"x").digest(), proof) or (
                first == 0
            )
            if first:
                assert not merkle.verify_consistency(first, roots[first - 1], second, roots[second], proof)
                assert not merkle.verify_consistency(first - 1, roots[first - 1], second, roots[second], proof) or (
                    first == 1 and not proof
                )


@pytest.mark.parametrize(
    "call",
    [
        lambda read: merkle.inclusion_proof(8, 8, read),
        lambda read: merkle.inclusion_proof(-1, 8, read),
        lambda read: merkle.consistency_proof(9, 8, read),
    ],
)
def test_a_proof_outside_the_tree_is_an_error(call: object) -> None:
    with pytest.raises(ValueError, match="A tree of 8 leaves"):
        call(merkle.subtree_of_hashes(PUBLIC))  # type: ignore[operator]  # the attempts have many signatures


@given(st.integers(0, 600), st.integers(0, 600))
def test_a_tree_read_from_its_tiles_is_the_same_tree(first: int, second: int) -> None:
    first, second = sorted((first, second))
    hashes = [number.to_bytes(32, "big") for number in range(second)]
    tiles: dict[tuple[int, int], bytes] = {}
    for old, new in ((0, first), (first, second)):
        for level, number, width in merkle.new_tiles(old, new):
            if level == 0:
                content = hashes[number * 256 : number * 256 + width]
            else:
                content = [
                    merkle.root_of([tiles[level - 1, below][at : at + 32] for at in range(0, 256 * 32, 32)])
                    for below in range(number * 256, number * 256 + width)
                ]
            tiles[level, number] = b"".join(content)
    assert {(level, number, width * 32) for level, number, width in merkle.tiles_of(second)} == {
        (level, number, len(content)) for (level, number), content in tiles.items()
    }
    read = merkle.subtree_of_tiles(lambda level, number: tiles[level, number])
    frontier = merkle.Frontier.read(first, read)
    assert frontier.root() == defined_root(hashes[:first])
    for hashed in hashes[first:]:
        frontier.append(hashed)
    assert frontier.root() == merkle.Frontier.read(second, read).root() == defined_root(hashes)
    proof = merkle.consistency_proof(first, second, read)
    assert merkle.verify_consistency(first, defined_root(hashes[:first]), second, frontier.root(), proof)


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536, 65_537])
def test_the_frontier_at_the_borders_of_tiles(size: int) -> None:
    read = merkle.subtree_of_hashes([number.to_bytes(32, "big") for number in range(size + 1)])
    frontier = merkle.Frontier.read(size, read)
    frontier.append(size.to_bytes(32, "big"))
    again = merkle.Frontier.read(size + 1, read)
    assert (frontier.size, frontier.roots) == (again.size, again.roots)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((1, 999, 8), "tile/1/999.p/8"),
        ((0, 1_234_067), "tile/0/x001/x234/067"),
        (("entries", 1_000, 3), "tile/entries/x001/000.p/3"),
    ],
)
def test_the_path_of_a_tile(place: tuple[int, int], path: str) -> None:
    assert merkle.tile_path(*place) == path
