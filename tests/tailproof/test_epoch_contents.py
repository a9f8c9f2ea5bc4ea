"""What is signed of an epoch, held against the court's own checks: an honest listing is never false, a false one is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_utils.crypto import keccak
from oracle_epochs import COLLATERAL, forge, grid
from oracle_world import OracleWorld, build_oracle_world
from world import refused, started

from primitives.errors import BadInput
from primitives.poseidon import Tag
from prover.curve import ORDER
from risk.grid.grid_epoch import Factors, GridEpoch
from tailproof import epochs
from tailproof.epoch_contents import content_of, factors_of
from tailproof.epoch_leaves import EpochLeaves, layout_of, require_layout
from tailproof.falsities import falsities, missing
from verifier_contracts.epoch_content import FIRST, EpochContent
from verifier_contracts.errors import ContractRefused
from verifier_contracts.keccak_tree import Factor, KeccakTree, factors_hash, row_digest
from verifier_contracts.leaf_judge import ASSET, LEAF, MARK, Field, breaks_bound, contradict, contradicts_marks
from verifier_contracts.oracle import SLOTS, LeafLayout, LeafProof

COLLATERAL_BYTES = COLLATERAL.encode()


@pytest.fixture(scope="module")
def on_grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OracleWorld, GridEpoch]]:
    """An oracle of grids whose verifiers take any proof: what is judged is what the proofs show."""
    epoch = grid(tmp_path_factory.mktemp("grid"))
    with started() as chain:
        world = build_oracle_world(chain, layout_of(epoch))
        yes = world.chain.send(None, bytes.fromhex("60016000f3")).contract       # code that stops at once
        for slot in SLOTS.values():
            world.verifiers.transact("set", keccak(text=slot), yes, bytes(32))
        yield world, epoch


def prove(kind: int, id: int, k: int, x: int) -> LeafProof:
    return LeafProof(id, k + (kind << 16), x, [0] * 8)


def published(world: OracleWorld, epoch: Any, **changes: Any) -> tuple[EpochContent, EpochLeaves]:
    leaves, now = EpochLeaves.of(epoch), world.chain.now()
    content = replace(content_of(epoch, leaves, now, now + 600, FIRST), **changes)
    world.bring(content)
    return content, leaves


def test_every_honest_row_mark_and_factor_stands(on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    world, epoch = on_grid
    snapshot = world.chain.snapshot()
    content, leaves = published(world, epoch)
    court, factors = world.court, factors_of(epoch)
    assert (content.regime, content.root, content.lag_seconds) == (1, epoch.root, 2 * 86_400)
    assert factors_hash(factors) == content.factors_hash
    assert list(falsities(leaves, court.leaf_layout(), content=content, factors=factors, listed=leaves)) == []
    draw = random.Random(1)
    for kind, row in draw.sample(list(leaves), 6):
        k = draw.randrange(len(row))
        with refused("FieldStands"):
            court.challenge_row(content.id, prove(kind, row[0], k, row[k]),
                                leaves.listing(content, kind, row), sender=world.challenger)
    for mark in leaves.rows[Tag.MARK][::2]:
        leaf = leaves.rows[Tag.LEAF][leaves.place(Tag.LEAF, mark[0]) or 0]
        with refused("FieldStands"):
            court.challenge_marks(content.id, prove(MARK, mark[0], 4, mark[4]),
                                  prove(LEAF, leaf[0], 1, leaf[1]), content, sender=world.challenger)
    assert len(leaves.rows[Tag.ASSET]) == 3
    for asset in leaves.rows[Tag.ASSET]:
        for k in (1, 2):
            with refused("FieldStands"):
                court.challenge_factor(content.id, prove(ASSET, asset[0], k, asset[k]), factors,
                                       sender=world.challenger)
    with refused("FactorsStand"):
        court.challenge_factors(content.id, factors)
    world.chain.restore(snapshot)


def test_every_false_listing_is_false(on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    """The same calls, with one number changed on one side."""
    world, epoch = on_grid
    court, form = world.court, world.court.leaf_layout()
    asset = epoch.assets[0]
    cheaper = replace(epoch, assets=(asset._replace(value=asset.value - 1), *epoch.assets[1:]))
    fewer = replace(epoch, assets=epoch.assets[1:])
    honest = EpochLeaves.of(epoch)
    marks = content_of(epoch, honest, 1, 2, FIRST).marks
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (epoch, {"data_root": EpochLeaves.of(cheaper).data_tree.root}, "row"),
        (epoch, {"factors_hash": factors_hash(factors_of(cheaper))}, "factor"),
        (epoch, {"factors_hash": factors_hash(factors_of(fewer))}, "factor"),
        (epoch, {"marks": (marks[0] + 1, *marks[1:])}, "marks")]
    others = (cheaper, fewer)
    for told, changes, function in cases:
        snapshot = world.chain.snapshot()
        content, leaves = published(world, told, **changes)
        lists = [factors_of(one) for one in (epoch, *others)]
        factors = next(found for found in lists if factors_hash(found) == content.factors_hash)
        made = [EpochLeaves.of(one) for one in (epoch, *others)]
        listed = next(one for one in made if one.data_tree.root == content.data_root)
        found = next(falsities(leaves, form, content=content, factors=factors, listed=listed))
        assert found.function == function
        shown = [prove(one.kind, leaves.rows[one.kind][one.place][0], one.element,
                             leaves.rows[one.kind][one.place][one.element]) for one in found.shown]
        if function == "row":
            assert found.row is not None
            court.challenge_row(content.id, shown[0], listed.listing(content, found.shown[0].kind, found.row),
                                sender=world.challenger)
        elif function == "factor":
            court.challenge_factor(content.id, shown[0], factors, sender=world.challenger)
        else:
            court.challenge_marks(content.id, *shown, content, sender=world.challenger)
        assert world.oracle.facts_of(content.id).refuted
        world.chain.restore(snapshot)


def test_a_list_that_is_false_by_itself(on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    _, epoch = on_grid
    honest = factors_of(epoch)
    leaves, form = EpochLeaves.of(epoch), layout_of(epoch)
    for false in (honest[::-1], (honest[0]._replace(v=honest[0].d + 1), *honest[1:]), (Factor(0, 1, 1), *honest)):
        assert next(falsities(leaves, form, factors=false)).function == "factors"
        with pytest.raises(BadInput):
            factors_hash(false)


def test_marks_are_those_of_the_leaves(on_grid: tuple[OracleWorld, GridEpoch], honest: Any) -> None:
    for epoch in (on_grid[1], epochs.load(honest[0])):
        arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
        spots = {int(arrays.underlying[row]): mark.spot for row, mark in enumerate(arrays.marks, 1)
                 if mark.id != arrays.cash_id}
        content = content_of(epoch, EpochLeaves.of(epoch), 1, 2, FIRST)
        assert content.marks[:2] == tuple(spots[u] for u in range(2))
        assert content.marks[2:] == (0, 0)


def test_the_order_of_rows_means_nothing() -> None:
    rows = [(1, (i, 7 * i)) for i in range(11)]
    trees = [KeccakTree(row_digest(kind, row) for kind, row in order) for order in (rows, rows[::-1])]
    assert trees[0].root == trees[1].root
    assert KeccakTree([b"\x05" * 32]).path(b"\x05" * 32) == []
    with pytest.raises(BadInput):
        trees[0].path(row_digest(2, (1, 7)))
    with pytest.raises(BadInput):
        KeccakTree([])
    with pytest.raises(BadInput):
        row_digest(1, (0, -1))


def test_assets_of_one_number_are_refused(on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    _, epoch = on_grid
    twin = Factors(epoch.assets[0].id ^ 1 << 40, 1, 1)
    for asset in (twin, Factors(1 << 31, 1, 1)):
        with pytest.raises(BadInput, match="asset number"):
            factors_of(replace(epoch, assets=(*epoch.assets, asset)))


def test_factors_of_a_full_epoch_are_stated(honest: Any, on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    full = epochs.load(honest[0])
    assert factors_of(full) == ()
    assert factors_of(full, COLLATERAL_BYTES) == factors_of(on_grid[1])
    with pytest.raises(BadInput, match="--collateral"):
        factors_of(on_grid[1], COLLATERAL_BYTES)
    worth = COLLATERAL_BYTES.replace(b'"price": "1", "fall": "0.01", "rise": "0.01"', b'"underlying": "BTC"', 1)
    with pytest.raises(BadInput, match="underlying"):
        factors_of(full, worth)


def test_what_no_content_is_made_of(honest: Any, tmp_path: Path) -> None:
    full = epochs.load(honest[0])
    with pytest.raises(BadInput, match="sources"):
        content_of(replace(full, provenance=None), EpochLeaves.of(full), 1, 2, FIRST)     # type: ignore[type-var]
    form = layout_of(full)
    require_layout(full, form)
    require_layout(full, form._replace(underlyings=9))
    others = {"lanes": 4, "width": 51, "value_bits": 43, "values": 9, "underlyings": 1, "cash_id": 0}
    for name, value in others.items():
        with pytest.raises(BadInput):
            require_layout(full, form._replace(**{name: value}))


def test_what_is_missing_and_what_is_twice(honest: Any, tmp_path: Path) -> None:
    one, _, three = (EpochLeaves.of(epochs.load(path)) for path in honest)
    assert {row[0] for _, row in missing(three, one)} == {row[0] for _, row in one} - {row[0] for _, row in three}
    assert list(missing(one, one)) == []
    full = epochs.load(honest[0])
    twice = EpochLeaves.of(epochs.read(forge(honest[0], tmp_path / "twice", instruments=(), marks=(),
                                             ids=lambda ids: np.array([*ids[:-1], ids[1]], object))))
    found = [falsity for falsity in falsities(twice, layout_of(full)) if len(falsity.shown) == 2]
    assert found
    assert "there are two" in found[0].what


# -- the judge in Python is the judge on the chain --------------------------------------------------------------------
def test_the_judge_says_what_the_court_says(on_grid: tuple[OracleWorld, GridEpoch]) -> None:
    world, epoch = on_grid
    content, _ = published(world, epoch)
    form, draw = world.court.leaf_layout(), random.Random(7)
    verdicts = {True: 0, False: 0}

    def near(*values: int) -> int:
        return (draw.choice(values) + draw.choice((-1, 0, 0, 1))) % ORDER

    def element(kind: int, k: int) -> int:
        bound = 1 << form.value_bits
        if kind == LEAF and k >= 5:
            digits = [draw.choice((0, 0, 5, -5, bound - 1, 1 - bound, bound, -bound)) for _ in range(form.lanes)]
            spare = draw.choice((0, 0, 0, 1 << form.lanes * form.width))
            return (sum(digit << form.width * p for p, digit in enumerate(digits)) + spare) % ORDER
        return near(0, 1, form.underlyings, 5, 9, bound, 1 << 80, 1 << 248, ORDER - 1)

    def drawn() -> Field:
        kind = draw.choice((LEAF, LEAF, LEAF, ASSET, MARK))
        k = draw.choice((1, 2, 4, 4, 5, 5, 6, 7) if kind == LEAF else (0, 1, 2, 4))
        id = draw.choice((0, 5, 5, 6, form.cash_id))
        return Field(kind, id, k, id if k == 0 else element(kind, k))

    def refutes(function: str, *arguments: Any) -> bool:
        try:
            world.court.check(function, content.id, *arguments)
            return True
        except ContractRefused as error:
            if error.name != "FieldStands":
                raise
            return False

    def proof(field: Field) -> Any:
        return prove(field.kind, field.id, field.element, field.x).argument()

    for n in range(150):
        one, other = drawn(), drawn()
        if n % 3 == 0:
            ours, theirs = breaks_bound(one, form), refutes("challengeField", [proof(one)])
        elif n % 3 == 1:
            other = other._replace(id=one.id, kind=one.kind)
            ours, theirs = contradict(one, other, form), refutes("challengeField", [proof(one), proof(other)])
        else:
            one = Field(MARK, one.id, draw.choice((4, 4, 4, 3)), draw.choice((*content.marks, 7)))
            other = Field(LEAF, draw.choice((one.id, one.id, one.id, 6)), draw.choice((1, 1, 1, 2)), near(0, 1, 2, 4))
            ours = contradicts_marks(one, other, content.marks, form)
            theirs = refutes("challengeMarks", proof(one), proof(other), content.words())
        assert ours == theirs, (one, other)
        verdicts[ours] += 1
    assert min(verdicts.values()) > 25


def test_digits_at_their_limits() -> None:
    form = LeafLayout(lanes=5, width=50, value_bits=44, values=8, underlyings=2)
    for value in ((1 << 44) - 1, 1 - (1 << 44)):
        for p in range(5):
            assert not breaks_bound(Field(LEAF, 1, 5, (value << 50 * p) % ORDER), form)
            assert breaks_bound(Field(LEAF, 1, 6, (value << 50 * p) % ORDER), form) == (p >= 3)


def test_a_false_epoch_is_read_as_it_is(honest: Any, tmp_path: Path) -> None:
    """`epochs.load` refuses it, and that is what watchers need to read."""
    path = forge(honest[0], tmp_path / "false", amax=lambda amax: amax - 1)
    with pytest.raises(BadInput):
        epochs.load(path)
    leaves = EpochLeaves.of(epochs.read(path))
    assert leaves.root != EpochLeaves.of(epochs.read(honest[0])).root
    assert next(falsities(leaves, layout_of(epochs.read(path)))).what.startswith("leaf LEAF of id 0: element 4")
