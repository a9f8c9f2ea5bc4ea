"""What travels between the caller and a worker. Nothing here shows a witness where somebody prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from circuits.statements.cover import Claim
from primitives import jsonio
from primitives.errors import BadInput, TailproofError, Unsatisfied
from primitives.jsonio import Node
from verifier_contracts.context import Context

from ..bundle import Bundle
from ..secret import Opening


@dataclass(frozen=True)
class Site:
    """What all jobs of a run have in common: paths as the workers have them, and what must lie there.

    key, epoch : directories.  key_digest : 0x-hex.  root : of the epoch.
    """

    key: str
    key_digest: str
    epoch: str
    root: int


@dataclass(frozen=True, repr=False)
class Job:
    """One account to prove. Dask prints what a task was given, in logs and errors: this prints no opening.

    claim : of a cover; None: its margin is proven.
    """

    opening: Opening
    context: Context
    claim: Claim | None = None

    def __repr__(self) -> str:
        return f"Job({self.context.account}, version {self.context.version})"


@dataclass(frozen=True)
class Refusal:
    """Why an account has no proof, without the value that was wrong, which may be a position.

    error : name of the type: BadInput, Unsatisfied …  field : what was wrong.  bound : what would have been right.
    """

    error: str
    field: str
    bound: str

    @staticmethod
    def of(error: TailproofError) -> Refusal:
        """What may be said of an error."""
        if isinstance(error, BadInput):
            return Refusal(type(error).__name__, error.field, error.bound)
        if isinstance(error, Unsatisfied):
            return Refusal(type(error).__name__, error.place, error.bound or "satisfied")
        return Refusal(type(error).__name__, "proof", "possible")

    def __str__(self) -> str:
        return f"{self.error}: {self.field} must be {self.bound}"


@dataclass(frozen=True)
class Answer:
    """What a worker says; exactly one of three.

    bundle : the proof.  refusal : that there is none.  trouble : that it could not do its work, and why: no word about
    the account.
    """

    bundle: Bundle | None = None
    refusal: Refusal | None = None
    trouble: str | None = None

    def encode(self) -> str:
        """As `decode` reads it."""
        data: dict[str, Any] = {}
        if self.bundle is not None:
            data["bundle"] = self.bundle.to_json()
        if self.refusal is not None:
            data["refusal"] = vars(self.refusal)
        if self.trouble is not None:
            data["trouble"] = self.trouble
        return jsonio.dumps(data)

    @staticmethod
    def decode(text: Any) -> Answer:
        """Read an answer as one of a stranger; raises BadInput for what is none."""
        node = Node(jsonio.loads(text) if isinstance(text, str) else text, field="answer")
        parts = node.object((), {"bundle", "refusal", "trouble"})
        if len(parts) != 1:
            raise BadInput("answer", sorted(parts), "one of a bundle, a refusal and a trouble")
        if "bundle" in parts:
            return Answer(bundle=Bundle.of(parts["bundle"]))
        if "refusal" in parts:
            said = parts["refusal"].object({"error", "field", "bound"})
            return Answer(refusal=Refusal(said["error"].text(), said["field"].text(), said["bound"].text()))
        return Answer(trouble=parts["trouble"].text())
