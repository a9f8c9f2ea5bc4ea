"""Whether the code at an address is, byte for byte, what our sources compile to: the contract itself is not believed.

What code cannot show is what a constructor wrote into storage: who has which role, and states that were there before.
"""

from __future__ import annotations

from collections import Counter

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from verifier_contracts.artifacts import Artifact
from verifier_contracts.bindings import MarginManager
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.consent import DOMAIN_NAME, DOMAIN_VERSION

_DOMAIN = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def registry_is_ours(chain: Chain, address: str) -> bool:
    """Whether an `EpochRegistry` of this version is there."""
    return chain.code(address) == compile_contracts()["EpochRegistry"].runtime


def manager_is_ours(manager: MarginManager) -> bool:
    """Whether a `MarginManager` of this version is there.

    Its immutables are set by the constructor: each of them has one value in all its places, and together they are the
    three parameters, which the code being ours its getters tell, and the seven that OpenZeppelin's EIP-712 derives from
    name, version, chain and address. A foreign one would have owners sign for another domain.
    """
    artifact = compile_contracts()["MarginManager"]
    code = manager.chain.code(manager.address)
    if len(code) != len(artifact.runtime) or _without_immutables(code, artifact) != artifact.runtime:
        return False
    found: Counter[bytes] = Counter()
    for places in artifact.immutables.values():
        found.update({code[start:start + length] for start, length in places})         # two values count as two
    name, version = keccak(text=DOMAIN_NAME), keccak(text=DOMAIN_VERSION)
    domain = encode(["bytes32", "bytes32", "bytes32", "uint256", "address"],
                    [_DOMAIN, name, version, manager.chain.chain_id, manager.address])
    return found == Counter([
        encode(["address"], [manager.read("registry")]), encode(["uint256"], [manager.max_epoch_age()]),
        encode(["bool"], [manager.allows_insecure_setup()]), encode(["uint256"], [manager.chain.chain_id]),
        encode(["address"], [manager.address]), keccak(domain), name, version,
        _short(DOMAIN_NAME), _short(DOMAIN_VERSION)])


def _without_immutables(code: bytes, artifact: Artifact) -> bytes:
    blank = bytearray(code)
    for places in artifact.immutables.values():
        for start, length in places:
            blank[start:start + length] = bytes(length)
    return bytes(blank)


def _short(text: str) -> bytes:
    """OpenZeppelin's `ShortString`: up to 31 bytes from the left, their number in the last."""
    return text.encode().ljust(31, b"\0") + bytes([len(text)])
