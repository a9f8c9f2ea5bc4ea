"""The contracts as Python objects: typed calls, and refusals by the contract's own name for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.abi import decode_result, decoded, encode_call, refusal
from verifier_contracts.addresses import checksummed
from verifier_contracts.artifacts import Artifact
from verifier_contracts.chain import CLOCK_TOLERANCE, Chain, Receipt
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.consent import Consent
from verifier_contracts.context import ATTESTATION, MARGIN, Context
from verifier_contracts.errors import Call, ImplausibleAnswer, Reverted
from verifier_contracts.fees import CALL_GAS

if TYPE_CHECKING:
    from prover import Proof


GAS_CAPS = {"publishEpoch": 250_000, "freezeEpoch": 100_000, "attest": 600_000, "pause": 100_000, "unpause": 100_000,
            "moveAccount": 150_000, "rotateKey": 1_000_000, "challengeField": 1_200_000, "challengeRow": 1_200_000,
            "challengeMarks": 1_200_000, "challengeFactor": 800_000, "answerDemand": 700_000,
            "rotateSigners": 2_000_000, "multicall": 8_000_000, "attestCover": 700_000, "proveShortfall": 700_000,
            "applyTransition": 1_400_000,
            "attestBatch": 1_500_000, "attestMargins": 12_000_000, "attestCovers": 12_000_000, "withdraw": 1_400_000,
            "withdrawFlat": 800_000, "announce": 4_000_000, "activate": 4_000_000}
"""The most gas that a call may use where the user has not said: two to three times what it uses (`gas_report`).
`registerCommitment` runs code of the owner's where she is a contract, and has the general bound."""

ZERO_ADDRESS = "0x" + "00" * 20

LONGEST_CONSENT = 366 * 86_400
"""Seconds."""


@dataclass(frozen=True)
class AccountState:
    """An account as the contract stores it.

    margin : last proven, in 10⁻⁶ quote units; epoch_id : of that proof; version : of the registered commitment, 0 if
    there is none; attested_at : time of the attestation, 0 while this version has none (the margin then binds nobody).
    """

    margin: int
    epoch_id: int
    version: int
    attested_at: int


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
                 gas: int | None = None, pending: bool = False, value: int = 0) -> Receipt:
        """Send a transaction and wait for it; it may use the gas in `GAS_CAPS` unless the chain's terms say more.

        pending : try it in the next block, for what depends on the time.  value : wei to pay with it.
        """
        data = encode_call(self.artifact, function, arguments)
        try:
            return self.chain.send(self.address, data, sender=sender, gas=gas,
                                   gas_cap=GAS_CAPS.get(function, CALL_GAS), pending=pending, value=value)
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


class EpochRegistry(Contract):
    """Published epochs."""

    name = "EpochRegistry"

    def publish(self, epoch_id: int, root: int, model_id: bytes, *, sender: str | None = None) -> Receipt:
        """Publish an epoch's root under its time of publication (role: publisher)."""
        return self.transact("publishEpoch", epoch_id, root, model_id, sender=sender, pending=True)

    def new_epoch_id(self, valuation: int) -> int:
        """The id of an epoch that is published now: the time of the next block, once that is later than the last epoch.

        Parameters
        ----------
        valuation : when the epoch's prices are from, in seconds since 1970.

        Raises
        ------
        BadInput : they are of the future.
        NodeError : the chain's clock stands, or is not near ours.
        """
        now = self.chain.time_after(self.latest_epoch_id())
        if valuation > now:
            raise BadInput("valuation", valuation, f"at most {now}, the time of the next block: an epoch is not of the "
                           "future", source=self.chain.name)
        return now

    def freeze(self, epoch_id: int, *, sender: str | None = None) -> Receipt:
        """Withdraw an epoch for good (role: guardian)."""
        return self.transact("freezeEpoch", epoch_id, sender=sender)

    def root_of(self, epoch_id: int) -> int:
        """The root of an epoch; refused as UnknownEpoch or FrozenEpoch."""
        return int(self.read("rootOf", epoch_id))

    def model_id_of(self, epoch_id: int) -> bytes:
        """Digest of the model file of an epoch; zeros if there is no such epoch."""
        return bytes(self.read("modelIdOf", epoch_id))

    def latest_epoch_id(self) -> int:
        """The newest epoch, 0 before the first."""
        return int(self.read("latestEpochId"))


class MarginManager(Contract):
    """Accounts, their commitments and their proven margins."""

    name = "MarginManager"

    # -- attestation ---------------------------------------------------------------------------------------------------
    def attest(self, account: str, epoch_id: int, version: int, margin: int, words: Sequence[int], *,
               sender: str | None = None, gas: int | None = None) -> Receipt:
        """Move an account's margin by a proof, given as `proof_words`; anyone may."""
        return self.transact("attest", account, epoch_id, version, margin, list(words), sender=sender, gas=gas)

    def context(self, account: str, epoch_id: int, version: int | None = None) -> Context:
        """What a proof for this account must be bound to; `version` None means the registered one."""
        if version is None:
            version = self.state_of(account).version
        return Context(MARGIN, self.chain.chain_id, self.address, self.key_digest(), account, epoch_id, version)

    def context_of(self, account: str, epoch_id: int, version: int, action_hash: bytes = ATTESTATION) -> int:
        """The public input `context` as the contract computes it."""
        return int(self.read("contextOf", account, epoch_id, version, action_hash))

    # -- reading -------------------------------------------------------------------------------------------------------
    def margin_of(self, account: str, max_age: int) -> int:
        """The margin, if it is proven for the registered commitment under an unfrozen epoch at most `max_age` seconds
        old; refused otherwise (NotAttested, StaleMargin, FrozenEpoch, EnforcedPause)."""
        return int(self.read("marginOf", account, max_age))

    def state_of(self, account: str) -> AccountState:
        """The raw state, all zeros for an unknown account."""
        return AccountState(*self.read("stateOf", account))

    def commitment_of(self, account: str) -> int:
        """The registered commitment, 0 if there is none."""
        return int(self.read("commitmentOf", account))

    def venue_of(self, account: str) -> str:
        """The venue that holds the account's positions; the zero address if there is none."""
        return checksummed(self.read("venueOf", account))

    def key_digest(self) -> bytes:
        """Digest of the verification key in force."""
        return bytes(self.read("keyDigest"))

    def circuit_digest(self) -> bytes:
        """Digest of the constraint system that the key in force was made for."""
        return bytes(self.read("circuitDigest"))

    def verifier(self) -> str:
        """Address of the verifier in force."""
        return checksummed(self.read("verifier"))

    def allows_insecure_setup(self) -> bool:
        """Whether this manager takes keys whose maker can forge."""
        return bool(self.read("allowsInsecureSetup"))

    def registry(self) -> str:
        """Address of the registry that it believes."""
        return checksummed(self.read("registry"))

    def paused(self) -> bool:
        """Whether attestations, registrations and `margin_of` are stopped."""
        return bool(self.read("paused"))

    def max_epoch_age(self) -> int:
        """Seconds after which an epoch proves nothing any more."""
        return int(self.read("maxEpochAge"))

    # -- commitments ---------------------------------------------------------------------------------------------------
    def consent(self, account: str, venue: str, commitment: int, deadline: int) -> Consent:
        """What the owner of an account has to sign for its next commitment.

        What she signs is good for as long and for whichever version it says, so a node's word is not enough: the
        deadline is held against this machine's clock, and the version against everything else in the account's state.

        Raises
        ------
        ImplausibleAnswer : the chain's clock is not near ours, or the account's state contradicts itself.
        BadInput : the deadline is more than a year away.
        """
        clock = self.chain.clock()
        if deadline > clock + LONGEST_CONSENT:
            raise BadInput("deadline", deadline, f"at most a year from now, {clock + LONGEST_CONSENT}")
        version = self._plausible_version(account, clock)
        return Consent(self.chain.chain_id, self.address, account, venue, commitment, version + 1, deadline)

    def _plausible_version(self, account: str, clock: int) -> int:
        """The version of an account whose state hangs together: it has a commitment and a venue if and only if it has
        a version, a margin only with both, and nothing in it is of the future. A consent to a later version than the
        next could be kept, and would undo what the owner agrees to until then."""
        state, commitment, venue = self.state_of(account), self.commitment_of(account), self.venue_of(account)
        registered = state.version > 0
        future = clock + CLOCK_TOLERANCE
        if (registered != (commitment != 0) or registered != (venue != ZERO_ADDRESS)
                or (not registered and (state.margin or state.epoch_id or state.attested_at))
                or state.version >= (1 << 40) - 1 or state.epoch_id > future or state.attested_at > future):
            raise ImplausibleAnswer(self.chain.name, f"says of account {account}: {state}, commitment {commitment}, "
                                    f"venue {venue}, which no account can be")
        return state.version

    def register(self, consent: Consent, signature: bytes, *, sender: str | None = None,
                 gas: int | None = None) -> Receipt:
        """Register a commitment with its owner's signed consent (role: venue, the one the consent names)."""
        return self.transact("registerCommitment", consent.account, consent.commitment, consent.version,
                             consent.deadline, signature, sender=sender, gas=gas)

    def move_account(self, account: str, to: str, *, sender: str | None = None) -> Receipt:
        """Hand an account over to another venue (its venue, or the admin)."""
        return self.transact("moveAccount", account, to, sender=sender)

    # -- governance ----------------------------------------------------------------------------------------------------
    def rotate_key(self, verifier: str, expected: tuple[bytes, bytes, list[int], list[int]], *,
                   sender: str | None = None) -> Receipt:
        """Put another key in force (role: admin), as `selftest.expectation` says what is expected of its verifier."""
        return self.transact("rotateKey", verifier, expected, sender=sender)

    def pause(self, *, sender: str | None = None) -> Receipt:
        """Stop attestations, registrations and `margin_of` (role: guardian)."""
        return self.transact("pause", sender=sender)

    def unpause(self, *, sender: str | None = None) -> Receipt:
        """Go on (role: admin)."""
        return self.transact("unpause", sender=sender)
