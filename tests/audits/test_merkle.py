"""Published vectors: the eight leaves of the reference implementation, transparency-dev/merkle."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.merkle import (
    EMPTY_ROOT,
    Hash,
    consistency_proof,
    hash_leaf,
    hash_node,
    hash_perfect,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)

ENTRIES: Final = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES: Final = [hash_leaf(entry) for entry in ENTRIES]
ROOTS: Final = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
H0: Final = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H1: Final = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H2: Final = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
H3: Final = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
H4: Final = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
H5: Final = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
H6: Final = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H7: Final = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
H8: Final = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
H9: Final = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
OTHER: Final = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")

SIZES = st.integers(1, 130)


def leaves_of(size: int) -> list[Hash]:
    return [hash_leaf(b"%d" % number) for number in range(size)]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_are_found(size):
    assert root_of(LEAVES[:size]) == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "published"),
    [
        (0, 1, []),
        (0, 8, [H0, H1, H2]),
        (5, 8, [H3, H4, H5]),
        (2, 3, [H8]),
        (1, 5, [H9, H1, H3]),
    ],
)
def test_the_published_inclusion_proofs_are_found_and_accepted(index, size, published):
    proof = inclusion_proof(LEAVES[:size], index=index)

    assert [step.hex() for step in proof] == published
    assert verify_inclusion(
        leaf=LEAVES[index], index=index, size=size, proof=proof, root=ROOTS[size]
    )


@pytest.mark.parametrize(
    ("old_size", "size", "published"),
    [
        (1, 1, []),
        (1, 8, [H0, H1, H2]),
        (6, 8, [H6, H4, H5]),
        (2, 5, [H1, H3]),
        (6, 7, [H6, H7, H5]),
    ],
)
def test_the_published_consistency_proofs_are_found_and_accepted(old_size, size, published):
    proof = consistency_proof(LEAVES[:size], old_size=old_size)

    assert [step.hex() for step in proof] == published
    assert verify_consistency(
        old_size=old_size, old_root=ROOTS[old_size], size=size, root=ROOTS[size], proof=proof
    )


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5)])
def test_a_corrupted_inclusion_proof_is_refused(index, size):
    leaf, root = LEAVES[index], ROOTS[size]
    proof: list[bytes] = list(inclusion_proof(LEAVES[:size], index=index))
    flipped = [
        [*proof[:at], bytes([step[0] ^ 8]) + step[1:], *proof[at + 1 :]]
        for at, step in enumerate(proof)
    ]
    corrupted = [
        (index - 1, size, leaf, proof, root),
        (index + 1, size, leaf, proof, root),
        (index ^ 2, size, leaf, proof, root),
        (index, size * 2, leaf, proof, root),
        (index, size // 2, leaf, proof, root),
        (index, size, b"short", proof, root),
        (index, size, OTHER, proof, root),
        (index, size, leaf, proof, b""),
        (index, size, leaf, proof, EMPTY_ROOT),
        (index, size, leaf, proof, OTHER),
        (index, size, leaf, [*proof, b""], root),
        (index, size, leaf, [*proof, root], root),
        (index, size, leaf, [b"", *proof], root),
        (index, size, leaf, [root, *proof], root),
        *[(index, size, leaf, path, root) for path in flipped],
        *[(index, size, leaf, proof[:-1], root) for _ in proof[:1]],
    ]

    accepted = [
        case
        for case in corrupted
        if verify_inclusion(leaf=case[2], index=case[0], size=case[1], proof=case[3], root=case[4])
    ]

    assert accepted == []


@pytest.mark.parametrize(("old_size", "size"), [(1, 8), (6, 8), (2, 5), (6, 7), (4, 8)])
def test_a_corrupted_consistency_proof_is_refused(old_size, size):
    old_root, root = ROOTS[old_size], ROOTS[size]
    proof: list[bytes] = list(consistency_proof(LEAVES[:size], old_size=old_size))
    flipped = [
        [*proof[:at], bytes([step[0] ^ 16]) + step[1:], *proof[at + 1 :]]
        for at, step in enumerate(proof)
    ]
    corrupted = [
        (old_size - 1, size, old_root, root, proof),
        (old_size + 1, size, old_root, root, proof),
        (old_size ^ 2, size, old_root, root, proof),
        (old_size, size * 2, old_root, root, proof),
        (old_size, size // 2, old_root, root, proof),
        (old_size, size, b"short", root, proof),
        (old_size, size, old_root, b"short", proof),
        (old_size, size, root, old_root, proof),
        (old_size, size, old_root, OTHER, proof),
        (old_size, size, old_root, root, []),
        (old_size, size, old_root, root, [*proof, b""]),
        (old_size, size, old_root, root, [*proof, old_root]),
        (old_size, size, old_root, root, [*proof, root]),
        (old_size, size, old_root, root, [b"", *proof]),
        (old_size, size, old_root, root, [old_root, *proof]),
        (old_size, size, old_root, root, [root, *proof]),
        (old_size, size, old_root, root, [proof[0], *proof]),
        (old_size, size, old_root, root, proof[:-1]),
        *[(old_size, size, old_root, root, path) for path in flipped],
    ]

    accepted = [
        case
        for case in corrupted
        if verify_consistency(
            old_size=case[0], size=case[1], old_root=case[2], root=case[3], proof=case[4]
        )
    ]

    assert accepted == []


@pytest.mark.parametrize(
    ("old_size", "size", "old_root", "root", "proof"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, []),
        (0, 1, EMPTY_ROOT, OTHER, []),
        (1, 0, OTHER, EMPTY_ROOT, []),
        (2, 1, OTHER, OTHER, []),
        (1, 1, OTHER, EMPTY_ROOT, []),
        (1, 1, OTHER, OTHER, [OTHER]),
        (-1, 1, OTHER, OTHER, []),
    ],
)
def test_sizes_that_prove_nothing_are_refused(old_size, size, old_root, root, proof):
    assert not verify_consistency(
        old_size=old_size, size=size, old_root=old_root, root=root, proof=proof
    )


def recursive_root(leaves: list[Hash]) -> Hash:
    """Follow the definition of section 2.1.1 word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hash_node(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


@given(SIZES)
def test_the_root_follows_the_recursive_definition(size):
    leaves = leaves_of(size)

    assert root_of(leaves) == recursive_root(leaves)


@given(SIZES, st.data())
def test_every_leaf_has_a_proof_that_fits_no_other_place(size, data):
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)

    proof = inclusion_proof(leaves, index=index)

    fits = verify_inclusion(
        leaf=leaves[index], index=other, size=size, proof=proof, root=root_of(leaves)
    )
    assert fits is (other == index)


@given(SIZES, st.data())
def test_every_earlier_tree_is_proven_to_be_the_beginning(size, data):
    old_size = data.draw(st.integers(1, size))
    leaves = leaves_of(size)
    forked = [hash_leaf(b"another history"), *leaves[1:]]

    proof = consistency_proof(leaves, old_size=old_size)

    for old_leaves, expected in ((leaves, True), (forked, False)):
        assert (
            verify_consistency(
                old_size=old_size,
                old_root=root_of(old_leaves[:old_size]),
                size=size,
                root=root_of(leaves),
                proof=proof,
            )
            is expected
        )


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_outside_the_tree_has_no_proof(index):
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_proof(LEAVES[:3], index=index)


@pytest.mark.parametrize("old_size", [0, 4])
def test_an_empty_or_larger_old_tree_has_no_proof(old_size):
    with pytest.raises(ValueError, match="empty or larger"):
        consistency_proof(LEAVES[:3], old_size=old_size)


@pytest.mark.parametrize("count", [0, 3])
def test_a_perfect_subtree_has_a_power_of_two_of_leaves(count):
    with pytest.raises(ValueError, match="power of two"):
        hash_perfect(LEAVES[:count])
