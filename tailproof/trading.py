"""A trade inside a commitment: fills that a venue signs, and the step by which their owner applies them.

Lots and cash move together, by one signed list (`risk.margins.fills`). The venue sees positions already; the chain sees
a digest, and the cash.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits.statements.cover import Claim
from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.field import MODULUS
from risk.margins.margin import QUANTITY_BITS
from risk.market.instruments import CASH_UNITS, Instrument
from verifier_contracts.addresses import read_address
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import LARGEST_CHAIN_ID, Receipt
from verifier_contracts.desk_messages import FillsMessage
from verifier_contracts.epoch_content import signer_of
from verifier_contracts.errors import Call
from verifier_contracts.ledger import INITIAL, NO_PROOF, Support, Transition

from .attestation import prove_margin
from .covering import fill_digest, least_value, moved, prove_cover, prove_transition, required_margin
from .keys import KeyDirectory
from .progress import Progress, quiet
from .secret import Opening
from .withdrawing import Ground, require_but_proofs, require_in_force, require_opening

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts

SCHEMA = "tailproof.fills/1"
LARGEST = (1 << QUANTITY_BITS) - 1
Sign = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True)
class SignedFills:
    """A venue's fills. Secret, mode 0600: they say what was traded.

    statement : whose places the digest is over.  fills : (instrument id, signed lots).  nonce : hides them.
    message : what the venue signed of them.
    """

    statement: str
    fills: tuple[tuple[int, int], ...]
    nonce: int
    message: FillsMessage
    signature: bytes

    def save(self, path: str | Path) -> None:
        """Write them, mode 0600, where nothing is yet."""
        one = self.message
        jsonio.write(path, {
            "schema": SCHEMA, "statement": self.statement, "chain_id": one.chain_id, "desk": one.desk,
            "account": one.account, "venue": one.venue, "version": one.version, "cash": str(one.cash),
            "fills": [{"id": str(id), "lots": lots} for id, lots in self.fills], "nonce": str(self.nonce),
            "signature": "0x" + self.signature.hex()}, mode=0o600)

    @staticmethod
    def load(path: str | Path) -> SignedFills:
        """Read what `save` wrote.

        Raises
        ------
        BadInput : it is not exactly that, or others may read it.
        """
        if os.name == "posix" and os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            raise BadInput("mode of the fills file", Said(f"{stat.S_IMODE(os.stat(path).st_mode):04o}"),
                           "0600: who reads it "
                           "knows the trade (chmod 600)", source=path)
        parts = jsonio.Node.read(path).document(SCHEMA, {"statement", "chain_id", "desk", "account", "venue", "version",
                                                         "cash", "fills", "nonce", "signature"})
        fills = []
        for node in parts["fills"].array(at_most=64):
            one = node.object({"id", "lots"})
            fills.append((one["id"].decimal(0, 2**248 - 1), one["lots"].integer(-LARGEST, LARGEST)))
        statement, nonce = parts["statement"].text(), parts["nonce"].decimal(0, MODULUS - 1)
        message = FillsMessage(
            parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["desk"]),
            read_address(parts["account"]), read_address(parts["venue"]), parts["version"].integer(1, 2**40 - 1),
            fill_digest(statement, fills, nonce), parts["cash"].decimal(-2**127, 2**127 - 1))
        signature = parts["signature"].text(r"0x([0-9a-f]{2}){1,1024}", "0x and hex digits")
        return SignedFills(statement, tuple(fills), nonce, message, bytes.fromhex(signature[2:]))


def cash_of(fills: Sequence[tuple[int, int]], quote: str) -> int:
    """What fills move of cash, 10**-6 quote units: the lots of cash in them."""
    cash = Instrument.cash(quote).id
    return CASH_UNITS * sum(lots for id, lots in fills if id == cash)


def sign_fills(contracts: Contracts, statement: str, account: str, fills: Sequence[tuple[int, int]], quote: str,
               nonce: int, venue: str, sign: Sign) -> SignedFills:
    """Fills as a venue signs them, for the account's next version.

    Parameters
    ----------
    statement : the transition statement in force.  quote : currency of the epochs.  sign : as the venue.

    Raises
    ------
    BadInput : the account is another venue's, or the fills do not fit the statement.
    """
    holder = contracts.ledger.venue_of(account)
    if holder != venue:
        raise BadInput("--account", account, f"an account of {venue}, who signs; it is that of {holder}")
    version = contracts.ledger.plausible_version(account, contracts.chain.clock()) + 1
    message = contracts.desk.fills(account, venue, version, fill_digest(statement, fills, nonce),
                                   cash_of(fills, quote))
    return SignedFills(statement, tuple(fills), nonce, message, sign(message.typed_data()))


@dataclass(frozen=True)
class Step:
    """A step that is proven and not sent. opening : of the commitment that it leads to."""

    transition: Transition
    opening: Opening

    def send(self, contracts: Contracts, *, sender: str) -> Receipt:
        """By the owner herself, who then need not sign."""
        return contracts.desk.apply(self.transition, sender=sender)

    def call(self, contracts: Contracts) -> Call:
        """For a carrier, once it is signed."""
        return contracts.desk.call_by(self.transition.account, "applyTransition", self.transition.argument())


@dataclass(frozen=True)
class Short:
    """Cover that is not there. value : V; least : that it would take, 10**-6 quote units."""

    value: int
    least: int


def cover_after(contracts: Contracts, on: Ground, after: Opening, account: str) -> tuple[int, Short | None]:
    """V of an account and, where it does not cover an opening at initial margin, by how much."""
    value = contracts.vault.value_of(account, on.epoch_id, on.factors)
    least = least_value(required_margin(on.epoch, after), contracts.ledger.buffer_of(INITIAL))
    return value, None if value >= least else Short(value, least)


def is_made(contracts: Contracts, signed: SignedFills, kept: Opening) -> bool:
    """Whether a step that was made before is on the chain: an opening that was kept for it opens the commitment now."""
    one, ledger = signed.message, contracts.ledger
    return ledger.version_of(one.account) == one.version and ledger.commitment_of(one.account) == kept.commitment


def prepare(contracts: Contracts, keys: KeyDirectory, opening: Opening, signed: SignedFills, quote: str,
            kept: Opening | None = None) -> Opening:
    """The opening that fills lead to, once they are seen to be the account's, the venue's and whole.

    kept : what an earlier run kept for this step and has perhaps sent; it is gone on with.

    Raises
    ------
    BadInput : they are for another chain, desk, version or statement; not signed by the account's venue; or say of cash
        something else than they move. What was kept is of another step.
    """
    one, chain = signed.message, contracts.chain
    account, ledger = one.account, contracts.ledger
    for field, said, found in (
            ("chain_id", one.chain_id, chain.chain_id), ("desk", one.desk, contracts.desk.address),
            ("statement", signed.statement, keys.statement), ("venue", one.venue, ledger.venue_of(account)),
            ("version", one.version, ledger.plausible_version(account, chain.clock()) + 1),
            ("cash", one.cash, cash_of(signed.fills, quote))):
        if said != found:
            raise BadInput(f"fills.{field}", said, str(found))
    if not chain.code(one.venue) and signer_of(one.typed_data(), signed.signature) != one.venue:
        raise BadInput("fills.signature", "0x" + signed.signature.hex(), f"by {one.venue}, the account's venue")
    require_opening(contracts, opening, account)
    after = moved(keys, opening, signed.fills, salt=None if kept is None else kept.salt)
    if kept is not None and kept != after:
        raise BadInput("--out", "(hidden)", "a path where nothing is yet, or what an earlier run kept for this step")
    return after


def prove_step(contracts: Contracts, keys: KeyDirectory, opening: Opening, after: Opening, signed: SignedFills, *,
               cover: tuple[KeyDirectory, Ground, int] | None = None,
               below: tuple[KeyDirectory, Ground] | None = None, owner: Sign | None = None,
               valid_for: int = 86_400, progress: Progress = quiet) -> Step:
    """Prove that the venue's fills lead from one opening to the next, with cover at initial margin if there is any.

    Parameters
    ----------
    after : of `prepare`; to be kept before anything is sent, for nothing else opens the next commitment.
    cover : key, epoch and V of a cover of the new commitment.
    below : key of margins, and the epoch of the margin that stands: the new one must not be above it, and is public.
        Without either, a step is allowed once, while the account is covered.
    owner : signs as the owner, for a carrier; None: she sends herself.

    Raises
    ------
    ContractRefused : whatever the desk refuses, before anything is proven.
    """
    one, ledger = signed.message, contracts.ledger
    deadline, consent = 0, b""
    if owner is not None:
        message = contracts.desk.transition_consent(one.account, after.commitment, one.fill_digest, one.cash,
                                                    contracts.chain.clock() + valid_for)
        deadline, consent = message.deadline, owner(message.typed_data())
    made = Transition(one.account, one.version, after.commitment, one.fill_digest, one.cash, deadline, consent,
                      signed.signature, NO_PROOF)
    if cover is not None:
        _, on, value = cover
        made = made._replace(support=Support.COVER, epoch_id=on.epoch_id, value=value, factors=on.factors)
    elif below is not None:
        on = below[1]
        made = made._replace(support=Support.MARGIN, epoch_id=on.epoch_id, value=required_margin(on.epoch, after))
    require_but_proofs(lambda: contracts.desk.attempt("applyTransition", made.argument(), sender=one.account))
    digest = require_in_force(contracts, keys, "transition")
    context = ledger.context("transition", digest, one.account, 0, one.version)
    made = made._replace(words=prove_transition(keys, opening, signed.fills, signed.nonce, after, context,
                                                progress=progress))
    if cover is not None:
        cover_keys, on, value = cover
        context = ledger.context("cover", require_in_force(contracts, cover_keys, "cover"), one.account, on.epoch_id,
                                 one.version)
        claim = Claim(value, ledger.buffer_of(INITIAL), True)
        made = made._replace(support_words=prove_cover(cover_keys, on.epoch, after, claim, context, progress=progress))
    elif below is not None:
        margin_keys, on = below
        context = ledger.context("margin", require_in_force(contracts, margin_keys, "margin"), one.account, on.epoch_id,
                                 one.version)
        proof = prove_margin(margin_keys, on.epoch, after, context, progress=progress).proof
        made = made._replace(support_words=proof_words(proof))
    return Step(made, after)
