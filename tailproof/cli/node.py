"""The options of every command that talks to a node: which one, which chain it must be, on what terms to send, and who
signs.

`--dry-run` and `--calldata` work the same in every command that sends: all is done as ever, up to the first
transaction. That one is tried as its sender would send it, and shown instead of signed. A command that sends several is
run again once the first is mined, and goes on from there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said

from ..settings import INTEGERS
from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, conclude, progress, table, warn
from .setting import Setting

if TYPE_CHECKING:
    from verifier_contracts.chain import Chain
    from verifier_contracts.errors import Call
    from verifier_contracts.signers import Signer

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
    keystore: Path | None = None
    passphrase_file: Path | None = None
    signer_url: str | None = None
    sender: str | None = None
    dry_run: bool = False
    calldata: Path | None = None

    def connect(self) -> Chain:
        """The chain there; raises what `Chain.connect` and `signer` raise."""
        from verifier_contracts.chain import Chain, Terms
        from verifier_contracts.fees import MAX_FEE, Caps
        if self.rpc is None:
            raise BadInput("--rpc", None, "given")
        withhold = self.dry_run or self.calldata is not None
        terms = Terms(Caps(MAX_FEE if self.max_fee is None else self.max_fee, self.gas_limit), self.timeout,
                      self.confirmations, progress, self.sender, withhold)
        keyless = withhold and self.sender is not None       # nothing is signed, so nobody need hold a key
        return Chain.connect(self.rpc, chain_id=self.chain_id, terms=terms, signer=None if keyless else self._chosen())

    def require_sending(self, option: str, path: Path) -> None:
        """Refuse --dry-run and --calldata beside an option that signs into a file: somebody else could send that."""
        if self.dry_run or self.calldata is not None:
            raise BadInput(option, str(path), "absent with --dry-run and --calldata: what is signed can be sent by "
                           "whoever has it")

    def signer(self) -> Signer:
        """Who signs messages: of the keystore, behind the signer's URL, or the key in the environment.

        Raises
        ------
        BadInput : none is given, or more than one; the key is another account's than `--from` says.
        NodeError : the signer does not answer.
        """
        import os

        from eth_account import Account

        from verifier_contracts.chain import KEY_VARIABLE
        from verifier_contracts.signers import LocalSigner
        found = self._chosen()
        if found is not None:
            return found
        try:
            found = LocalSigner(Account.from_key(os.environ[KEY_VARIABLE]))
        except KeyError:
            raise BadInput("key", None, f"given: --keystore, --signer, or ${KEY_VARIABLE} set to a private key in hex"
                           ) from None
        except Exception:                          # whatever it complains about, it may quote the key
            raise BadInput(f"${KEY_VARIABLE}", "(hidden)", "a private key: 32 bytes in hex") from None
        return self._as_named(found)

    def _chosen(self) -> Signer | None:
        """The signer that an option names; None: the environment's, or the node's."""
        from verifier_contracts.keystore import exposed, open_keystore
        from verifier_contracts.signers import RemoteSigner
        if self.keystore is not None and self.signer_url is not None:
            raise BadInput("--signer", Said("given"), "absent where --keystore is given: one of them signs")
        if self.passphrase_file is not None and self.keystore is None:
            raise BadInput("--passphrase-file", str(self.passphrase_file), "given with --keystore")
        if self.signer_url is not None:
            return RemoteSigner.connect(self.signer_url, self.sender)
        if self.keystore is None:
            return None
        for secret in (self.keystore, self.passphrase_file):
            if secret is not None and (told := exposed(secret)):
                warn(told)
        return self._as_named(open_keystore(self.keystore, self._passphrase()))

    def _passphrase(self) -> str:
        from verifier_contracts.keystore import read_passphrase
        if self.passphrase_file is not None:
            return read_passphrase(self.passphrase_file)
        if sys.stdin is None or not sys.stdin.isatty():
            raise BadInput("--passphrase-file", None, "given where no terminal is there to ask at")
        return str(click.prompt(f"Passphrase of {self.keystore}", hide_input=True, err=True))

    def _as_named(self, found: Signer) -> Signer:
        if self.sender is not None and self.sender != found.address:
            raise BadInput("--from", self.sender, f"{found.address}, whose key signs")
        return found


_READING = (
    click.option("--chain-id", cls=Setting, type=Integer(*INTEGERS["chain-id"]),
                 help="The chain that the node must be of (a deployment file says so too)."),
    click.option("--timeout", cls=Setting, type=Integer(*INTEGERS["timeout"]), default=120, show_default=True,
                 help="Seconds to wait for a transaction, and for others of the same sender before it."),
)
_SENDING = (
    click.option("--max-fee", cls=Setting, type=Gwei(), metavar="GWEI",
                 help="Most to pay for a unit of gas; above it nothing is signed.  [default: 200]"),
    click.option("--gas-limit", cls=Setting, type=Integer(*INTEGERS["gas-limit"]),
                 help="Most gas for a transaction; above it nothing is signed.  [default: by what it does]"),
    click.option("--confirmations", cls=Setting, type=Integer(*INTEGERS["confirmations"]),
                 help="Blocks under which a transaction counts.  [default: 2; 1 on development chains]"),
)


_SIGNING = (
    click.option("--keystore", cls=Setting, type=FILE,
                 help="Encrypted key file (version 3) that signs; asks for its passphrase."),
    click.option("--passphrase-file", cls=Setting, type=FILE, help="Read the keystore's passphrase there."),
    click.option("--signer", "signer_url", cls=Setting, metavar="URL", help="JSON-RPC signer (web3signer, clef) that "
                 "signs; what it returns is compared with what was asked."),
    click.option("--from", "sender", cls=Setting, type=ADDRESS,
                 help="Account that signs and pays.  [default: the key's, or the node's first]"),
)
_WITHHOLDING = (
    click.option("--dry-run", is_flag=True, help="Do everything but send: the first transaction is tried and shown."),
    click.option("--calldata", type=OUTPUT, help="The same, and write the transaction to this file, for a multisig or "
                 "an offline signer (with --from: no key is needed)."),
)


def talking_to_a_node(*, sends: bool = False, signs: bool = False, optional: str | None = None,
                      filled: Callable[[Mapping[str, Any]], bool] | None = None
                      ) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command `--rpc` and its company, and pass them on as `endpoint`.

    Parameters
    ----------
    sends : whether it sends transactions.  signs : whether it signs messages only (`Endpoint.signer`).
    optional : what `--rpc` is good for, in a command that does without.
    filled : whether configuration fills `--rpc`, beside these parameters that were typed; None: always.
    """
    rpc = click.option("--rpc", cls=Setting, filled=filled, metavar="URL", required=optional is None,
                       help=optional or "JSON-RPC endpoint.")
    options = (rpc, *_READING, *(_SENDING if sends else ()), *(_SIGNING if sends or signs else ()),
               *(_WITHHOLDING if sends else ()))
    names = ("rpc", "chain_id", "timeout", "max_fee", "gas_limit", "confirmations", "keystore", "passphrase_file",
             "signer_url", "sender", "dry_run", "calldata")

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def run(*args: Any, **given: Any) -> None:
            from verifier_contracts.errors import Withheld
            endpoint = Endpoint(**{name: given.pop(name) for name in names if name in given})
            if endpoint.rpc is None and (endpoint.dry_run or endpoint.calldata is not None):
                raise BadInput("--dry-run and --calldata", Said("given"), "given with --rpc: without it nothing "
                               "leaves anyway")
            try:
                function(*args, endpoint=endpoint, **given)
            except Withheld as withheld:
                conclude(_withheld(withheld.call, endpoint.calldata))
        decorated: Callable[..., None] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def signing_offline(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command that signs a message, and talks to no node, the options of who signs; passed on as `endpoint`."""
    names = ("keystore", "passphrase_file", "signer_url", "sender")

    @wraps(function)
    def run(*args: Any, **given: Any) -> None:
        function(*args, endpoint=Endpoint(None, **{name: given.pop(name) for name in names}), **given)
    decorated: Callable[..., None] = run
    for option in reversed(_SIGNING):
        decorated = option(decorated)
    return decorated


def write_calldata(call: Call, path: Path) -> None:
    """A transaction for whoever signs it elsewhere: chain id, to, value, data."""
    jsonio.write(path, call.to_json())


def _withheld(call: Call, path: Path | None) -> Outcome:
    if path is not None:
        write_calldata(call, path)
    facts = call.to_json()
    del facts["schema"]
    shown = [(name, value if name != "data" else f"{len(call.data)} bytes, {value[:10]}…")
             for name, value in facts.items()]
    return Outcome({"sent": False, "call": facts, "calldata": None if path is None else str(path)},
                   ["Nothing was sent. This would be, and would succeed now:", *table(shown),
                    *([] if path is None else [f"written to {path}"])])
