"""The challenge: what a counterparty asks to be shown, before anybody proves anything.

    {"schema": "tailproof.challenge/1", "statement": "solvency-grid-1000x32", "key_digest": "0x…", "asker": "Bank A",
     "account": "0x…", "buffer": 500, "until": 1893456000, "nonce": "0x…", "venue": "0x…", "custodian": "0x…"}

For a group over several protocols the statement is one of `netting`, the account the group's owner, and instead of
venue and custodian stand "members": [{"protocol": "0x…", "account": "0x…"}, …]. Nobody else is asked about.

Its digest is the action of the proof that answers it (`certificate`), so that the answer is to this challenge alone:
32 random bytes make every challenge another, whatever else it says. Who asks names who must attest: a commitment that
nobody whom she trusts has signed could be to anything. She keeps the file; the holder needs only a copy.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from circuits import statements
from circuits.clauses.collateral import BUFFER_BITS
from circuits.statements import Statement, netting, solvency
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


class Asked(NamedTuple):
    """A member of a group: an account on a protocol, addresses."""

    protocol: str
    account: str


@dataclass(frozen=True)
class Challenge:
    """Who asks whom to show what, until when.

    statement, key_digest : the statement and the key (32 bytes, 0x-hex) that she verifies with.
    asker : a name, for people: nothing shows that she is it.  account : who is asked, an address.
    buffer : required beyond the margin, in basis points of it.  until : last Unix second at which the answer counts.
    nonce : 32 random bytes.
    venue, custodian : whose signatures she believes for positions and for collateral, addresses; for solvency.
    members : of the group, in the order of their places; for netting. She believes their protocols for both.
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
    venue: str | None = None
    custodian: str | None = None
    members: tuple[Asked, ...] = ()
    epoch_root: int | None = None

    def __post_init__(self) -> None:
        Node(self.asker, field="asker").text(_ASKER, _NAMED)
        Node(self.buffer, field="buffer").integer(0, (1 << BUFFER_BITS) - 1)
        Node(self.until, field="until").integer(0, LATEST)
        if len(self.nonce) != 32:
            raise BadInput("nonce", "0x" + self.nonce.hex(), "32 bytes")
        object.__setattr__(self, "account", checksummed(self.account, "account"))
        preset = statements.get(self.statement).preset
        if isinstance(preset, netting.Preset):
            self._require_group(preset)
        else:
            require_solvency(statements.get(self.statement))
            self._require_keepers()

    def _require_keepers(self) -> None:
        if self.members:
            raise BadInput("members", len(self.members), f"absent: {self.statement} is of one account")
        for name in ("venue", "custodian"):
            object.__setattr__(self, name, checksummed(getattr(self, name) or "", name))
            if getattr(self, name) == self.account:
                raise BadInput(name, self.account, "another than the account: nobody attests for herself")

    def _require_group(self, preset: netting.Preset) -> None:
        if self.venue is not None or self.custodian is not None:
            raise BadInput("venue and custodian", (self.venue, self.custodian), f"absent: {self.statement} believes "
                           "the protocols of its members")
        if not 1 <= len(self.members) <= preset.places:
            raise BadInput("number of members", len(self.members), f"in [1, {preset.places}], the places of "
                           f"{self.statement}")
        members = tuple(Asked(*(checksummed(address, f"members[{i}].{name}")
                                for name, address in member._asdict().items()))
                        for i, member in enumerate(self.members))
        object.__setattr__(self, "members", members)
        if len(set(members)) != len(members):
            raise BadInput("members", [member.account for member in members], "distinct")
        for i, member in enumerate(members):
            if member.protocol in (self.account, member.account):
                raise BadInput(f"members[{i}].protocol", member.protocol, "another than the account and the group's "
                               "owner: nobody attests for herself")

    @property
    def kind(self) -> str:
        """Which of a context's statements it asks for."""
        return "netting" if self.members else "solvency"

    @property
    def digest(self) -> bytes:
        """keccak256 of the canonical JSON of all of it: what the proof's context has as its action."""
        return keccak(jsonio.canonical(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """As `load` reads it."""
        root = {} if self.epoch_root is None else {"epoch_root": str(self.epoch_root)}
        keepers = {"members": [member._asdict() for member in self.members]} if self.members else {
            "venue": self.venue, "custodian": self.custodian}
        return {"schema": SCHEMA, "statement": self.statement, "key_digest": self.key_digest, "asker": self.asker,
                "account": self.account, "buffer": self.buffer, "until": self.until, "nonce": "0x" + self.nonce.hex(),
                **keepers, **root}

    def save(self, path: Path) -> None:
        """Write it for the holder, and to verify the answer with."""
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Challenge:
        """Read what `save` wrote; raises BadInput naming the field."""
        node = Node.read(path)
        keepers = {"members"} if isinstance(node.value, dict) and "members" in node.value else {"venue", "custodian"}
        parts = node.document(SCHEMA, {"statement", "key_digest", "asker", "account", "buffer", "until", "nonce",
                                       *keepers}, {"epoch_root"})
        members = []
        for entry in parts["members"].array(at_least=1, at_most=16) if "members" in parts else []:
            each = entry.object({"protocol", "account"})
            members.append(Asked(read_address(each["protocol"]), read_address(each["account"])))
        venue, custodian = (read_address(parts[name]) if name in parts else None for name in ("venue", "custodian"))
        root = parts["epoch_root"].decimal(0, MODULUS - 1) if "epoch_root" in parts else None
        digests = [parts[name].text(r"0x[0-9a-f]{64}", "0x and 64 lower-case hex digits")
                   for name in ("key_digest", "nonce")]
        try:
            return Challenge(parts["statement"].text(), digests[0], parts["asker"].text(_ASKER, _NAMED),
                             read_address(parts["account"]), parts["buffer"].integer(0, (1 << BUFFER_BITS) - 1),
                             parts["until"].integer(0, LATEST), bytes.fromhex(digests[1][2:]),
                             venue, custodian, tuple(members), root)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=error.source or path) from None


def draw_nonce() -> bytes:
    """32 bytes from the operating system's randomness."""
    return secrets.token_bytes(32)


def require_solvency(statement: Statement) -> None:
    """Refuse another statement; raises BadInput."""
    if not isinstance(statement.preset, solvency.Preset):
        raise BadInput("statement", statement.name, "a solvency statement: solvency-…")
