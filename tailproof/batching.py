"""Margins of many accounts in one proof, as a file: what the batch attestor is sent, and what anybody can check.

The verifier's public inputs are no part of it: whoever checks computes them from accounts, margins and digest, as the
contract does (`circuits.statements.batch`). Whoever proves it sees every portfolio in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from circuits import statements
from circuits.statements import Statement, batch
from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from prover import Proof
from prover.files.snarkjs import proof_from_json, proof_to_json
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape
from verifier_contracts.addresses import checksummed, read_address, read_bytes32
from verifier_contracts.context import Context

from .attestation import require_opens
from .auditing import Check
from .bundle import SETUPS
from .epochs import AnyEpoch
from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven
from .secret import Opening
from .shapes import require_shape
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName

SCHEMA = "tailproof.batch/1"
LATEST = 2**40 - 1


class Wanted(NamedTuple):
    """An account to prove.  version : of its state.  opening : of its commitment."""

    account: str
    version: int
    opening: Opening


class Margin(NamedTuple):
    """What a batch says of an account.  margin : 10**-6 quote units."""

    account: str
    version: int
    commitment: int
    margin: int


class Place(NamedTuple):
    """What the contexts of all accounts have in common."""

    chain_id: int
    manager: str
    key_digest: bytes
    epoch_id: int

    def context(self, account: str, version: int) -> Context:
        """Of one account."""
        return Context("batch", self.chain_id, self.manager, self.key_digest, account, self.epoch_id, version)


@dataclass(frozen=True)
class Batch:
    """place : of every account's context.  margins : without unused places.  digest : H(BATCH; y), as proven."""

    statement: str
    r1cs_digest: str
    insecure_setup: bool
    place: Place
    epoch_root: int
    margins: tuple[Margin, ...]
    digest: int
    proof: Proof

    def content(self) -> list[int]:
        """y, as the contract puts it together; raises BadInput for more accounts than the statement takes."""
        contexts = [self.place.context(one.account, one.version).field_element() for one in self.margins]
        return batch.content(preset_of(statements.get(self.statement)), self.epoch_root, [
            batch.Entry(context, one.commitment, one.margin)
            for context, one in zip(contexts, self.margins, strict=True)])

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "statement": self.statement, "r1cs_digest": self.r1cs_digest,
                "setup": SETUPS[0] if self.insecure_setup else SETUPS[1], **self.place._asdict(),
                "key_digest": "0x" + self.place.key_digest.hex(),
                "epoch_root": str(self.epoch_root), "digest": str(self.digest), "proof": proof_to_json(self.proof),
                "margins": [{"account": one.account, "version": one.version, "commitment": str(one.commitment),
                             "margin": str(one.margin)} for one in self.margins]}

    def save(self, path: Path) -> None:
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Batch:
        """Read what `save` wrote; raises BadInput naming the field."""
        return Batch.of(Node.read(path))

    @staticmethod
    def of(node: Node) -> Batch:
        """A batch at a place in a document; errors as `load`."""
        parts = node.document(SCHEMA, {"statement", "r1cs_digest", "setup", "chain_id", "manager",
                                       "key_digest", "epoch_id", "epoch_root", "digest", "proof", "margins"})
        margins = []
        for entry in parts["margins"].array(at_least=1, at_most=64):
            each = entry.object({"account", "version", "commitment", "margin"})
            margins.append(Margin(read_address(each["account"]), each["version"].integer(0, LATEST),
                                  each["commitment"].decimal(1, MODULUS - 1), each["margin"].decimal(0, 2**128 - 1)))
        _distinct([one.account for one in margins])
        return Batch(parts["statement"].text(), parts["r1cs_digest"].text(r"[0-9a-f]{64}", "64 hex digits"),
                     parts["setup"].choice(SETUPS) == SETUPS[0],
                     Place(parts["chain_id"].integer(0, (1 << 53) - 1), read_address(parts["manager"]),
                           read_bytes32(parts["key_digest"]), parts["epoch_id"].integer(0, LATEST)),
                     parts["epoch_root"].decimal(0, MODULUS - 1),
                     tuple(margins), parts["digest"].decimal(0, MODULUS - 1),
                     proof_from_json(parts["proof"], source=node.source))


def preset_of(statement: Statement) -> batch.Preset:
    """The sizes of a batch statement; raises BadInput for another."""
    preset: Any = statement.preset
    if not isinstance(preset, batch.Preset):
        raise BadInput("statement", statement.name, "a batch statement: batch-…")
    return preset


def _distinct(accounts: Sequence[str]) -> None:
    twice = [account for account in accounts if accounts.count(account) > 1]
    if twice:
        raise BadInput("account", twice[0], "given once: a batch is refused that has one twice")


def prove_batch(keys: KeyDirectory, epoch: AnyEpoch, wanted: Sequence[Wanted], place: Place, *,
                progress: Progress = quiet) -> Batch:
    """Prove the margins of some accounts in one epoch.

    Raises
    ------
    BadInput : the key, an opening, or the epoch is of another statement; no account, one twice, or too many; a
        portfolio out of bounds. All before any cryptography runs.
    """
    statement = statements.get(keys.statement)
    preset = preset_of(statement)
    keys.require(statement)
    require_shape(epoch.shape, statement.shape, statement.name)
    assert isinstance(epoch, Epoch)
    if "0x" + place.key_digest.hex() != keys.key_digest:
        raise BadInput("key digest", keys.key_digest, f"0x{place.key_digest.hex()}, for which the contexts are")
    if not wanted:
        raise BadInput("number of accounts", 0, "at least 1")
    _distinct([one.account for one in wanted])
    accounts = []
    for one in wanted:
        if statements.get(one.opening.statement).preset != preset.account:
            raise BadInput(f"opening of {one.account}: statement", one.opening.statement,
                           f"one of the margin that {statement.name} proves")
        require_opens(one.opening)
        rows = [(epoch.index_of(number), lots) for number, lots in one.opening.slots]
        accounts.append(batch.Account(rows, one.opening.salt, place.context(one.account, one.version).field_element()))
    inputs = batch.assign(preset, epoch, accounts, place.key_digest)
    public, proof = proven(keys, statement, inputs, progress=progress)
    margins = tuple(Margin(checksummed(one.account), one.version, entry.commitment, entry.margin)
                    for one, entry in zip(wanted, batch.entries_of(inputs), strict=False))
    return Batch(statement.name, r1cs_digest(statement.name), keys.insecure_setup, place, epoch.root, margins,
                 public["digest"], proof)


def audit_batch(found: Batch, key: VerificationKey, *, epoch_root: int, shape: EpochShape | GridShape,
                key_circuit: str | None = None, backend: BackendName = "kernels") -> Sequence[Check]:
    """Check a batch against a key and an epoch; parameters as `auditing.audit`.

    χ and Y are computed from what the file says, so that a margin, a context or a commitment that is another makes
    another Y; δ fixes what the proof is of before χ is known.

    Raises
    ------
    BadInput : of a statement that we do not know, or that is none of batches; more accounts than it takes.
    """
    from prover import verify
    statement = statements.get(found.statement)
    circuit, public = r1cs_digest(statement.name), batch.public_inputs(key.digest(), found.content(), found.digest)
    checks = [Check.same("constraint system", found.r1cs_digest, circuit),
              Check.same("key", "0x" + found.place.key_digest.hex(), "0x" + key.digest().hex()),
              Check.same("setup", found.insecure_setup, key.insecure_setup),
              Check.same("epoch shape", shape.digest(), statement.shape.digest()),
              Check.same("epoch root", found.epoch_root, epoch_root)]
    if key_circuit is not None:
        checks.append(Check.same("key's constraints", key_circuit, circuit))
    proven = key.public == len(public) and verify(key, list(public), found.proof, backend=backend)
    return [*checks, Check(f"proof ({backend})", proven, "Groth16 over BN254" if proven else
                           "one that this key rejects", "one that the key accepts, of these accounts and margins")]
