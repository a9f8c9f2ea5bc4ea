"""What a protocol keeps for its accounts: its own book, one tree for an epoch, and what each account is told.

The tree's leaves hide balances under a salt each, which the protocol shares with the account (N2 of `netting`). Whoever
has `MemberBalances` knows one account's balances and no other's: the rest of the path is hashes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from circuits import statements
from circuits.clauses.collateral import AMOUNT_BITS, Holding
from circuits.statements import Statement, netting
from circuits.statements.netting import Member
from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS, decode, encode
from primitives.jsonio import Node
from primitives.merkle import ARITY, Branch, Tree
from risk.grid.grid_epoch import GridEpoch
from verifier_contracts.addresses import read_address

from .collateral_opening import MOST_HOLDINGS, asset_ids, holdings_of
from .custody import LATEST, BalanceRoot, kept_by
from .secret import draw_salt, require_private

BOOK_SCHEMA = "tailproof.balances/1"
SCHEMA = "tailproof.member-balances/1"
MOST_ACCOUNTS = 1 << 15
_ID_BITS = 248


@dataclass(frozen=True)
class Entry:
    """One account of a protocol.  place : in its trees, in all epochs."""

    account: str
    place: int
    holdings: tuple[Holding, ...]


def preset_of(statement: Statement) -> netting.Preset:
    """The sizes of a netting statement; raises BadInput for another."""
    preset: Any = statement.preset
    if not isinstance(preset, netting.Preset):
        raise BadInput("statement", statement.name, "a netting statement: netting-…")
    return preset


def read_book(path: Path, epoch: GridEpoch) -> tuple[Entry, ...]:
    """A protocol's book.

    Raises
    ------
    BadInput : malformed, an account or a place twice, an asset that the epoch does not list.
    """
    return book_of(Node.read(path), asset_ids(epoch))


def book_of(node: Node, ids: dict[str, int] | None) -> tuple[Entry, ...]:
    """A book in a document; ids as for `holdings_of`."""
    found: list[Entry] = []
    accounts, places = set[str](), set[int]()
    for entry in node.document(BOOK_SCHEMA, {"accounts"})["accounts"].array(at_least=1, at_most=MOST_ACCOUNTS):
        parts = entry.object({"account", "place", "holdings"})
        account, place = read_address(parts["account"]), parts["place"].integer(0, LATEST)
        if account in accounts:
            raise parts["account"].refuse("an account that no earlier entry has")
        if place in places:
            raise parts["place"].refuse("a place that no earlier entry has")
        accounts.add(account)
        places.add(place)
        found.append(Entry(account, place, holdings_of(parts["holdings"], ids)))
    return tuple(found)


@dataclass(frozen=True)
class MemberBalances:
    """What one account is told of a tree of balances.

    statement : whose slots and depth it has.  protocol, account : addresses.  epoch_number : Unix seconds.
    place : of the leaf.  salt : hides the holdings.  path : by level, eight nodes as integers.
    """

    statement: str
    protocol: str
    account: str
    epoch_number: int
    place: int
    salt: int
    holdings: tuple[Holding, ...]
    path: tuple[tuple[int, ...], ...] = ()

    @property
    def branch(self) -> Branch:
        """The path, which hashes to a root; raises BadInput where it does not."""
        return Branch(self.place, [encode(np.array(nodes, object)) for nodes in self.path])

    @property
    def leaf(self) -> int:
        """What the tree holds of the account; raises BadInput where holdings do not fit the statement."""
        member = Member(kept_by(self.protocol, self.account), 0, (), self.salt, self.holdings)
        return member.balance_leaf(preset_of(statements.get(self.statement)), self.epoch_number)

    def save(self, path: Path) -> None:
        """Write with mode 0600."""
        jsonio.write(path, {
            "schema": SCHEMA, "statement": self.statement, "protocol": self.protocol, "account": self.account,
            "epoch_number": self.epoch_number, "place": self.place, "salt": str(self.salt), "holdings": [
                {"asset": str(holding.asset), "balance": str(holding.balance), "debt": str(holding.debt)}
                for holding in self.holdings], "path": [[str(node) for node in nodes] for nodes in self.path]},
            mode=0o600)

    @staticmethod
    def load(path: Path) -> MemberBalances:
        """Read what `save` wrote.

        Raises
        ------
        BadInput : it is not exactly one, others than its owner may read it, or its leaf is not at its place of its
            path. No value in it is shown.
        """
        require_private(path, "balances file", "the balances")
        try:
            return MemberBalances._parse(Node.read(path))
        except BadInput as error:
            if error.field == "file":
                raise
            raise BadInput(error.field, "(hidden)", error.bound, source=path) from None

    @staticmethod
    def _parse(document: Node) -> MemberBalances:
        parts = document.document(SCHEMA, {"statement", "protocol", "account", "epoch_number", "place", "salt",
                                           "holdings", "path"})
        holdings = []
        for entry in parts["holdings"].array(at_most=MOST_HOLDINGS):
            each = entry.object({"asset", "balance", "debt"})
            holdings.append(Holding(each["asset"].decimal(1, (1 << _ID_BITS) - 1), *(
                each[name].decimal(0, (1 << AMOUNT_BITS) - 1) for name in ("balance", "debt"))))
        nodes = tuple(tuple(node.decimal(0, MODULUS - 1) for node in level.array(at_least=ARITY, at_most=ARITY))
                      for level in parts["path"].array(at_least=1, at_most=16))
        made = MemberBalances(parts["statement"].text(), read_address(parts["protocol"]),
                              read_address(parts["account"]), parts["epoch_number"].integer(0, LATEST),
                              parts["place"].integer(0, LATEST), parts["salt"].decimal(0, MODULUS - 1),
                              tuple(holdings), nodes)
        depth = preset_of(statements.get(made.statement)).balance_depth
        if len(nodes) != depth or made.place >= ARITY**depth:
            raise parts["path"].refuse(f"of {depth} levels, as the statement has it, and its place in their tree")
        if nodes[0][made.place % ARITY] != made.leaf:
            raise parts["path"].refuse("one that has the account's balances at its place")
        _ = made.branch
        return made


def tree_of(statement: Statement, protocol: str, epoch_number: int, book: Sequence[Entry]
            ) -> tuple[int, Sequence[MemberBalances]]:
    """The root that a protocol signs for an epoch, and what it tells each account.

    Raises
    ------
    BadInput : a place beyond the tree; more assets than the statement has slots for an account.
    """
    depth = preset_of(statement).balance_depth
    leaves = [0] * ARITY**depth
    told = []
    for entry in book:
        if entry.place >= len(leaves):
            raise BadInput(f"place of {entry.account}", entry.place, f"below {len(leaves)}, the places of "
                           f"{statement.name}'s trees")
        told.append(MemberBalances(statement.name, protocol, entry.account, epoch_number, entry.place, draw_salt(),
                                   entry.holdings))
        leaves[entry.place] = told[-1].leaf
    tree = Tree(encode(np.array(leaves, object)), depth)
    return tree.root, [replace(one, path=tuple(tuple(decode(tree.children(one.place, level)))
                                               for level in range(depth))) for one in told]


def save_all(told: Sequence[MemberBalances], root: BalanceRoot, folder: Path, out: Path) -> None:
    """Write a folder of what accounts are told, one file each by address, and the signed root; whole or not at all."""
    if os.path.lexists(folder):
        raise BadInput("--members", str(folder), jsonio.NEW)
    with jsonio.refusing_to_write(folder):
        folder.mkdir(mode=0o700)
    try:
        for one in told:
            one.save(folder / f"{one.account}.secret.json")
        root.save(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
