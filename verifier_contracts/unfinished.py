"""A deployment under way: what is already on the chain stays in the file, so that a second run goes on from there.

Each step is written down before it is sent, with the address that it will create, and again when it is done. A run that
ends anywhere between leaves either a contract that is known, or an address to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import Chain, Receipt

SCHEMA = "tailproof.deployment-unfinished/1"
Before = Callable[[str | None, str | None], object]


def require_unfinished(path: Path) -> jsonio.Node:
    """The file of a deployment under way.

    Raises
    ------
    BadInput : something else is there, which is never overwritten.
    """
    file = jsonio.Node.read(path)
    if not isinstance(file.value, dict) or file.value.get("schema") != SCHEMA:
        raise BadInput("deployment file", str(path), "a new path, or that of an unfinished deployment: a finished one "
                       "is never overwritten")
    return file


class Steps:
    """The contracts of one deployment, each created once.

    Parameters
    ----------
    path : where to write; None: nowhere, and every step is new. A file of another kind there is never overwritten.
    plan : everything that the deployment depends on; a second run must have the same. Values are JSON.
    names : of its contracts.

    Raises
    ------
    BadInput : a finished deployment is there, or an unfinished one by another plan (the field that differs is named).
    """

    def __init__(self, chain: Chain, sender: str, path: Path | None, plan: Mapping[str, Any],
                 names: Collection[str]) -> None:
        self._chain, self._sender, self._path, self._plan = chain, sender, path, dict(plan)
        self._names, self._block = names, 0
        self._made: dict[str, str] = {}
        self._in_flight: dict[str, Any] = {}
        self._ours = False                         # whether the file is this deployment's already
        if path is not None and path.exists():
            self._resume(require_unfinished(path))

    def _resume(self, file: jsonio.Node) -> None:
        parts = file.document(SCHEMA, {"plan", "contracts", "in_flight"}, {"block"})
        plan = parts["plan"].object(set(self._plan))
        for name, value in self._plan.items():
            if plan[name].value != value:
                raise BadInput(plan[name].field, value, f"{plan[name].value}, as when this deployment began (another "
                               "one needs another path)", source=self._path)
        contracts = parts["contracts"].object((), self._names)
        self._ours = True
        self._made = {name: read_address(node) for name, node in contracts.items()}
        if "block" in parts:
            self._block = parts["block"].integer(0, jsonio.LARGEST_EXACT)
        if parts["in_flight"].value is not None:
            flying = parts["in_flight"].object({"contract", "address", "transaction"})
            read_address(flying["address"])
            self._in_flight = {name: node.value for name, node in flying.items()}

    @property
    def made(self) -> Mapping[str, str]:
        """Addresses of the contracts that are there, by name; see `look`."""
        return self._made

    def look(self) -> None:
        """See what has become of the contract that an earlier run had in flight.

        Raises
        ------
        TransactionPending : it still is.
        """
        if self._in_flight:
            self._chain.settle(self._sender)
            if self._chain.code(self._in_flight["address"]):
                self._made[self._in_flight["contract"]] = self._in_flight["address"]
            self._in_flight = {}

    def begin(self) -> int:
        """The chain's block before the first step of the first run."""
        if not self._block:
            self._block = self._chain.block_number()
        return self._block

    def forget(self, names: Collection[str]) -> None:
        """Make some contracts again: those that there are know addresses that cannot be theirs any more."""
        self._made = {name: address for name, address in self._made.items() if name not in names}

    def create(self, name: str, create: Callable[[Before], Receipt]) -> str:
        """The address of a contract: of an earlier run's, or of what `create` deploys now.

        Raises
        ------
        BadInput : the earlier run's contract is not on the chain any more.
        TransactionPending : the earlier run's transaction is still in flight.
        """
        self.look()
        if name in self._made:
            if not self._chain.code(self._made[name]):
                raise BadInput(name, self._made[name], "a contract on this chain, as the unfinished deployment says: "
                               "if the chain is a new one, remove the file", source=self._path or self._chain.name)
            return self._made[name]

        def before(transaction: str | None, creates: str | None) -> None:
            self._in_flight = {"contract": name, "address": creates, "transaction": transaction}
            self._write()

        address = str(create(before).contract)
        self._made[name], self._in_flight = address, {}
        self._write()
        return address

    def _write(self) -> None:
        if self._path is not None:
            jsonio.write(self._path, {"schema": SCHEMA, "plan": self._plan, "contracts": self._made,
                                      "block": self._block, "in_flight": self._in_flight or None}, over=self._ours)
            self._ours = True
