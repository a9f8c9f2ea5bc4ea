"""What opens the commitment of one member of a group: its positions on one protocol, which it is bound to (N1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits import statements
from circuits.clauses import portfolio
from circuits.statements import Statement, netting
from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from risk.grid.grid_epoch import GridEpoch
from risk.margins.portfolio import Portfolio
from verifier_contracts.addresses import read_address

from .balances import preset_of
from .custody import kept_by
from .secret import draw_salt, require_private

SCHEMA = "tailproof.member-opening/1"


@dataclass(frozen=True)
class MemberOpening:
    """statement : of netting.  protocol, account : addresses.  salt : in [0, r).  slots : (instrument id, lots)."""

    statement: str
    protocol: str
    account: str
    salt: int
    slots: tuple[tuple[int, int], ...]

    @property
    def commitment(self) -> int:
        """What the protocol registers; raises BadInput for more slots than a member has."""
        preset = preset_of(statements.get(self.statement))
        slots = portfolio.fill(preset.member_slots, self.slots)
        return netting.commit(self.salt, kept_by(self.protocol, self.account), slots)

    def save(self, path: Path) -> None:
        """Write with mode 0600."""
        jsonio.write(path, {
            "schema": SCHEMA, "statement": self.statement, "protocol": self.protocol, "account": self.account,
            "commitment": str(self.commitment), "salt": str(self.salt),
            "slots": [{"id": str(number), "lots": lots} for number, lots in self.slots]}, mode=0o600)

    @staticmethod
    def load(path: Path) -> MemberOpening:
        """Read what `save` wrote.

        Raises
        ------
        BadInput : it is not exactly one, others than its owner may read it, or it opens another commitment than it
            says. No value in it is shown.
        """
        require_private(path)
        try:
            return MemberOpening._parse(Node.read(path))
        except BadInput as error:
            if error.field == "file":
                raise
            raise BadInput(error.field, "(hidden)", error.bound, source=path) from None

    @staticmethod
    def _parse(document: Node) -> MemberOpening:
        parts = document.document(SCHEMA, {"statement", "protocol", "account", "commitment", "salt", "slots"})
        slots = []
        for entry in parts["slots"].array(at_most=64):
            slot = entry.object({"id", "lots"})
            slots.append((slot["id"].decimal(0, 2**248 - 1), slot["lots"].integer(-2**40 + 1, 2**40 - 1)))
        made = MemberOpening(parts["statement"].text(), read_address(parts["protocol"]),
                             read_address(parts["account"]), parts["salt"].decimal(0, MODULUS - 1), tuple(slots))
        if parts["commitment"].decimal(1, MODULUS - 1) != made.commitment:
            raise parts["commitment"].refuse("what salt, member and slots commit to")
        return made


def commit_member(statement: Statement, epoch: GridEpoch, held: Portfolio, protocol: str, account: str
                  ) -> MemberOpening:
    """Commit to what an account holds on a protocol, under a fresh salt.

    Raises
    ------
    BadInput : more positions than a member has slots, an instrument that the epoch does not hold, exposures that no
        proof could show.
    """
    preset = preset_of(statement)
    rows = held.rows(epoch)
    if len(rows) > preset.member_slots:
        raise BadInput("number of positions", len(rows), f"at most {preset.member_slots}, a member's slots of "
                       f"{statement.name}",
                       source=held.source)
    portfolio.require_provable(epoch, portfolio.fill(preset.member_slots, rows), preset.margin.gross_bits)
    return MemberOpening(statement.name, protocol, account, draw_salt(),
                         tuple((int(epoch.ids[row]), lots) for row, lots in rows))
