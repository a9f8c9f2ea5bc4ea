"""The challenge: what a counterparty asks to be shown, before anybody proves anything.

    {"schema": "tailproof.challenge/1", "statement": "solvency-grid-1000x32", "key_digest": "0x…", "asker": "Bank A",
     "account": "0x…", "buffer": 500, "until": 1893456000, "nonce": "0x…", "venue": "0x…", "custodian": "0x…"}

Its digest is the action of the proof that answers it (`certificate`), so that the answer is to this challenge alone:
32 random bytes make every challenge another, whatever else it says. Who asks names who must attest: a commitment that
nobody whom she trusts has signed could be to anything. She keeps the file; the holder needs only a copy.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from circuits import statements
from circuits.clauses.collateral import BUFFER_BITS
from circuits.statements import Statement, solvency
from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address

SCHEMA = "tailproof.challenge/1"
LATEST = 2**40 - 1
"""Unix seconds."""
_ASKER = r"(?=.*\S)[^\x00-\x1f\x7f\ud800-\udfff]{1,200}"
_NAMED = "a name of at most 200 characters, in one line"


@dataclass(frozen=True)
class Challenge:
    """Who asks whom to show what, until when.

    statement, key_digest : the statement and the key (32 bytes, 0x-hex) that she verifies with.
    asker : a name, for people: nothing shows that she is it.  account : who is asked, an address.
    buffer : required beyond the margin, in basis points of it.  until : last Unix second at which the answer counts.
    nonce : 32 random bytes.
    venue, custodian : whose signatures she believes for positions and for collateral, addresses.
    epoch_root : the epoch that it must be under; None: she says so when she verifies.

    Raises
    ------
    BadInput : a field out of bounds; an account that would attest for itself.
    """

    statement: str
    key_digest: str
    asker: str
    account: str
    buffer: int
    until: int
    nonce: bytes
    venue: str
    custodian: str
    epoch_root: int | None = None

    def __post_init__(self) -> None:
        require_solvency(statements.get(self.statement))
        Node(self.asker, field="asker").text(_ASKER, _NAMED)
        Node(self.buffer, field="buffer").integer(0, (1 << BUFFER_BITS) - 1)
        Node(self.until, field="until").integer(0, LATEST)
        if len(self.nonce) != 32:
            raise BadInput("nonce", "0x" + self.nonce.hex(), "32 bytes")
        for name in ("account", "venue", "custodian"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))
        for name in ("venue", "custodian"):
            if getattr(self, name) == self.account:
                raise BadInput(name, self.account, "another than the account: nobody attests for herself")

    @property
    def digest(self) -> bytes:
        """keccak256 of the canonical JSON of all of it: what the proof's context has as its action."""
        return keccak(jsonio.canonical(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """As `load` reads it."""
        root = {} if self.epoch_root is None else {"epoch_root": str(self.epoch_root)}
        return {"schema": SCHEMA, "statement": self.statement, "key_digest": self.key_digest, "asker": self.asker,
                "account": self.account, "buffer": self.buffer, "until": self.until, "nonce": "0x" + self.nonce.hex(),
                "venue": self.venue, "custodian": self.custodian, **root}

    def save(self, path: Path) -> None:
        """Write it for the holder, and to verify the answer with."""
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Challenge:
        """Read what `save` wrote; raises BadInput naming the field."""
        node = Node.read(path)
        parts = node.document(SCHEMA, {"statement", "key_digest", "asker", "account", "buffer", "until", "nonce",
                                       "venue", "custodian"}, {"epoch_root"})
        root = parts["epoch_root"].decimal(0, MODULUS - 1) if "epoch_root" in parts else None
        digests = [parts[name].text(r"0x[0-9a-f]{64}", "0x and 64 lower-case hex digits")
                   for name in ("key_digest", "nonce")]
        try:
            return Challenge(parts["statement"].text(), digests[0], parts["asker"].text(_ASKER, _NAMED),
                             read_address(parts["account"]), parts["buffer"].integer(0, (1 << BUFFER_BITS) - 1),
                             parts["until"].integer(0, LATEST), bytes.fromhex(digests[1][2:]),
                             read_address(parts["venue"]), read_address(parts["custodian"]), root)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=error.source or path) from None


def draw_nonce() -> bytes:
    """32 bytes from the operating system's randomness."""
    return secrets.token_bytes(32)


def require_solvency(statement: Statement) -> None:
    """Refuse another statement; raises BadInput."""
    if not isinstance(statement.preset, solvency.Preset):
        raise BadInput("statement", statement.name, "a solvency statement: solvency-…")
