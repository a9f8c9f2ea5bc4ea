"""Questions that are put to cascades: the same worlds under other tiers, lags, capital, correlation, and auctions.

Every comparison is by seed: the prices, people and liquidators of a seed are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from primitives.errors import BadInput
from risk.cascades.draws import draw
from risk.cascades.engine import Result, simulate
from risk.cascades.parameters import LARGEST_MONEY, TOXIC, UNIT, Asset, Cascade, Fund, Tiers, close_cost
from risk.cascades.presets import NO_FUND

MOST_SEEDS = 10_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcomes:
    """Results of one setting, by seed, without their paths' use."""

    name: str
    seeds: tuple[int, ...]
    results: tuple[Result, ...]

    def of(self, field: str) -> list[int]:
        """One figure, by seed."""
        return [getattr(result, field) for result in self.results]


@dataclass(frozen=True)
class Against:
    """Bad debt of one setting against that of another, seed by seed."""

    lower: int
    equal: int
    higher: int

    @staticmethod
    def of(one: Outcomes, other: Outcomes) -> Against:
        pairs = list(zip(one.of("bad_debt"), other.of("bad_debt"), strict=True))
        return Against(sum(a < b for a, b in pairs), sum(a == b for a, b in pairs), sum(a > b for a, b in pairs))


def quantile(values: Sequence[int], numerator: int, denominator: int) -> int:
    """The least of the values that at least the share numerator / denominator of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * numerator // denominator) - 1)]


def median(values: Sequence[int]) -> int:
    """The lower median."""
    return quantile(values, 1, 2)


def play(name: str, cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None) -> Outcomes:
    """One setting under all seeds.

    Raises
    ------
    BadInput : no seeds, or too many.
    """
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise BadInput("seeds", len(seeds), f"1 to {MOST_SEEDS} of them", source=cascade.source)
    found = []
    for done, seed in enumerate(seeds):
        if progress is not None:
            progress(done, len(seeds))
        found.append(simulate(cascade, draw(cascade, seed)))
    return Outcomes(name, tuple(seeds), tuple(found))


def tiers(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None) -> list[Outcomes]:
    """Without tiers, with T1, and with T1 and T2."""
    return [play(name, replace(cascade, tiers=chosen), seeds, progress)
            for name, chosen in policies(cascade.tiers).items()]


def policies(chosen: Tiers) -> Mapping[str, Tiers]:
    """Three forms of the same terms: all sold at the market by whoever is fastest; T1 and then that; T1 and then T2.

    The last two have T3 and T4.
    """
    return {"no tiers": replace(chosen, partial=False, auction=False, haircut=0, owner=0, venue=0, fund=NO_FUND),
            "partial": replace(chosen, partial=True, auction=False),
            "partial and auction": replace(chosen, partial=True, auction=True)}


def lag_and_capital(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None, *,
                    lags: Sequence[int] = (0, 3, 20), times: Sequence[int] = (0, 2_500, 10_000, 40_000)
                    ) -> list[Outcomes]:
    """Oracle lags in blocks by liquidators' capital in basis points of the setting's, under each form of tiers."""
    found = []
    for lag in lags:
        for share in times:
            holders = replace(cascade.liquidators, capital=cascade.liquidators.capital * share // UNIT)
            one = replace(cascade, market=replace(cascade.market, oracle_lag=lag), liquidators=holders)
            for outcome in tiers(one, seeds, progress):
                found.append(replace(outcome, name=f"lag {lag}, capital x {_times(share)}, {outcome.name}"))
    return found


def correlation(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None, *,
                regimes: Sequence[int] = (0, 5_000, 9_500)) -> list[Outcomes]:
    """Correlation in the crash, basis points, with and without tiers. The crash itself takes all assets down."""
    found = []
    for regime in regimes:
        one = replace(cascade, shock=replace(cascade.shock, stressed=regime))
        found += [replace(outcome, name=f"correlation {_times(regime)}, {outcome.name}")
                  for outcome in tiers(one, seeds, progress)]
    return found


def depth(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None, *,
          times: Sequence[int] = (2_500, 10_000, 40_000, 160_000)) -> list[Outcomes]:
    """Depth of all markets, basis points of the setting's, with and without tiers."""
    found = []
    for share in times:
        assets = tuple(replace(asset, depth=asset.depth * share // UNIT) for asset in cascade.assets)
        found += [replace(outcome, name=f"depth x {_times(share)}, {outcome.name}")
                  for outcome in tiers(replace(cascade, assets=assets), seeds, progress)]
    return found


def auctions(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None) -> list[Outcomes]:
    """Sealed bids against an open auction; no T1, so that more is sold."""
    alone = replace(cascade.tiers, partial=False, auction=True)
    return [play(name, replace(cascade, tiers=replace(alone, sealed=sealed)), seeds, progress)
            for name, sealed in (("sealed", True), ("open", False))]


@dataclass(frozen=True)
class ToxicRow:
    """penalty, cost : basis points of what is closed.  refused : by the gate, whose name it is.

    outcome : what happens if it is passed over, without tiers.
    """

    penalty: int
    cost: int
    refused: bool
    outcome: Outcomes


def toxic(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None, *,
          penalties: Sequence[int] = (0, 100, 500, 1_000, 1_500, 2_500)) -> list[ToxicRow]:
    """Penalties up to where closing makes accounts worse, and which of them the gate refuses."""
    found = []
    naked = policies(cascade.tiers)["no tiers"]
    for penalty in penalties:
        chosen = replace(naked, penalty=penalty)
        refused = False
        try:
            replace(cascade, tiers=chosen, accept={})
        except BadInput as error:
            if TOXIC not in error.field:
                raise
            refused = True
        passed = replace(cascade, tiers=chosen, accept={TOXIC: "an experiment shows what the gate keeps out"})
        found.append(ToxicRow(penalty, close_cost(cascade.market, chosen), refused,
                              play(f"penalty {penalty}", passed, seeds, progress)))
    return found


@dataclass(frozen=True)
class FundSize:
    """10**-6 quote units. cover_2 : what the two accounts lose that lose most beyond their equity, in the worst stress.

    drawn : quantile over the seeds of what a fund without limits has paid and not got back, in the block in which that
        is most.  share : which, (numerator, denominator).
    enough_seeds : whether so many seeds say anything of that quantile; else it is the largest.
    size : the larger one.
    """

    cover_2: int
    drawn: int
    share: tuple[int, int]
    enough_seeds: bool
    outcome: Outcomes

    @property
    def size(self) -> int:
        return max(self.cover_2, self.drawn)


def fund_size(cascade: Cascade, seeds: Sequence[int], progress: Progress | None = None) -> FundSize:
    """How large the fund must be: PFMI's cover-2 under stress, and 99.9 % of draws on it.

    Raises
    ------
    BadInput : losses that not even the largest fund of a simulation pays, so that no size could be told.
    """
    endless = Fund(0, LARGEST_MONEY, LARGEST_MONEY, LARGEST_MONEY, LARGEST_MONEY, LARGEST_MONEY)
    outcome = play("fund without limits", replace(cascade, tiers=replace(cascade.tiers, fund=endless)), seeds, progress)
    for seed, result in zip(outcome.seeds, outcome.results, strict=True):
        if result.haircut or result.deficit:
            raise BadInput(f"losses of seed {seed}", result.bad_debt, f"at most {LARGEST_MONEY}, what a fund can have "
                           "here: lower population.accounts or population.equity", source=cascade.source)
    # What is out at the worst moment: what comes back later, when the agent has sold, pays nothing until then.
    out = [max(0, LARGEST_MONEY - int(result.path.fund.min())) for result in outcome.results]
    return FundSize(max(cover_2(cascade, seed) for seed in seeds), quantile(out, 999, 1_000), (999, 1_000),
                    len(seeds) >= 1_000, outcome)


def cover_2(cascade: Cascade, seed: int) -> int:
    """Loss beyond equity of the two accounts that lose most so, in the worst of the stresses, closed by nobody.

    Stresses: every asset by its crash's median fall, down and up, each alone and all together.
    """
    world, worst = draw(cascade, seed), 0
    for moves in _stresses(cascade.assets):
        prices = [asset.price * (UNIT + move) // UNIT for asset, move in zip(cascade.assets, moves, strict=True)]
        equity = world.cash[:-1] + sum(world.lots[:-1, a] * price for a, price in enumerate(prices))
        worst = max(worst, -sum(min(0, one) for one in sorted(equity.tolist())[:2]))
    return worst


def _stresses(assets: tuple[Asset, ...]) -> list[list[int]]:
    falls = [asset.fall for asset in assets]
    alone = [[fall if a == b else 0 for b in range(len(falls))] for a, fall in enumerate(falls)]
    return [[sign * move for move in moves] for moves in (*alone, falls) for sign in (1, -1)]


def _times(share: int) -> str:
    whole, rest = divmod(share, UNIT)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")
