"""A system of contracts in one table: every address, verifier, role, delay and clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verifier_contracts.clocks import Clock
from verifier_contracts.governance import Role, role_name
from verifier_contracts.oracle import SignerSet
from verifier_contracts.role_table import FUNCTIONS
from verifier_contracts.system import CONTRACTS, System
from verifier_contracts.verifier_registry import SLOTS

from .number_forms import duration

Row = tuple[str, str, str]


def rows(system: System, clocks: Sequence[Clock], publishers: SignerSet, steps: Sequence[str] = ()
         ) -> Iterator[Row]:
    """(what, value, about it). steps : that are open."""
    for name, address in system.contracts.items():
        yield f"contract {name}", address, CONTRACTS[name]
    yield "quote token", system.quote_token, f"asset {system.quote_id} of epochs"
    by_slot = {one.slot: one for one in system.verifiers}
    for slot in SLOTS:
        one = by_slot.get(slot)
        if one is None:
            yield f"verifier {slot}", "none", "nothing of it is taken until one is announced and has waited"
        else:
            yield f"verifier {slot}", one.verifier, one.statement + (", INSECURE key" if one.insecure else "")
    for grant in system.grants:
        notice = f"after {duration(grant.delay)}" if grant.delay else "at once"
        yield f"role {role_name(grant.role)}", grant.holder, f"{notice}: {_may(grant.role)}"
    if not any(grant.role == Role.LIQUIDATOR for grant in system.grants):
        yield f"role {role_name(Role.LIQUIDATOR)}", "nobody", f"{_may(Role.LIQUIDATOR)}: the fund alone buys"
    for publisher in publishers.signers:
        yield "publisher", publisher, f"{publishers.quorum} of {len(publishers.signers)} sign an epoch"
    for clock in clocks:
        yield f"clock {clock.contract}.{clock.name}", duration(clock.seconds), f"{clock.runs_on}: {clock.meaning}"
    fixed = system.settings
    yield "finality_blocks", str(fixed.finality_blocks), "beside the oracle's FINALITY"
    yield "stake", str(fixed.stake_required), "wei, of each publisher"
    yield "buffers", ", ".join(map(str, fixed.buffers)), "basis points: maintenance, initial, two above"
    yield "debit_per_margin", str(fixed.debit_per_margin), "basis points of an account's margin, settled a day at most"
    yield "quantum", str(fixed.quantum), "quote units that settlements nobody asked for are multiples of"
    terms = fixed.liquidation
    yield "bid_per_margin", str(terms.bid_per_margin), "basis points of a lot's margin: the fund's standing bid"
    yield "largest_haircut", str(terms.largest_haircut), "basis points of a gain that losses take at most"
    yield "band", str(terms.band), "basis points of the margin: how far beyond cover a venue may close"
    yield "concession", str(terms.concession), "basis points of V that a venue's closes may concede in 24 h"
    yield "unknown_loss", str(terms.unknown_loss), "basis points of V: the loss of a lot that nobody can open"
    yield "keeper's pay", f"{terms.pay_share}, {terms.pay_cap}", "basis points of what he rescues; quote units at most"
    yield "breach", f"{terms.breach_share}, {terms.breach_least}", "basis points of V, and at least quote units"

    for number, step in enumerate(steps, 1):
        yield f"open step {number}", "OPEN", step

def _may(role: Role) -> str:
    """What a role lets its holder do."""
    listed = [f"{contract}.{function}" for contract, functions in FUNCTIONS.items()
              for function, needed in functions.items() if needed == role]
    if role == Role.ADMIN:
        return "all that is not another role's: roles and delays, " + ", ".join(listed)
    if role == Role.VENUE:
        return "registers commitments, signs fills, " + ", ".join(listed)
    return ", ".join(listed)


def to_json(system: System, clocks: Sequence[Clock], publishers: SignerSet, steps: Sequence[str] = ()
            ) -> Mapping[str, Any]:
    """The same for programs."""
    return {**system.to_json(), "open_steps": list(steps),
            "publishers": {"signers": list(publishers.signers), "quorum": publishers.quorum},
            "clocks": [clock._asdict() for clock in clocks],
            "functions": {name: {function: role_name(role) for function, role in functions.items()}
                          for name, functions in FUNCTIONS.items()}}
