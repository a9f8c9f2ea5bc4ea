"""Scenarios with masses: shapes, the reference, and everything from a model file to a margin that must count them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import statements
from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs import audit, epoch_directory
from risk.epochs.build import build, build_on
from risk.epochs.epoch import Epoch, Header
from risk.epochs.provenance import Sources
from risk.epochs.seed import derived_seed
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import EpochShape, TailSize, WeightedTail, format_runs, parse_runs
from risk.grid import grid_directory
from risk.grid.grid_build import full_revaluation, interpolation_error
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_map import ExplicitMap, Nodes
from risk.grid.grid_shape import GRID_1000, GRID_TINY, GridShape
from risk.grid.haircuts import swings
from risk.margins import plot
from risk.margins.contributions import breakdown
from risk.margins.grid_margin import compare
from risk.margins.margin import margin
from risk.models.model import parse_model
from risk.scenarios.scenarios import RETURN_UNIT

RINGS = "32x1 48x2 32x4 32x8 32x16 32x32 32x64 16x256"
TAIL = WeightedTail.parse("1024/5", RINGS)
DEMO = EpochShape(scenarios=256, tail=TAIL, depth=3)
TINY = WeightedTail.parse("13/2", "2x1 3x2 1x5 2x3")


# -- shapes ----------------------------------------------------------------------------------------------------------
def test_masses_and_tail_of_the_small_statement() -> None:
    """97.5 % of 8192 are 1024/5; in fifths, integers that share no factor."""
    weights = TAIL.weights(256)
    assert TAIL.share(256) == Fraction(1, 40)
    assert (TAIL.numerator, TAIL.total, sum(weights), len(weights)) == (1024, 5 * 8192, 5 * 8192, 256)
    assert (weights[0], weights[-1], TAIL.weight_bits) == (5, 1280, 11)
    assert math.gcd(TAIL.numerator, *weights) == 1
    assert WeightedTail.parse("2048/25", RINGS).share(256) == Fraction(1, 100)
    thousand = "80x1 216x2 128x4 128x8 128x16 128x32 128x64 64x256"
    assert WeightedTail.parse("4096/5", thousand).share(1000) == Fraction(1, 40)
    assert WeightedTail.parse("8192/25", thousand).share(1000) == Fraction(1, 100)
    assert WeightedTail(TailSize(1), (1, 1)).weight_bits == 0
    assert WeightedTail(TailSize(1), (1, 8)).weight_bits == 3
    assert WeightedTail(TailSize(1), (1, 9)).weight_bits == 4


def test_the_canonical_form_of_a_shape_with_masses() -> None:
    text = (b'{"depth":3,"lanes":5,"masses":"32x1 48x2 32x4 32x8 32x16 32x32 32x64 16x256","mode":"full",'
            b'"scenarios":256,"tail":"1024/5","value_bits":44,"width":50}')
    assert jsonio.canonical(DEMO.to_json()) == text
    assert EpochShape.from_json(Node(DEMO.to_json())) == DEMO
    changed = [replace(DEMO, tail=WeightedTail.parse("2048/25", RINGS)), replace(DEMO, tail=TailSize(32, 5)),
               replace(DEMO, tail=WeightedTail.parse("1024/5", "33x1 47x2 32x4 32x8 32x16 32x32 32x64 16x256")),
               replace(DEMO, tail=WeightedTail.parse("32/5", "256x1"))]
    assert len({shape.digest() for shape in [DEMO, *changed]}) == 5


OLD_DIGESTS = {
    "margin-tiny": 218739907019268201429337348770356559711079886125665083667215905044187452353,
    "margin-full-256x16": 441306004082724141657355827056368436284170248009664758121290465459349428579,
    "margin-full-256x16-n4096": 82417476749525168035935402288466943242855204606880990359958463916983600062,
    "margin-full-1000x32": 142851654018003267541801231979916502645373779881522041209566753899352291296,
    "margin-grid-tiny": 159077499257190896865813491062390844694016382185472095248919185792767156255,
    "margin-grid-1000x32": 197059331524856857534838210918233286133084915804956144165374692041815518970,
}


@pytest.mark.parametrize("name", OLD_DIGESTS)
def test_shapes_without_masses_keep_their_digests(name: str) -> None:
    shape = statements.get(name).shape
    assert shape.digest() == OLD_DIGESTS[name]
    assert "masses" not in shape.to_json()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30).map(tuple))
def test_runs_are_read_back_and_have_one_form(masses: tuple[int, ...]) -> None:
    text = format_runs(masses)
    assert parse_runs(text) == masses
    assert all(a.split("x")[1] != b.split("x")[1] for a, b in zip(text.split(), text.split()[1:], strict=False))


@pytest.mark.parametrize(("text", "says"), [
    ("", "runs"), ("1x", "runs"), ("x1", "runs"), ("0x1", "runs"), ("1x0", "runs"), ("01x1", "runs"), ("1x01", "runs"),
    ("1x1  1x2", "runs"), (" 1x1", "runs"), ("1x1 ", "runs"), ("1x-1", "runs"), ("1x1.5", "runs"), (7, "runs"),
    ([[1, 1]], "runs"), (None, "runs"), ("2x3 4x3", "one run"), ("9999999x1", "at most 1048576 masses"),
    ("1048577x1", "at most 1048576 masses"), ("1X1", "runs"), ("1\u0663x1", "runs")])
def test_other_texts_are_refused_by_name(text: object, says: str) -> None:
    with pytest.raises(BadInput, match=f"m.toml: epoch.masses is .*{says}"):
        parse_runs(text, field="epoch.masses", source="m.toml")


@pytest.mark.parametrize(("tail", "masses", "says"), [
    ("1", "1x4294967296", r"epoch\.masses\[0\] is 4294967296: must be an integer in \[1, 4294967295\]"),
    ("3/2", "1x1 1x2147483648", r"epoch\.masses\[1\] is 2147483648: .* below 2\*\*32"),
    ("4", "2x2 1x4", r"epoch\.masses is '2x2 1x4': must be without a common factor"),
    ("3", "1x1 1x2", r"epoch\.tail is '3/1': must be above 0 and below the sum of masses, 3"),
    ("7/2", "1x1 1x2", r"epoch\.tail"), ("0", "1x1 1x2", r"epoch\.tail"), ("4/2", "1x1 1x2", r"epoch\.tail"),
    ("1.5", "1x1 1x2", r"epoch\.tail")])
def test_masses_and_tails_out_of_bounds(tail: str, masses: str, says: str) -> None:
    with pytest.raises(BadInput, match=f"m.toml: {says}"):
        WeightedTail.parse(tail, masses, prefix="epoch.", source="m.toml")


@pytest.mark.parametrize("masses", [(), (1, 0), (1, -1), (1, 1.0), (1, True)])
def test_masses_are_positive_integers(masses: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="masses"):
        WeightedTail(TailSize(1, 2), masses)


def test_there_is_a_mass_for_each_scenario() -> None:
    with pytest.raises(BadInput, match=r"masses is 256 of them: must be one for each of the 255 scenarios"):
        replace(DEMO, scenarios=255)
    with pytest.raises(BadInput, match="masses"):
        GridShape(GRID_TINY.map, TAIL, depth=2)
    with pytest.raises(BadInput, match="masses"):
        expected_shortfall([1, 2], TAIL)
    with pytest.raises(BadInput, match=r"manifest\.json: .*masses"):
        EpochShape.from_json(Node(DEMO.to_json() | {"masses": "255x1"}, field="shape", source="manifest.json"))


# -- the reference ---------------------------------------------------------------------------------------------------
@st.composite
def worlds(draw: st.DrawFn, most: int = 9) -> tuple[list[int], WeightedTail]:
    """Losses full of ties, and far apart; masses with and without common divisors among them."""
    count = draw(st.integers(1, most))
    masses = draw(st.lists(st.sampled_from([1, 2, 3, 5, 256]) | st.integers(1, 2**20), min_size=count, max_size=count))
    common = math.gcd(*masses)
    masses = [mass // common for mass in masses]
    size = draw(st.fractions(Fraction(1, 1000), Fraction(sum(masses)), max_denominator=1000)
                .filter(lambda size: size < sum(masses)))
    losses = draw(st.one_of(st.lists(st.integers(-3, 3), min_size=count, max_size=count),
                            st.lists(st.integers(-2**100, 2**100), min_size=count, max_size=count)))
    return losses, WeightedTail(TailSize(size.numerator, size.denominator), tuple(masses))


def by_minimisation(losses: list[int], tail: WeightedTail) -> Fraction:
    """min over t of t + sum p max(0, L - t) / (K/D) [Rockafellar, Uryasev 2002]; attained at a loss, no sorting."""
    return min(t + sum(mass * max(loss - t, 0) for mass, loss in zip(tail.masses, losses, strict=True))
               / tail.portion.size for t in map(Fraction, losses))


@given(worlds())
def test_equals_the_definition_by_minimisation(world: tuple[list[int], WeightedTail]) -> None:
    losses, tail = world
    result = expected_shortfall(losses, tail)
    assert result.value == by_minimisation(losses, tail)
    assert result.ceiling == math.ceil(result.value)


@given(worlds())
def test_the_tail_holds_k_of_the_mass_and_its_losses_are_the_shortfall(world: tuple[list[int], WeightedTail]) -> None:
    losses, tail = world
    result, weights = expected_shortfall(losses, tail), tail.weights(len(losses))
    assert sum(result.tail_mass) == tail.numerator
    assert sum(r * loss for r, loss in zip(result.tail_mass, losses, strict=True)) == result.numerator
    at = result.threshold_scenario
    for s, (r, p, flag) in enumerate(zip(result.tail_mass, weights, result.flags, strict=True)):
        assert r == (p if flag else result.left if s == at else 0)
    assert 0 <= result.left < weights[at]
    assert result.slack == weights[at] - 1 - result.left >= 0


@given(worlds())
def test_value_at_risk_is_the_lower_quantile(world: tuple[list[int], WeightedTail]) -> None:
    losses, tail = world
    weights = tail.weights(len(losses))
    beyond = {t: sum(p for p, loss in zip(weights, losses, strict=True) if loss > t)
              for t in {*losses, min(losses) - 1}}
    var = expected_shortfall(losses, tail).value_at_risk
    assert beyond[var] <= tail.numerator
    assert all(beyond[lower] > tail.numerator for lower in beyond if lower < var)


@given(worlds(), st.data())
def test_order_shifts_and_sums(world: tuple[list[int], WeightedTail], data: st.DataObject) -> None:
    """Scenarios may be listed in any order; ES moves with constants and is subadditive, which netting stands on."""
    losses, tail = world
    value, shift = expected_shortfall(losses, tail).value, data.draw(st.integers(-10**20, 10**20))
    order = data.draw(st.permutations(range(len(losses))))
    shuffled = WeightedTail(tail.portion, tuple(tail.masses[s] for s in order))
    assert expected_shortfall([losses[s] + shift for s in order], shuffled).value == value + shift
    others = data.draw(st.lists(st.integers(-5, 5), min_size=len(losses), max_size=len(losses)))
    both = expected_shortfall([a + b for a, b in zip(losses, others, strict=True)], tail).value
    assert both <= value + expected_shortfall(others, tail).value


@given(worlds(), st.integers(1, 12))
def test_a_mass_is_as_many_scenarios(world: tuple[list[int], WeightedTail], most: int) -> None:
    """Against equally likely scenarios, each as often as its mass says: the tail of copies."""
    losses, tail = world
    masses = tuple(min(mass, most) for mass in tail.masses)
    if math.gcd(*masses) != 1 or not tail.portion.size < sum(masses):
        return
    copies = [loss for loss, mass in zip(losses, masses, strict=True) for _ in range(mass)]
    assert expected_shortfall(losses, WeightedTail(tail.portion, masses)).value \
        == expected_shortfall(copies, tail.portion).value


def test_masses_that_are_all_one_are_equal_likelihoods() -> None:
    losses = [5, -3, 5, 8, 0]
    for size in (TailSize(1, 3), TailSize(2), TailSize(7, 2)):
        plain, massed = expected_shortfall(losses, size), expected_shortfall(losses, WeightedTail(size, (1,) * 5))
        assert (plain.numerator, plain.tail_mass, plain.threshold) \
            == (massed.numerator, massed.tail_mass, massed.threshold)


def test_the_unsound_form_would_have_passed_here() -> None:
    """The example of WEIGHTS.md: 429 is due, in units where 1000 was accepted."""
    tail = WeightedTail(TailSize(7), (1, 2, 5, 5, 3, 1, 1, 4))
    result = expected_shortfall([1000, 1000, 0, 0, 0, 0, 0, 0], tail)
    assert result.ceiling == 429
    assert result.tail_mass == (1, 2, 4, 0, 0, 0, 0, 0)


@given(worlds(), st.integers(1, 12))
def test_the_tail_of_equal_scenarios_has_masses_too(world: tuple[list[int], WeightedTail], parts: int) -> None:
    losses, _ = world
    size = Fraction(len(losses) * parts, 12)
    result = expected_shortfall(losses, TailSize(size.numerator, size.denominator))
    assert sum(result.tail_mass) == size.numerator
    assert sum(r * loss for r, loss in zip(result.tail_mass, losses, strict=True)) == result.numerator


# -- models and epochs -----------------------------------------------------------------------------------------------
def with_epoch(data: bytes, tail: str, masses: str, scenarios: int, depth: int = 3) -> bytes:
    """A model file with other scenarios."""
    text = data.decode()
    begin = text.index("[epoch]")
    end = text.index("\n\n", begin)
    section = (f'[epoch]\nscenarios = {scenarios}\ntail = "{tail}"\n' + (f'masses = "{masses}"\n' if masses else "")
               + f"depth = {depth}\nlanes = 5\nwidth = 50")
    return (text[:begin] + section + text[end:]).encode()


def test_a_model_file_gives_masses(crypto_sources: Sources, edited: Callable[[bytes, str, str], bytes]) -> None:
    model = with_epoch(crypto_sources.model, "1024/5", RINGS, 256)
    assert parse_model(model).shape == DEMO
    for old, new, says in [(RINGS, "256x1 1x2", r"m\.toml: epoch\.masses is 257 of them: .* 256 scenarios"),
                           (RINGS, "255x2 1x2", r"m\.toml: epoch\.masses"),
                           ("1024/5", "8192", r"m\.toml: epoch\.tail is '8192/1'"),
                           ("1024/5", "2048/10", r"m\.toml: epoch\.tail is '2048/10'"),
                           ("masses", "weights", r"m\.toml: epoch\.weights")]:
        with pytest.raises(BadInput, match=says):
            parse_model(edited(model, old, new), source="m.toml")


def test_masses_that_are_all_the_same_are_built(crypto_sources: Sources, crypto: Epoch) -> None:
    """On the same draws: the seed follows from the model file, and this is another one, so it states the other's."""
    seed = derived_seed(crypto_sources.model, 0, crypto.header.timestamp)
    text = with_epoch(crypto_sources.model, "32/5", "256x1", 256)
    massed = build(replace(crypto_sources, model=f'purpose = "trial"\nseed = {seed}\n'.encode() + text))
    assert np.array_equal(massed.changes, crypto.changes)
    assert massed.root != crypto.root                          # another shape, another circuit
    assert margin(massed, [(3, -7), (5, 2)]).required == margin(crypto, [(3, -7), (5, 2)]).required


@pytest.fixture(scope="session")
def weighted(crypto_sources: Sources) -> Epoch:
    """The fixture book in eight given scenarios with masses."""
    trial = b'purpose = "trial"\nseed = 1\n' + crypto_sources.model                      # of few scenarios
    drawn = build(replace(crypto_sources, model=with_epoch(trial, "1", "", 8))).provenance
    assert drawn is not None
    sources = replace(crypto_sources, model=with_epoch(trial, "13/2", format_runs(TINY.masses), 8))
    return build_on(sources, drawn.calibration, drawn.scenarios)


def test_an_epoch_of_given_scenarios_with_masses(weighted: Epoch, crypto: Epoch, tmp_path: Path) -> None:
    assert weighted.shape == EpochShape(8, TINY, 3)
    assert [instrument.symbol for instrument in weighted.instruments] == [i.symbol for i in crypto.instruments]
    epoch_directory.save(weighted, tmp_path / "epoch")
    read = epoch_directory.load(tmp_path / "epoch")
    assert (read.shape, read.root) == (weighted.shape, weighted.root)
    # What draws the scenarios again draws them as equally likely: nobody can check such an epoch yet, and it says so.
    report = audit.check(tmp_path / "epoch")
    assert not report.passed
    assert [(found.clause, found.field) for found in report.differences] == [("rebuild", "masses")]


def test_given_scenarios_must_be_the_models(weighted: Epoch, crypto: Epoch) -> None:
    assert weighted.provenance is not None
    assert crypto.provenance is not None
    with pytest.raises(BadInput, match=r"scenarios x underlyings are \(256, 2\): must be \(8, 2\)"):
        build_on(weighted.provenance.sources, crypto.provenance.calibration, crypto.provenance.scenarios)


def test_masses_in_a_manifest_are_bound_by_the_root(weighted: Epoch, tmp_path: Path) -> None:
    epoch_directory.save(weighted, tmp_path / "epoch")
    manifest = jsonio.read(tmp_path / "epoch" / "manifest.json")
    manifest["shape"]["masses"] = "3x1 2x2 1x5 2x3"
    (tmp_path / "epoch" / "manifest.json").unlink()
    jsonio.write(tmp_path / "epoch" / "manifest.json", manifest)
    with pytest.raises(BadInput, match="shape_digest"):
        epoch_directory.load(tmp_path / "epoch")


def test_margins_count_masses(weighted: Epoch) -> None:
    positions = [(1, 5), (4, -3), (9, 11)]
    found = margin(weighted, positions)
    changes = weighted.changes
    losses = [-sum(q * int(changes[row, s]) for row, q in positions) for s in range(8)]
    assert found.losses == tuple(losses)
    assert found.shortfall.value == by_minimisation(losses, TINY)
    alone = [math.ceil(by_minimisation([-q * int(c) for c in changes[row]], TINY)) for row, q in positions]
    addons = [abs(q) * int((weighted.long if q > 0 else weighted.short)[row]) for row, q in positions]
    assert found.standalone == tuple(max(0, es) + addon for es, addon in zip(alone, addons, strict=True))
    assert found.netting_benefit >= 0


def test_the_picture_shows_probabilities(weighted: Epoch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    heights, said = [], []
    true, title = Axes.hist, Axes.set_title
    monkeypatch.setattr(Axes, "hist", lambda axes, *a, **k: heights.append(k["weights"]) or true(axes, *a, **k))
    monkeypatch.setattr(Axes, "set_title", lambda axes, s, **k: said.append(s) or title(axes, s, **k))
    plot.losses(breakdown(weighted, [(1, -5)]), tmp_path / "losses.png", title="x", quote="USD")
    assert sum(map(sum, heights[0])) == pytest.approx(100)
    share = float(100 * TINY.share(8))
    assert f"Expected Shortfall of the worst {share:.3g} %" in " ".join(said)
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


# -- the grid --------------------------------------------------------------------------------------------------------
def test_a_grid_shape_with_masses_and_its_manifest(tmp_path: Path) -> None:
    shape = replace(GRID_TINY, tail=TINY)
    assert shape.to_json()["masses"] == "2x1 3x2 1x5 2x3"
    assert shape.to_json()["weights"] == GRID_TINY.to_json()["weights"]        # the map's, a digest
    assert shape.digest() != GRID_TINY.digest()
    changes = np.random.default_rng(1).integers(-1000, 1001, (3, shape.nodes))
    epoch = GridEpoch.of(shape, (11, 12, 13), changes, header=Header(underlyings=("a", "b")))
    grid_directory.save(epoch, tmp_path / "epoch")
    read = grid_directory.load(tmp_path / "epoch")
    assert (read.shape, read.root) == (shape, epoch.root)
    plain = replace(epoch, shape=GRID_TINY)
    assert plain.root != epoch.root


@given(seed=st.integers(0, 10**6), lots=st.lists(st.integers(-10**6, 10**6), min_size=3, max_size=3))
def test_grid_margins_with_masses_are_never_below_full_ones(seed: int, lots: list[int]) -> None:
    """E6: Expected Shortfall of masses is monotone and moves with constants."""
    rng, bits = np.random.default_rng(seed), 3
    cuts = np.sort(rng.integers(0, 2**bits + 1, (2, 8, 2, 3)), axis=-1)
    map = ExplicitMap(Nodes((0, 1), (1, 2)), bits, np.diff(cuts, axis=-1, prepend=0, append=2**bits))
    shape, underlying = GridShape(map, TINY, depth=2), np.array([0, 1, 1])
    changes, full = rng.integers(-50, 51, (3, 4)), rng.integers(-50, 51, (2, 3, 8))
    error, header = interpolation_error(map, underlying, changes, full), Header(underlyings=("a", "b"))
    epoch = GridEpoch.of(shape, (11, 12, 13), changes, underlying=underlying, long=error.long, short=error.short,
                         header=header)
    exact = Epoch.of(EpochShape(8, TINY, 2), (11, 12, 13), full[0], underlying=underlying, header=header)
    assert compare(epoch, exact, list(zip((1, 2, 3), lots, strict=True))).excess >= 0


def test_haircuts_count_masses() -> None:
    returns = np.random.default_rng(2).integers(-RETURN_UNIT // 10, RETURN_UNIT // 10, (8, 1))
    swung = swings([returns], ["X"], TINY)["X"]
    falls = np.rint(-np.expm1(returns[:, 0] / RETURN_UNIT) * 10**9).astype(int).tolist()
    assert abs(swung.fall * 10**9 - math.ceil(by_minimisation(falls, TINY))) <= 1
    assert abs(swung.rise * 10**9 - math.ceil(by_minimisation([-fall for fall in falls], TINY))) <= 1
    assert swung != swings([returns], ["X"], TailSize(2))["X"]


def test_what_a_grid_is_measured_against_has_its_masses(crypto_sources: Sources) -> None:
    from risk.grid.grid_build import value

    tail = WeightedTail(TailSize(51, 2), (1,) * 1000)
    shape = replace(GRID_1000, tail=tail)
    full = full_revaluation(shape, value(crypto_sources, shape))
    assert full.shape.tail == tail
