"""Merkle trees compatible with OpenZeppelin's StandardMerkleTree (specification T1–T3)."""

from collections.abc import Sequence
from typing import Any

from labelshare.rules.eip712 import word
from labelshare.rules.keccak import hashed, keccak

LABEL_TYPES = ("uint256", "uint256", "bytes32")
TASK_TYPES = ("uint256", "bytes32")


def leaf_hash(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Hashed twice, so that no inner node (64 bytes) can pass for a leaf. Raises ValueError when a value is not of its type."""
    return keccak(keccak(b"".join(word(kind, value) for kind, value in zip(types, values, strict=True))))


def hash_pair(a: bytes, b: bytes) -> bytes:
    return keccak(a + b if a < b else b + a)


class StandardTree:
    """A tree over rows of one-word ABI values. Raises ValueError without rows, or when a value is not of its type."""

    def __init__(self, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            raise ValueError("A tree needs at least one row.")
        leaves = [leaf_hash(types, row) for row in rows]
        order = sorted(range(len(rows)), key=lambda i: leaves[i])
        size = 2 * len(rows) - 1
        self._nodes = [b""] * size
        self._position = [0] * len(rows)
        for rank, row in enumerate(order):
            self._nodes[size - 1 - rank] = leaves[row]
            self._position[row] = size - 1 - rank
        for i in range(len(rows) - 2, -1, -1):
            self._nodes[i] = hash_pair(self._nodes[2 * i + 1], self._nodes[2 * i + 2])

    @property
    def root(self) -> bytes:
        return self._nodes[0]

    def proof(self, row: int) -> list[bytes]:
        """The sibling hashes of a row's leaf, from the leaf up."""
        position, proof = self._position[row], []
        while position:
            proof.append(self._nodes[position + 1 if position % 2 else position - 1])
            position = (position - 1) // 2
        return proof


def verify(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the leaf's hash and its proof lead to the root."""
    for sibling in proof:
        if len(sibling) != 32:
            return False
        leaf = hash_pair(leaf, sibling)
    return leaf == root


def labels_root(rows: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The root of `labels_tree`, for who needs no proof, in a third of the time. Raises ValueError as it does."""
    if not rows:
        raise ValueError("A tree needs at least one row.")
    if any(len(salt) != 32 for _, _, salt in rows):
        raise ValueError("a salt has 32 bytes")
    try:
        leaves = [task.to_bytes(32, "big") + answer.to_bytes(32, "big") + salt for task, answer, salt in rows]
    except OverflowError as error:
        raise ValueError(f"a label is out of range: {error}") from error
    # Without a call of ours for each of three hashes a label, which is a fifth of the time.
    level: list[bytes] = [hashed(hashed(leaf).digest()).digest() for leaf in leaves]
    # The tree is an array with the leaves, the largest first, at its end; node i has the children 2i + 1 and 2i + 2.
    nodes = [b""] * (len(rows) - 1) + sorted(level, reverse=True)
    for i in range(len(rows) - 2, -1, -1):
        a, b = nodes[2 * i + 1], nodes[2 * i + 2]
        nodes[i] = hashed(a + b if a < b else b + a).digest()
    return nodes[0]


def labels_tree(rows: Sequence[tuple[int, int, bytes]]) -> StandardTree:
    """The tree of a submission over (task, answer, salt)."""
    return StandardTree(LABEL_TYPES, rows)


def tasks_tree(content_hashes: Sequence[bytes]) -> StandardTree:
    """The tree of a round over (index, content hash)."""
    return StandardTree(TASK_TYPES, list(enumerate(content_hashes)))
