"""What a cheater would try against `solvency`: attacks on S1 to S5, each refused by those it names.

The margin's clauses are those of `circuits.soundness.grid` and `circuits.soundness.margin`, with their attacks. The
`AUDIT` instance opens two leaves of factors, so that one leaf can be opened twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses import collateral
from circuits.clauses.collateral import BUFFER_UNIT, Holding
from circuits.clauses.leaves import path_inputs
from circuits.soundness import grid as gridded
from circuits.soundness import margin as single
from circuits.soundness.audit import Freedom, Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import solvency
from circuits.statements.solvency import Collateral, Preset
from primitives import field
from primitives.field import MODULUS, FieldArray
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.haircuts import FACTOR_UNIT

AUDIT = Preset(gridded.AUDIT, assets=2, asset_leaves=2)
GOLD, IRON, FIFTH = 71, 72, 75
FACTORS = (Factors(GOLD, 90 * FACTOR_UNIT, 110 * FACTOR_UNIT), Factors(IRON, FACTOR_UNIT // 2, FACTOR_UNIT),
           Factors(73, 3, 4), Factors(74, 0, 1), Factors(FIFTH, 5, 6))
PICK, TOTAL_BALANCE, TOTAL_DEBT = "assets/S3 pick", "assets/S3 total balance", "assets/S3 total debt"
HOLDER, SALT, BUFFER = 99, 21, 500


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    solvency.define(cs, AUDIT)
    return cs.finish()


@dataclass(frozen=True, eq=False)
class Account:
    """The grid's ordinary portfolio, and collateral: 32 gold cover its margin of 2706 and the buffer of 5 %."""

    holdings: tuple[Holding, ...] = (Holding(GOLD, 100, 0), Holding(IRON, 0, 1000))
    holder: int = HOLDER
    buffer: int = BUFFER
    leaves: tuple[int, int] | None = None

    @cached_property
    def epoch(self) -> GridEpoch:
        return replace(gridded.ordinary().epoch, assets=FACTORS)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the account allows."""
        kept = Collateral(SALT, self.holder, self.holdings)
        honest = solvency.unchecked_inputs(AUDIT, self.epoch, gridded.ordinary().slots, 11, kept, self.buffer, 12)
        return honest if self.leaves is None else self._opening(honest, self.leaves)

    def _opening(self, inputs: dict[str, Any], leaves: tuple[int, int]) -> dict[str, Any]:
        """The same with other leaves of factors opened."""
        rows = [*gridded.ordinary().leaves, *(self.epoch.asset_place(leaf) for leaf in leaves)]
        listed = [factors.id for leaf in leaves for factors in self.epoch.asset_leaves[leaf]]
        return {**inputs, **collateral.factor_inputs(self.epoch, leaves),
                **path_inputs(self.epoch.tree, np.array(rows)),
                **collateral.sorting_inputs([holding.asset for holding in self.holdings], listed)}

    @cached_property
    def witness(self) -> FieldArray:
        return forge(circuit(), self.inputs)

    def recorded_as(self, other: Account) -> dict[str, Any]:
        """The inputs of a prover who has this, while the vault's record is another's."""
        return {**self.inputs, "collateral_commitment": other.inputs["collateral_commitment"], "holder": other.holder}


def picks(*chosen: dict[int, int]) -> NDArray[Any]:
    """One {listed asset: how much of the slot goes there} a slot."""
    array = np.zeros((AUDIT.assets, AUDIT.listed + 1), object)
    for slot, places in enumerate(chosen):
        for place, share in places.items():
            array[slot, place] = share
    return array


def poor() -> Account:
    """An account whose collateral does not cover its margin."""
    return Account((Holding(GOLD, 4, 0), Holding(IRON, 0, 0)))


def indebted() -> Account:
    """An account that would be solvent without its debt."""
    return Account((Holding(GOLD, 40, 0), Holding(GOLD, 0, 15)))


# -- S1, S2: what is owned, and what it is worth ---------------------------------------------------------------------
def other_records() -> Iterator[Attack]:
    cs, kept = circuit(), poor()

    def richer(number: int) -> dict[str, Any]:
        return Account((Holding(GOLD, 100 + number, 0), Holding(IRON, 0, 0))).recorded_as(kept)

    yield Attack("other-holdings", frozenset({"collateral/S1"}), richer(0), says="collateral/S1")
    yield from keep_hash(cs, "other-holdings", "collateral/S1 hash/chunk 0", kept.witness, richer)
    # The vault encumbered the collateral to HOLDER; another account shows the same record.
    twice = {**Account().inputs, "holder": HOLDER + 1}
    yield Attack("collateral-twice", frozenset({"collateral/S1"}), twice, says="collateral/S1")
    # A commitment of liabilities left out: the vault's record has a debt that the prover does not show.
    yield Attack("debt-left-out", frozenset({"collateral/S1"}),
                 Account((Holding(GOLD, 100, 0), Holding(IRON, 0, 0))).recorded_as(Account()), says="collateral/S1")


def other_factors() -> Iterator[Attack]:
    cs, kept = circuit(), poor()

    def dearer(number: int) -> dict[str, Any]:
        value = kept.inputs["assets/value factor"].copy()
        value[0, 0] = (1000 + number) * FACTOR_UNIT
        return {**kept.inputs, "assets/value factor": value}

    yield Attack("dearer-gold", frozenset({"epoch/C3 path"}), dearer(0), says="epoch/C3 path[3]")
    yield from keep_hash(cs, "dearer-gold", "assets/S2 hash/chunk 0", kept.witness, dearer)


# -- S3: each asset with its own factor, all of it, once --------------------------------------------------------------
def sorted_wrongly() -> Iterator[Attack]:
    iron_as_gold = Account((Holding(IRON, 100, 0), Holding(GOLD, 0, 0)))
    yield Attack("iron-as-gold", frozenset({"assets/S3 same asset"}),
                 {**iron_as_gold.inputs, PICK: picks({0: 1}, {0: 1})}, says="assets/S3 same asset[0, 0]")
    ignored = {**indebted().inputs, PICK: picks({0: 1}, {})}
    yield Attack("debt-ignored", frozenset({"assets/S3 one asset"}), ignored, says="assets/S3 one asset[1]")
    yield Attack("counted-tenfold", frozenset({"assets/S3 one asset"}), {**poor().inputs, PICK: picks({0: 10}, {1: 1})},
                 says="assets/S3 one asset[0]")
    both = Account((Holding(GOLD, 20, 0), Holding(IRON, 0, 0)), leaves=(0, 0))
    yield Attack("collateral-twice, leaf twice", frozenset({"assets/S3 one asset"}),
                 {**both.inputs, PICK: picks({0: 1, 4: 1}, {1: 1})}, says="assets/S3 one asset[0]")

    forced = np.full((2, AUDIT.listed), None, object)
    forced[0, 0] = 100
    yield Attack("balance-forged", frozenset({"assets/S3 balance of asset"}), poor().inputs,
                 {"assets/S3 balance of asset": forced})
    forced = np.full((2, AUDIT.listed), None, object)
    forced[1, 0] = 0
    yield Attack("debt-forged", frozenset({"assets/S3 debt of asset"}), indebted().inputs,
                 {"assets/S3 debt of asset": forced})


def totals_wrongly() -> Iterator[Attack]:
    # Records that no vault should keep, but which the circuit does not believe either.
    negative = Account((Holding(GOLD, 2, MODULUS - 100), Holding(IRON, 0, 0)))
    yield Attack("negative-debt", frozenset({f"{TOTAL_DEBT} bit"}), negative.inputs, gain="100 gold",
                 says=f"{TOTAL_DEBT}[0]")
    fraction = 10**6 * FACTOR_UNIT * pow(FACTORS[0].value, -1, MODULUS) % MODULUS
    wrapping = Account((Holding(GOLD, fraction, 0), Holding(IRON, 0, 0)))
    yield Attack("balance-wraps", frozenset({f"{TOTAL_BALANCE} bit"}), wrapping.inputs,
                 gain="any worth, from a balance near r / factor", says=f"{TOTAL_BALANCE}[0]")
    for name, label, account, total in (("total-raised", TOTAL_BALANCE, poor(), 100),
                                        ("total-debt-dropped", TOTAL_DEBT, indebted(), 0)):
        K, width = circuit().find(f"{label} bit").shape
        bits = np.full((K, width), None, object)
        bits[0] = [total >> i & 1 for i in range(width)]
        yield Attack(name, frozenset({label}), account.inputs, {f"{label} bit": bits})


# -- S4, S5: is it enough? -------------------------------------------------------------------------------------------
def _surplus(account: Account, margin: int | None = None) -> int:
    """What S5 ranges, modulo r."""
    needed = gridded.ordinary().inputs["margin"] if margin is None else margin
    return collateral.surplus_of(account.epoch, account.holdings, needed, account.buffer) % MODULUS


def covered_wrongly() -> Iterator[Attack]:
    cs, kept = circuit(), poor()
    needed = gridded.ordinary().inputs["margin"]
    gold = needed // 90 + 1                            # covers the margin, but not 5 % more
    thin = Account((Holding(GOLD, gold, 0), Holding(IRON, 0, 0)))
    assert _surplus(thin) > MODULUS // 2 > _surplus(replace(thin, buffer=0))
    none = replace(kept, buffer=-BUFFER_UNIT % MODULUS)
    yield Attack("buffer-of-minus-one", frozenset({"result/S4 buffer bit"}), none.inputs, says="result/S4 buffer")
    yield Attack("buffer-0", frozenset({"result/S4 buffer"}), thin.inputs,
                 {"result/S4 buffer bit": np.zeros(16, object)})
    yield Attack("insolvent", frozenset({"result/S5 surplus bit"}), kept.inputs, says="result/S5 surplus")
    yield Attack("buffer-not-covered", frozenset({"result/S5 surplus bit"}), thin.inputs, says="result/S5 surplus")
    bits = np.zeros(cs.find("result/S5 surplus bit").shape, object)
    yield Attack("surplus-0", frozenset({"result/S5 surplus"}), kept.inputs, {"result/S5 surplus bit": bits})
    yield Attack("margin-0", frozenset({"result/S5 margin and buffer"}), kept.inputs,
                 {"result/S5 margin and buffer": 0})
    worth = np.full(AUDIT.listed, None, object)
    worth[0] = 10**6 * FACTOR_UNIT
    yield Attack("worth-forged", frozenset({"result/S5 collateral"}), kept.inputs, {"result/S5 collateral": worth})
    free = np.full(AUDIT.listed, None, object)
    free[0] = 0
    yield Attack("debt-forgiven", frozenset({"result/S5 debt"}), indebted().inputs, {"result/S5 debt": free})


def others() -> Iterator[Attack]:
    yield Attack("context-swap", frozenset({"result/C20"}), {**Account().inputs, "context": 13},
                 {"result/C20": 12 * 12})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (other_records, other_factors, sorted_wrongly, totals_wrongly, covered_wrongly, others)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def _several_null_assets(cs: ConstraintSystem, witness: FieldArray) -> Any:
    """Where a slot of the null id meets null assets: (n, K + 1)."""
    def values(label: str) -> NDArray[Any]:
        wires = cs.find(label)
        return np.array(field.decode(witness[wires.reshape(-1)]), object)

    listed = np.append(values("assets/id"), 0)
    return (values("collateral/asset") == 0)[:, None] & (listed == 0)[None, :]


FREEDOMS = (*single.FREEDOMS, Freedom(
    PICK, "an empty slot and several null assets: nothing is owned or owed, and nothing it would count for",
    _several_null_assets))


def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    most = (1 << collateral.AMOUNT_BITS) - 1
    return {
        "ordinary": Account((Holding(GOLD, 100, 0), Holding(FIFTH, 1000, 10))).inputs,
        "one asset twice": Account((Holding(GOLD, 100, 0), Holding(GOLD, 0, 1))).inputs,
        "empty slot": Account((Holding(GOLD, 100, 0),)).inputs,
        "largest amounts": Account((Holding(GOLD, most, 0), Holding(IRON, most, most)), buffer=2**16 - 1).inputs,
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: all public inputs are given to it, and it has no output but its truth."""
    return Subject("solvency", circuit(), cases(), attacks(), FREEDOMS,
                   free_inputs=frozenset({"context", "holder", "buffer"}))
