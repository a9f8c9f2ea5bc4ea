"""What publishers sign of an epoch's rows beside its Poseidon root, and of its collateral factors.

The tree is OpenZeppelin's StandardMerkleTree: leaves are hashed twice, sorted, and put at the end of a complete binary
tree kept as an array; pairs are hashed sorted, so that `MerkleProof.verify` takes a path without directions. Since
leaves are sorted, the root does not depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from primitives.errors import BadInput, Said
from prover.curve import ORDER

ASSET_NUMBER_BITS = 31
"""By so many low bits of its id lists of factors and vaults know an asset (ASSET_NUMBER of LeafChallenges.sol)."""
FACTOR_BITS = 80


def asset_number(id: int) -> int:
    """As which lists of factors and vaults know an asset of an id."""
    return id & (1 << ASSET_NUMBER_BITS) - 1


class Factor(NamedTuple):
    """`Factor` of LeafChallenges.sol.  v, d : what a base unit counts for as collateral and as a debt, in
    2⁻⁶⁴ · 10⁻⁶ quote units."""

    asset: int
    v: int
    d: int


def row_digest(kind: int, elements: Sequence[int]) -> bytes:
    """keccak256(keccak256(abi.encode(kind, elements))), `rowDigest` of EpochContent.sol.

    kind : the leaf's tag.  elements : residues in [0, r), the id first.
    """
    head = (kind, 64, len(elements))               # abi.encode(uint256, uint256[]): the array is behind its offset
    if not all(0 <= element < ORDER for element in elements):
        raise BadInput("elements", Said("one out of the field"), "residues in [0, r)")
    return keccak(keccak(b"".join(word.to_bytes(32, "big") for word in (*head, *elements))))


class KeccakTree:
    """The tree of some rows' digests; at least one."""

    def __init__(self, digests: Iterable[bytes]) -> None:
        leaves = sorted(digests)
        if not leaves:
            raise BadInput("rows", 0, "at least one: a tree without leaves has no root")
        nodes = [b""] * (len(leaves) - 1) + leaves[::-1]
        for place in reversed(range(len(leaves) - 1)):
            nodes[place] = _pair(nodes[2 * place + 1], nodes[2 * place + 2])
        self._nodes = nodes
        self._places = {leaf: len(nodes) - 1 - i for i, leaf in enumerate(leaves)}

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self._nodes[0]

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

    def path(self, digest: bytes) -> list[bytes]:
        """Siblings from a leaf up.

        Raises
        ------
        BadInput : no such leaf.
        """
        if digest not in self._places:
            raise BadInput("row", "0x" + digest.hex(), "in the tree")
        place, found = self._places[digest], []
        while place:
            found.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return found


def factors_hash(factors: Sequence[Factor]) -> bytes:
    """keccak256(abi.encode(Factor[])).

    Raises
    ------
    BadInput : assets do not rise strictly from above 0, or v <= d < 2**80 does not hold: a list that the court calls
        false by itself (E8).
    """
    last = 0
    for factor in factors:
        if not last < factor.asset < 1 << ASSET_NUMBER_BITS:
            raise BadInput("factors: asset", factor.asset, f"above {last}, the one before, and below "
                           f"2**{ASSET_NUMBER_BITS}")
        if not 0 <= factor.v <= factor.d < 1 << FACTOR_BITS:
            raise BadInput(f"factors: v and d of asset {factor.asset}", (factor.v, factor.d),
                           f"0 <= v <= d < 2**{FACTOR_BITS}")
        last = factor.asset
    return keccak(encode(["(uint32,uint80,uint80)[]"], [[tuple(factor) for factor in factors]]))


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)
