"""The contracts as Python objects: typed calls, and refusals by the contract's own name for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.abi import decode_result, decoded, encode_call, refusal
from verifier_contracts.addresses import checksummed
from verifier_contracts.artifacts import Artifact
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.errors import Call, Reverted
from verifier_contracts.fees import CALL_GAS

if TYPE_CHECKING:
    from prover import Proof


GAS_CAPS = {"freezeEpoch": 100_000, "attest": 600_000, "pause": 100_000, "unpause": 100_000,
            "moveAccount": 150_000, "challengeField": 1_200_000, "challengeRow": 1_200_000,
            "challengeMarks": 1_200_000, "challengeFactor": 800_000, "answerDemand": 700_000,
            "rotateSigners": 2_000_000, "multicall": 8_000_000, "attestCover": 700_000, "proveShortfall": 700_000,
            "applyTransition": 1_400_000, "postEscrow": 1_100_000, "deliver": 1_200_000, "publishOpening": 900_000,
            "registerKey": 900_000, "foundCommittee": 1_500_000, "registerCommittee": 1_500_000,
            "renewCommittee": 900_000, "showEscrow": 1_100_000, "showCover": 700_000,
            "attestBatch": 1_500_000, "attestMargins": 12_000_000, "attestCovers": 12_000_000, "withdraw": 1_400_000,
            "withdrawFlat": 800_000, "announce": 4_000_000, "activate": 4_000_000,
            "openLot": 1_500_000, "showShortfall": 900_000, "reviveLot": 900_000, "callSilent": 2_500_000,
            "failLot": 1_200_000, "award": 2_500_000, "closePartial": 3_500_000, "showResalting": 700_000,
            "reportBreach": 600_000, "sweepDust": 600_000, "liquidate": 12_000_000, "settle": 14_000_000}
"""The most gas that a call may use where the user has not said: two to three times what it uses (`make gas`).
`registerCommitment` runs code of the owner's where she is a contract, and has the general bound; `liquidate` runs code
of up to eight protocols; `settle` is of up to 64 accounts, a first gain of each at 220,000."""

ZERO_ADDRESS = "0x" + "00" * 20

LONGEST_CONSENT = 366 * 86_400
"""Seconds."""


def proof_words(proof: Proof) -> list[int]:
    """A proof as eight words in the order of EIP-197, imaginary parts first."""
    (ax, ay), (cx, cy) = proof.a, proof.c
    (bx_real, bx_imaginary), (by_real, by_imaginary) = proof.b
    return [ax, ay, bx_imaginary, bx_real, by_imaginary, by_real, cx, cy]


def encode_verification(words: Sequence[int], inputs: Sequence[int]) -> bytes:
    """Calldata for a generated verifier itself, which takes any number of inputs and nothing that is not a proof."""
    selector = keccak(text=f"verifyProof(uint256[8],uint256[{len(inputs)}])")[:4]
    return selector + b"".join(word.to_bytes(32, "big") for word in (*words, *inputs))


def verifier_refusal(chain: Chain, verifier: str, inputs: Sequence[int], words: Sequence[int]) -> bytes | None:
    """What a generated verifier, of any statement, reverts with: its error's data; None if it accepts the proof.

    Parameters
    ----------
    verifier : its address.  inputs : public inputs in the statement's order.  words : of `proof_words`.
    """
    kinds = ["uint256[8]", f"uint256[{len(inputs)}]"]
    data = keccak(text=f"verifyProof({','.join(kinds)})")[:4] + encode(kinds, [list(words), list(inputs)])
    try:
        chain.call(checksummed(verifier), data)
    except Reverted as error:
        return error.data
    return None


class Contract:
    """A deployed contract of ours.

    Every method raises `ContractRefused` with the contract's reason, and `BadInput` for an argument that does not fit
    its type. What changes state is tried without effect before it is sent (see `chain`).
    """

    name: str

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain, self.address = chain, checksummed(address)

    @property
    def artifact(self) -> Artifact:
        return compile_contracts()[self.name]

    def read(self, function: str, *arguments: Any) -> Any:
        """Call a view function."""
        data = self.check(function, *arguments)
        return decode_result(self.artifact, function, data)

    def check(self, function: str, *arguments: Any, sender: str | None = None,
              gas: int | None = None) -> bytes:
        """Run a function without effect: raises what sending it would raise."""
        data = encode_call(self.artifact, function, arguments)
        try:
            return self.chain.call(self.address, data, sender=sender, gas=gas)
        except Reverted as error:
            raise refusal(error, self.name, function) from None

    def attempt(self, function: str, *arguments: Any, sender: str) -> None:
        """Try a transaction in the next block as `sender` would send it, without effect; raises what it would."""
        try:
            self.chain.estimate_gas(self.address, encode_call(self.artifact, function, arguments), sender=sender,
                                    pending=True)
        except Reverted as error:
            raise refusal(error, self.name, function) from None

    def call_by(self, sender: str, function: str, *arguments: Any) -> Call:
        """A transaction for somebody else to send, not tried."""
        data = encode_call(self.artifact, function, arguments)
        return Call(self.chain.chain_id, sender, self.address, 0, data, GAS_CAPS.get(function, CALL_GAS))

    def transact(self, function: str, *arguments: Any, sender: str | None = None,
                 gas: int | None = None, pending: bool = False, value: int = 0, most: int | None = None,
                 before: Callable[[str | None, str | None], object] | None = None) -> Receipt:
        """Send a transaction and wait for it; it may use the gas in `GAS_CAPS` unless the chain's terms say more.

        pending : try it in the next block, for what depends on the time.  value : wei to pay with it.
        most : as of `Chain.send`.
        before : as of `Chain.send`; what it raises keeps the transaction from being sent.
        """
        data = encode_call(self.artifact, function, arguments)
        try:
            return self.chain.send(self.address, data, sender=sender, gas=gas,
                                   gas_cap=GAS_CAPS.get(function, CALL_GAS), pending=pending, value=value,
                                   most=most, before=before)
        except Reverted as error:
            raise refusal(error, self.name, function) from None


@dataclass(frozen=True)
class VerifierFacts:
    """What a generated verifier says of itself.

    key_digest, circuit_digest : 32 bytes; statement : its name; insecure : whether one party made the key.
    """

    key_digest: bytes
    circuit_digest: bytes
    statement: str
    insecure: bool

    @staticmethod
    def of(chain: Chain, address: str) -> VerifierFacts:
        """Ask the verifier at an address; raises BadInput if there is none of ours."""
        return VerifierFacts(*(_constant(chain, address, name, kind) for name, kind in (
            ("KEY_DIGEST", "bytes32"), ("CIRCUIT_DIGEST", "bytes32"), ("STATEMENT", "string"), ("INSECURE", "bool"))))


def _constant(chain: Chain, address: str, name: str, kind: str) -> Any:
    try:
        (value,) = decoded([kind], chain.call(address, keccak(text=f"{name}()")[:4]), exactly=True)
    except (Reverted, DecodingError):
        raise BadInput("verifier", address, f"a generated verifier, which would tell its {name}",
                       source=chain.name) from None
    return value
