"""Weighted scenarios: far nearer to their population than draws, with an error that is stated and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs import drawing, epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.models.calibration import Calibration
from risk.models.volatility import Volatility
from risk.scenarios.scenarios import RETURN_UNIT, simulate
from risk.valuation.weighted import Quality, Reference

MASSES = 'scenarios = 64\nmasses = "8x1 12x2 8x4 8x8 8x16 8x32 8x64 4x256"'
POPULATION = '\n[gates.accepted]\nG6 = "a test"\nG7 = "a test"\n[scenarios]\npopulation = 8192\n'
Edit = Callable[[bytes, str, str], bytes]


@pytest.fixture(scope="module")
def sources(crypto_sources: Sources) -> Sources:
    """The fixture with 64 scenarios of masses that sum to 2048, out of 8192 paths."""
    model = crypto_sources.model.decode()
    for old, new in (("scenarios = 256", MASSES), ('tail = "32/5"', 'tail = "256/5"')):
        assert old in model
        model = model.replace(old, new, 1)
    return replace(crypto_sources, model=(model + POPULATION).encode())


@pytest.fixture(scope="module")
def epoch(sources: Sources) -> Epoch:
    return build(sources)


def quality(epoch: Epoch) -> Quality:
    assert epoch.provenance is not None
    assert epoch.provenance.drawn.quality is not None
    return epoch.provenance.drawn.quality


def test_reference_books_come_out_near_their_population(epoch: Epoch) -> None:
    stated = quality(epoch)
    assert stated.population == 8192
    assert len(stated.references) == 12
    assert abs(stated.bias) < 0.02                          # of 64 scenarios
    assert max(abs(reference.difference) for reference in stated.references) < 0.06
    assert 0.7 < stated.floor < 1.0


def test_every_scenario_is_a_path_of_the_population(epoch: Epoch, sources: Sources) -> None:
    other = build(sources)
    assert other.root == epoch.root
    assert epoch.provenance is not None
    scenarios = epoch.provenance.scenarios
    assert len(np.unique(scenarios.returns, axis=0)) == 64
    spread = np.abs(scenarios.returns).sum(1)
    assert spread[:8].mean() > 3 * spread[-4:].mean()                          # outermost first


def test_the_manifest_states_quality_and_is_audited(epoch: Epoch, tmp_path, edited: Edit) -> None:
    place = tmp_path / "epoch"
    epoch_directory.save(epoch, place)
    assert check(place).passed
    manifest = place / "manifest.json"
    said = manifest.read_bytes()
    floor = f'"floor": {quality(epoch).floor}'
    manifest.write_bytes(edited(said, floor, '"floor": 0.999'))
    report = check(place)
    assert [difference.field for difference in report.differences] == ["scenarios.quality"]
    assert epoch_directory.load(place).root == epoch.root                      # the root does not say it


def test_quality_reads_back_and_refuses_numbers_that_do_not_follow(epoch: Epoch) -> None:
    written = quality(epoch).to_json()
    assert Quality.from_json(Node(written)) == quality(epoch)
    with pytest.raises(BadInput, match="consistent"):
        Quality.from_json(Node(written | {"bias": 0.0}))


def test_a_bias_above_three_percent_is_refused_but_on_trial(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    biased = Quality(8192, (Reference("long BTC", 1.0, 0.96),), 0.9, 5.0)
    monkeypatch.setattr(drawing, "choose", lambda model, calibration, paths: (np.arange(64), biased))
    with pytest.raises(BadInput, match=r"mean error of the reference books is -0\.04"):
        build(sources)
    trial = sources.model.replace(b'name = "', b'purpose = "trial"\nseed = 1\nname = "', 1)
    assert quality(build(replace(sources, model=trial))).bias == pytest.approx(-0.04)


def test_a_population_that_masses_do_not_divide_is_refused(sources: Sources) -> None:
    with pytest.raises(BadInput, match="population is 8191: must be a multiple of 2048"):
        build(replace(sources, model=sources.model.replace(b"population = 8192", b"population = 8191")))


def test_historical_days_are_a_population_too(us_sources: Sources, edited: Edit) -> None:
    text = us_sources.model.decode()
    line = next(line for line in text.splitlines() if line.startswith("scenarios ="))
    tail = next(line for line in text.splitlines() if line.startswith("tail ="))
    model = edited(edited(us_sources.model, line, MASSES), tail, 'tail = "256/5"')
    epoch = build(replace(us_sources, model=model + POPULATION.encode()))
    assert abs(quality(epoch).bias) < 0.02


def test_returns_beyond_the_bound_are_taken_as_the_bound_and_counted() -> None:
    """Also where nothing else would take them: a factor of e**11."""
    one = Calibration((Volatility.garch(0.0, 1e-6, 0.1, 0.8, 3.0),), (0.01,), ((1.0,),))
    innovations = np.array([0.5, -15.0, 110.0]).reshape(3, 1, 1)
    drawn = simulate(one, ("A",), innovations, bound=1.0)
    assert drawn.returns[:, 0].tolist() == [RETURN_UNIT // 20, -RETURN_UNIT, RETURN_UNIT]
    assert drawn.at_bound(1.0) == 2
    with pytest.raises(BadInput, match="log return"):
        simulate(one, ("A",), innovations)


def test_the_bound_is_the_model_s(sources: Sources) -> None:
    tight = build(replace(sources, model=sources.model + b"clip = 0.05\n"))
    assert tight.provenance is not None
    assert np.abs(tight.provenance.scenarios.returns).max() == 0.05 * RETURN_UNIT
    assert tight.provenance.drawn.bounded > 100
