"""Merkle trees: OpenZeppelin's StandardMerkleTree, and nothing that is not a leaf passes for one."""

import random

import pytest

from labelshare.rules.evidence import salt
from labelshare.rules.merkle import LABEL_TYPES, StandardTree, hash_pair, labels_tree, leaf_hash, tasks_tree, verify

SECRET = b"\x09" * 32


def rows_of(size: int) -> list[tuple[int, int, bytes]]:
    return [(task, task % 3, salt(SECRET, 1, 0, task)) for task in range(size)]


def test_the_root_is_the_one_that_openzeppelin_documents_for_its_example() -> None:
    rows = [("0x" + "1" * 40, 5 * 10**18), ("0x" + "2" * 40, 25 * 10**17)]
    root = "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"
    assert StandardTree(("address", "uint256"), rows).root.hex() == root


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 9, 100, 320, 1024])
def test_every_row_has_a_proof_and_no_other_leaf_has_it(size: int) -> None:
    rows = rows_of(size)
    tree = labels_tree(rows)
    for number, (task, answer, grain) in enumerate(rows):
        proof = tree.proof(number)
        assert len(proof) <= max(0, size - 1).bit_length()
        assert verify(tree.root, leaf_hash(LABEL_TYPES, (task, answer, grain)), proof)
        assert not verify(tree.root, leaf_hash(LABEL_TYPES, (task, answer + 1, grain)), proof)
        assert not verify(tree.root, leaf_hash(LABEL_TYPES, (task + 1, answer, grain)), proof)


def test_the_root_does_not_depend_on_the_order_of_rows() -> None:
    rows = rows_of(57)
    shuffled = random.Random(1).sample(rows, len(rows))
    assert labels_tree(shuffled).root == labels_tree(rows).root
    number = shuffled.index(rows[5])
    assert labels_tree(shuffled).proof(number) == labels_tree(rows).proof(5)


def test_an_inner_node_or_the_root_is_no_row() -> None:
    rows = rows_of(4)
    tree = labels_tree(rows)
    leaf, sibling = leaf_hash(LABEL_TYPES, rows[0]), tree.proof(0)[0]
    inner = hash_pair(leaf, sibling)
    assert verify(tree.root, inner, tree.proof(0)[1:])
    assert inner not in {leaf_hash(LABEL_TYPES, row) for row in rows}
    for forged in ((0, 0, bytes(32)), (int.from_bytes(leaf, "big"), int.from_bytes(sibling, "big"), bytes(32))):
        assert not verify(tree.root, leaf_hash(LABEL_TYPES, forged), tree.proof(0)[1:])


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_proof_of_other_than_32_byte_words_proves_nothing(length: int) -> None:
    leaf = leaf_hash(LABEL_TYPES, rows_of(1)[0])
    assert not verify(hash_pair(leaf, bytes(length)), leaf, [bytes(length)])


def test_a_tree_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        labels_tree([])


@pytest.mark.parametrize(
    "row",
    [(0, 1, bytes(31)), (0, 1, bytes(33)), (-1, 1, bytes(32)), (0, 2**256, bytes(32)), ("0", 1, bytes(32)), (0, True, bytes(32))],
)
def test_a_row_is_never_padded_or_coerced(row: tuple[int, int, bytes]) -> None:
    with pytest.raises(ValueError):
        labels_tree([row])


def test_a_row_has_as_many_values_as_types() -> None:
    with pytest.raises(ValueError):
        StandardTree(LABEL_TYPES, [(1, 2)])


def test_a_tasks_tree_binds_each_content_to_its_index() -> None:
    first, second = b"\x01" * 32, b"\x02" * 32
    assert tasks_tree([first, second]).root != tasks_tree([second, first]).root
    assert tasks_tree([first]).root == leaf_hash(("uint256", "bytes32"), (0, first))
