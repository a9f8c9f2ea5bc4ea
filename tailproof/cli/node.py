"""The options of every command that talks to a node: which one, which chain it must be, and on what terms to send."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from .console import progress

if TYPE_CHECKING:
    from verifier_contracts.chain import Chain

GWEI = 10**9


class Gwei(click.ParamType[int]):
    """A positive amount of 10⁹ wei, in decimal digits; read as wei."""

    name = "gwei"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", str(value)) or not Decimal(value):
            raise BadInput("--max-fee", value, "a positive number of gwei, with at most 9 decimals")
        return int(Decimal(value) * GWEI)


@dataclass(frozen=True)
class Endpoint:
    """A node as the command line names it. `rpc` is None where none was named; the rest as in `chain.Terms`."""

    rpc: str | None
    chain_id: int | None = None
    timeout: float = 120.0
    max_fee: int | None = None
    gas_limit: int | None = None
    confirmations: int | None = None

    def connect(self) -> Chain:
        """The chain there; raises what `Chain.connect` raises."""
        from verifier_contracts.chain import Chain, Terms
        from verifier_contracts.fees import MAX_FEE, Caps
        if self.rpc is None:
            raise BadInput("--rpc", None, "given")
        terms = Terms(Caps(MAX_FEE if self.max_fee is None else self.max_fee, self.gas_limit), self.timeout,
                      self.confirmations, progress)
        return Chain.connect(self.rpc, chain_id=self.chain_id, terms=terms)


_READING = (
    click.option("--chain-id", type=click.IntRange(1, (1 << 53) - 1),
                 help="The chain that the node must be of (a deployment file says so too)."),
    click.option("--timeout", type=click.IntRange(1, 86_400), default=120, show_default=True,
                 help="Seconds to wait for a transaction, and for others of the same sender before it."),
)
_SENDING = (
    click.option("--max-fee", type=Gwei(), metavar="GWEI",
                 help="Most to pay for a unit of gas; above it nothing is signed.  [default: 200]"),
    click.option("--gas-limit", type=click.IntRange(21_000, 1 << 40),
                 help="Most gas for a transaction; above it nothing is signed.  [default: by what it does]"),
    click.option("--confirmations", type=click.IntRange(1, 10_000),
                 help="Blocks under which a transaction counts.  [default: 2; 1 on development chains]"),
)


def talking_to_a_node(*, sends: bool = False, optional: str | None = None
                      ) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `--rpc` and its company, and pass them on as `endpoint`.

    Parameters
    ----------
    sends : whether it sends transactions.
    optional : what `--rpc` is good for, in a command that does without.
    """
    rpc = click.option("--rpc", metavar="URL", required=optional is None, help=optional or "JSON-RPC endpoint.")
    options = (rpc, *_READING, *(_SENDING if sends else ()))
    names = ("rpc", "chain_id", "timeout", "max_fee", "gas_limit", "confirmations")

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(*args: Any, **given: Any) -> None:
            function(*args, endpoint=Endpoint(**{name: given.pop(name) for name in names if name in given}), **given)
        decorated: Callable[..., None] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
