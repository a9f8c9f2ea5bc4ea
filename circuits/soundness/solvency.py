"""What a cheater would try against `solvency`: attacks on S1 to S5, each refused by those it names.

The margin's clauses are those of `circuits.soundness.grid` and `circuits.soundness.margin`, with their attacks. The
epoch lists so many assets that the first and the last are in different parts of their tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses import collateral
from circuits.clauses.collateral import AMOUNT_LANE, BUFFER_UNIT, Holding
from circuits.soundness import grid as gridded
from circuits.soundness import margin as single
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import solvency
from circuits.statements.solvency import Collateral, Preset
from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.merkle import ARITY
from primitives.poseidon import Tag, hash_integers
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.haircuts import FACTOR_UNIT

AUDIT = Preset(gridded.AUDIT, assets=2)
GOLD, IRON, LAST = 71, 72, 75
FACTORS = (Factors(GOLD, 90 * FACTOR_UNIT, 110 * FACTOR_UNIT), Factors(IRON, FACTOR_UNIT // 2, FACTOR_UNIT),
           *(Factors(id, id, 2 * id) for id in range(80, 86)), Factors(73, 3, 4), Factors(LAST, 5, 6))
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

    @cached_property
    def epoch(self) -> GridEpoch:
        return replace(gridded.ordinary().epoch, assets=FACTORS)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Honest inputs, as far as the account allows."""
        kept = Collateral(SALT, self.holder, self.holdings)
        return solvency.unchecked_inputs(AUDIT, self.epoch, gridded.ordinary().slots, 11, kept, self.buffer, 12)

    @cached_property
    def witness(self) -> FieldArray:
        return forge(circuit(), self.inputs)

    def recorded_as(self, other: Account) -> dict[str, Any]:
        """The inputs of a prover who has this, while the vault's record is another's."""
        return {**self.inputs, "collateral_commitment": other.inputs["collateral_commitment"], "holder": other.holder}


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
    """Forge a leaf in which gold is dearer, and take it one step further up at a time."""
    cs, kept = circuit(), poor()
    place = kept.epoch.asset_place(GOLD)
    assert kept.epoch.asset_place(IRON) // ARITY == place // ARITY      # the other slot's path meets the forged one

    def dearer(number: int) -> dict[str, Any]:
        value = kept.inputs["assets/value factor"].copy()
        value[0] = (1000 + number) * FACTOR_UNIT
        return {**kept.inputs, "assets/value factor": value}

    def in_path(number: int) -> dict[str, Any]:
        inputs = dearer(number)
        leaf = hash_integers(Tag.ASSET, [GOLD, int(inputs["assets/value factor"][0]), FACTORS[0].debt])
        children = inputs["assets/children 0"].copy()
        children[0, place % ARITY] = field.encode(leaf)
        return {**inputs, "assets/children 0": children}

    def in_top(number: int) -> dict[str, Any]:
        inputs = in_path(number)
        children, nodes = inputs["assets/children 0"], inputs["assets/top"].copy()
        nodes[place // ARITY] = field.encode(hash_integers(Tag.NODE, field.decode(children[0])))
        return {**inputs, "assets/top": nodes, "assets/children 0": np.stack([children[0]] * AUDIT.assets)}

    def product_0(label: str) -> dict[str, Any]:
        products = np.full(cs.find(label).shape, None, object)
        products[:, 0] = 0
        return {label: products}

    yield Attack("dearer-gold", frozenset({"assets/S2 path"}), dearer(0), says="assets/S2 path[0]")
    yield from keep_hash(cs, "dearer-gold", "assets/S2 hash/chunk 0", kept.witness, dearer)
    yield Attack("dearer-gold, product 0", frozenset({"assets/S2 path product"}), dearer(0),
                 product_0("assets/S2 path product"))
    yield from keep_hash(cs, "foreign-asset", "assets/S2 node 0/chunk 0", kept.witness, in_path)
    yield Attack("foreign-asset", frozenset({"assets/S2 top"}), in_path(0), says="assets/S2 top[0]")
    yield Attack("foreign-asset, product 0", frozenset({"assets/S2 top product"}), in_path(0),
                 product_0("assets/S2 top product"))
    yield from keep_hash(cs, "foreign-list", "assets/S2 root/chunk 0", kept.witness, in_top)
    yield Attack("foreign-list", frozenset({"epoch/C5"}), in_top(0), says="epoch/C5")
    # Iron is shown at gold's place: the leaf would name gold, and the vault's record names iron, on the same wire.
    iron, gold = (Account((Holding(asset, 100, 0), Holding(IRON, 0, 0))).inputs for asset in (IRON, GOLD))
    swapped = {label: gold[label] for label in gold if label.startswith("assets/")}
    yield Attack("iron-as-gold", frozenset({"assets/S2 path"}), {**iron, **swapped}, says="assets/S2 path[0]")


# -- S3: amounts are small integers, each in its own lane -------------------------------------------------------------
def amounts_wrongly() -> Iterator[Attack]:
    balance, debt = "collateral/S3 balance", "collateral/S3 debt"
    # Records that no vault should keep, but which the circuit does not believe either.
    negative = Account((Holding(GOLD, 2, MODULUS - 100), Holding(IRON, 0, 0)))
    yield Attack("negative-debt", frozenset({f"{debt} bit"}), negative.inputs, gain="100 gold", says=f"{debt}[0]")
    fraction = 10**6 * FACTOR_UNIT * pow(FACTORS[0].value, -1, MODULUS) % MODULUS
    wrapping = Account((Holding(GOLD, fraction, 0), Holding(IRON, 0, 0)))
    yield Attack("balance-wraps", frozenset({f"{balance} bit"}), wrapping.inputs,
                 gain="any worth, from a balance near r / factor", says=f"{balance}[0]")
    # The same element, read with the debt in the lane of the balance.
    owed = Account((Holding(GOLD, 4, 0), Holding(73, 0, 15)))
    claimed = tuple(Holding(asset, held + (debts << AMOUNT_LANE), 0) for asset, held, debts in owed.holdings)
    yield Attack("debt-as-balance", frozenset({f"{balance} bit"}), Account(claimed).recorded_as(owed),
                 gain="a debt forgotten, and riches", says=f"{balance}[1]")


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
    worth = np.full(AUDIT.assets, None, object)
    worth[0] = 10**6 * FACTOR_UNIT
    yield Attack("worth-forged", frozenset({"result/S5 collateral"}), kept.inputs, {"result/S5 collateral": worth})
    free = np.full(AUDIT.assets, None, object)
    free[1] = 0
    yield Attack("debt-forgiven", frozenset({"result/S5 debt"}), indebted().inputs, {"result/S5 debt": free})


def others() -> Iterator[Attack]:
    yield Attack("context-swap", frozenset({"result/C20"}), {**Account().inputs, "context": 13},
                 {"result/C20": 12 * 12})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (other_records, other_factors, amounts_wrongly, covered_wrongly, others)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at; the first has no freedom at all."""
    most = (1 << collateral.AMOUNT_BITS) - 1
    return {
        "ordinary": Account((Holding(GOLD, 100, 0), Holding(LAST, 1000, 10))).inputs,
        "one asset twice": Account((Holding(GOLD, 100, 0), Holding(GOLD, 0, 1))).inputs,
        "empty slot": Account((Holding(GOLD, 100, 0),)).inputs,
        "largest amounts": Account((Holding(GOLD, most, 0), Holding(IRON, most, most)), buffer=2**16 - 1).inputs,
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: all public inputs are given to it, and it has no output but its truth."""
    return Subject("solvency", circuit(), cases(), attacks(), single.FREEDOMS,
                   free_inputs=frozenset({"context", "holder", "buffer"}))
