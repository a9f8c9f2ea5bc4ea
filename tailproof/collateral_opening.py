"""What a custodian keeps for an account, as files: what is there, and the secret that opens a commitment to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits import statements
from circuits.clauses.collateral import AMOUNT_BITS, Holding
from circuits.statements import Statement, solvency
from circuits.statements.solvency import Collateral
from primitives import jsonio
from primitives.errors import BadInput, suggestion
from primitives.field import MODULUS
from primitives.jsonio import Node
from risk.grid.grid_epoch import GridEpoch
from risk.grid.haircuts import parse_collateral
from risk.market.instruments import SYMBOL
from verifier_contracts.addresses import read_address

from .custody import kept_by
from .secret import require_private

SCHEMA = "tailproof.collateral-opening/1"
HOLDINGS_SCHEMA = "tailproof.holdings/1"
MOST_HOLDINGS = 64
_ID_BITS = 248


def read_holdings(path: Path, epoch: GridEpoch) -> tuple[Holding, ...]:
    """Balances and debts of a file, whose assets an epoch lists, in its order.

    Raises
    ------
    BadInput : malformed, an asset twice or one that the epoch does not list, an epoch without collateral.
    """
    return holdings_of(Node.read(path).document(HOLDINGS_SCHEMA, {"holdings"})["holdings"], asset_ids(epoch))


def asset_ids(epoch: GridEpoch) -> dict[str, int]:
    """Ids of the assets that an epoch lists, by symbol; raises BadInput for an epoch without collateral."""
    if epoch.collateral is None:
        raise BadInput("epoch: collateral", None, "there: it says what assets are called, and what they count for")
    return {asset.symbol: asset.id for asset in parse_collateral(epoch.collateral)}


def holdings_of(node: Node, ids: dict[str, int] | None) -> tuple[Holding, ...]:
    """An array of balances and debts by symbol. ids : of the assets that there are; None: any, whose ids stay 0."""
    found: dict[str, Holding] = {}
    for entry in node.array(at_most=MOST_HOLDINGS):
        parts = entry.object({"symbol", "balance", "debt"})
        symbol = parts["symbol"].text(SYMBOL.pattern, "the symbol of an asset")
        if ids is not None and symbol not in ids:
            raise parts["symbol"].refuse(f"an asset that the epoch lists: {', '.join(ids)}{suggestion(symbol, ids)}")
        if symbol in found:
            raise parts["symbol"].refuse("an asset that no earlier entry has")
        found[symbol] = Holding(0 if ids is None else ids[symbol], *(
            parts[name].decimal(0, (1 << AMOUNT_BITS) - 1) for name in ("balance", "debt")))
    return tuple(found.values())


@dataclass(frozen=True)
class CollateralOpening:
    """What opens a custodian's commitment; whoever has it knows the collateral.

    statement : whose slots it fills.  custodian, account : addresses.  salt : hides the rest, in [0, r).
    holdings : assets by id, with base units owned and owed.
    """

    statement: str
    custodian: str
    account: str
    salt: int
    holdings: tuple[Holding, ...]

    @property
    def kept(self) -> Collateral:
        """As the statement has it."""
        return Collateral(self.salt, kept_by(self.custodian, self.account), self.holdings)

    @property
    def commitment(self) -> int:
        """What the custodian signs; raises BadInput where holdings do not fit the statement."""
        return self.kept.commitment(_preset(statements.get(self.statement)))

    def save(self, path: Path) -> None:
        """Write with mode 0600."""
        jsonio.write(path, {
            "schema": SCHEMA, "statement": self.statement, "custodian": self.custodian, "account": self.account,
            "commitment": str(self.commitment), "salt": str(self.salt), "holdings": [
                {"asset": str(holding.asset), "balance": str(holding.balance), "debt": str(holding.debt)}
                for holding in self.holdings]}, mode=0o600)

    @staticmethod
    def load(path: Path) -> CollateralOpening:
        """Read what `save` wrote.

        Raises
        ------
        BadInput : it is not exactly one, others than its owner may read it, or it opens another commitment than it
            says. No value in it is shown.
        """
        require_private(path, "collateral file", "the collateral")
        try:
            return CollateralOpening._parse(Node.read(path))
        except BadInput as error:
            if error.field == "file":
                raise
            raise BadInput(error.field, "(hidden)", error.bound, source=path) from None

    @staticmethod
    def _parse(document: Node) -> CollateralOpening:
        parts = document.document(SCHEMA, {"statement", "custodian", "account", "commitment", "salt", "holdings"})
        holdings = []
        for entry in parts["holdings"].array(at_most=MOST_HOLDINGS):
            each = entry.object({"asset", "balance", "debt"})
            holdings.append(Holding(each["asset"].decimal(1, (1 << _ID_BITS) - 1), *(
                each[name].decimal(0, (1 << AMOUNT_BITS) - 1) for name in ("balance", "debt"))))
        made = CollateralOpening(parts["statement"].text(), read_address(parts["custodian"]),
                                 read_address(parts["account"]), parts["salt"].decimal(0, MODULUS - 1),
                                 tuple(holdings))
        if parts["commitment"].decimal(1, MODULUS - 1) != made.commitment:
            raise parts["commitment"].refuse("what salt, account and holdings commit to")
        return made


def _preset(statement: Statement) -> solvency.Preset:
    preset: Any = statement.preset
    if not isinstance(preset, solvency.Preset):
        raise BadInput("statement", statement.name, "a solvency statement: solvency-…")
    return preset
