"""The Merkle tree of RFC 9162 section 2.1: roots, proofs, and checking them. Bytes in, bytes out.

A tree of any size is made of *perfect* subtrees, whose leaves number a power of two. `NodeAt` hands
out their hashes by height and position, so the same code proves from leaves in memory and from
stored tiles.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NewType

Hash = NewType("Hash", bytes)
"""The 32-byte hash of a leaf or of a subtree; never the entry itself."""

NodeAt = Callable[[int, int], Hash]
"""Return the hash of the perfect subtree of a height (0 is a leaf) at a position from the left."""

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = Hash(sha256(b"").digest())

_LEAF_PREFIX: Final = b"\x00"  # domain separation: a leaf can never pass for a node
_NODE_PREFIX: Final = b"\x01"


def hash_leaf(entry: bytes) -> Hash:
    """Return the hash of one entry (section 2.1.1)."""
    return Hash(sha256(_LEAF_PREFIX + entry).digest())


def hash_node(left: bytes, right: bytes) -> Hash:
    """Return the hash of two neighbouring subtrees (section 2.1.1)."""
    return Hash(sha256(_NODE_PREFIX + left + right).digest())


def hash_perfect(hashes: Sequence[Hash]) -> Hash:
    """Return the root over neighbouring perfect subtrees of one height, a power of two of them."""
    row = list(hashes)
    if not row or len(row) & (len(row) - 1):
        raise ValueError("a perfect subtree has a power of two of leaves")
    while len(row) > 1:
        row = [hash_node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def in_memory(leaves: Sequence[Hash]) -> NodeAt:
    """Hash all perfect subtrees over leaves in memory, once."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([hash_node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])
    return lambda height, position: rows[height][position]


def root_at(node: NodeAt, size: int) -> Hash:
    """Return the root over the first `size` leaves (section 2.1.1)."""
    return _subtree(node, 0, size) if size else EMPTY_ROOT


def inclusion_at(node: NodeAt, *, index: int, size: int) -> list[Hash]:
    """Return the inclusion proof of a leaf, its sibling first (section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    return _path(node, position=index, height=0, size=size)


def consistency_at(node: NodeAt, *, old_size: int, size: int) -> list[Hash]:
    """Return the proof that the old tree is the beginning of the larger one (section 2.1.4.1)."""
    if not 0 < old_size <= size:
        raise ValueError("the old tree is empty or larger than the new one")
    if old_size == size:
        return []
    # Climb to the largest perfect subtree that ends where the old tree ends.
    position, height = old_size - 1, 0
    while position & 1:
        position, height = position >> 1, height + 1
    # A position of 0 means that this subtree is the whole old tree, whose root the verifier has.
    known = [node(height, position)] if position else []
    return known + _path(node, position=position, height=height, size=size)


def root_of(leaves: Sequence[Hash]) -> Hash:
    """Return the root over leaf hashes in memory."""
    return root_at(in_memory(leaves), len(leaves))


def inclusion_proof(leaves: Sequence[Hash], *, index: int) -> list[Hash]:
    """Return the inclusion proof of one of these leaves."""
    return inclusion_at(in_memory(leaves), index=index, size=len(leaves))


def consistency_proof(leaves: Sequence[Hash], *, old_size: int) -> list[Hash]:
    """Return the proof that the first `old_size` of these leaves were not changed since."""
    return consistency_at(in_memory(leaves), old_size=old_size, size=len(leaves))


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Say whether the leaf hash stands at `index` of the tree with this size and root.

    The steps are those of section 2.1.3.2.
    """
    if not all(len(value) == HASH_SIZE for value in (leaf, root, *proof)):
        return False
    # Step 1.
    if not 0 <= index < size:
        return False
    # Steps 2 and 3.
    from_left, last, computed = index, size - 1, leaf
    # Step 4.
    for sibling in proof:
        if last == 0:
            return False
        if from_left & 1 or from_left == last:
            computed = hash_node(sibling, computed)
            while not from_left & 1 and from_left:
                from_left, last = from_left >> 1, last >> 1
        else:
            computed = hash_node(computed, sibling)
        from_left, last = from_left >> 1, last >> 1
    # Step 5.
    return last == 0 and computed == root


def verify_consistency(
    *, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether the tree of `old_size` leaves is the beginning of the tree of `size` leaves.

    The steps are those of section 2.1.4.2. Equal sizes need equal roots and no proof. An empty old
    tree is refused: every tree begins with it, so there is nothing to prove.
    """
    if not all(len(value) == HASH_SIZE for value in (old_root, root, *proof)):
        return False
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    # Step 1.
    if not proof:
        return False
    # Step 2.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    # Step 3.
    from_left, last = old_size - 1, size - 1
    # Step 4.
    while from_left & 1:
        from_left, last = from_left >> 1, last >> 1
    # Step 5.
    old_computed = computed = path[0]
    # Step 6.
    for step in path[1:]:
        if last == 0:
            return False
        if from_left & 1 or from_left == last:
            old_computed, computed = hash_node(step, old_computed), hash_node(step, computed)
            while not from_left & 1 and from_left:
                from_left, last = from_left >> 1, last >> 1
        else:
            computed = hash_node(computed, step)
        from_left, last = from_left >> 1, last >> 1
    # Step 7.
    return last == 0 and old_computed == old_root and computed == root


def _path(node: NodeAt, *, position: int, height: int, size: int) -> list[Hash]:
    """Return the siblings on the way from a perfect subtree to the root."""
    path = []
    while (1 << height) < size:
        sibling = position ^ 1
        begin, end = sibling << height, (sibling + 1) << height
        # Where the tree ends early there is no sibling: the node rises unchanged.
        if begin < size:
            path.append(_subtree(node, begin, min(end, size)))
        position, height = position >> 1, height + 1
    return path


def _subtree(node: NodeAt, begin: int, end: int) -> Hash:
    """Return the hash over leaves `begin` to `end`; only at the right edge is it imperfect."""
    perfect = []
    while begin < end:
        height = (end - begin).bit_length() - 1
        perfect.append(node(height, begin >> height))
        begin += 1 << height
    root = perfect.pop()
    while perfect:
        root = hash_node(perfect.pop(), root)
    return root
