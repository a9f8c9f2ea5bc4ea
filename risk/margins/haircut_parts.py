"""Haircuts of a collateral file in an epoch, one by one, beside what others take: what `risk haircuts` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.grid.haircut_presets import Counted, Preset
from risk.grid.haircuts import CollateralAsset, Swing, swings
from risk.margins.contributions import AnyEpoch
from risk.margins.explain import scenarios_of
from risk.margins.shocks import sources_of


@dataclass(frozen=True)
class Cut:
    """An asset's haircuts as fractions: of its value, what the others leave, and all together; rise is of a debt.

    theirs : the preset's row; None without one.
    """

    symbol: str
    fall: Fraction
    rise: Fraction
    protocol: Fraction
    liquidation: Fraction
    whole: Fraction
    wrong_way: bool
    theirs: Counted | None


def swings_of(epoch: AnyEpoch) -> Mapping[str, Swing]:
    """How far each underlying may move against a holder, and a debtor, by the epoch's scenarios; on a grid in the
    regime where it is farthest.

    Raises
    ------
    BadInput : an epoch of bare numbers.
    """
    model, _, _ = sources_of(epoch)
    epochs = [epoch] if isinstance(epoch, Epoch) else [epoch.under(regime) for regime in range(epoch.shape.regimes)]
    return swings([scenarios_of(one, model).returns for one in epochs], model.assets, epoch.shape.tail)


def cuts(assets: Sequence[CollateralAsset], swung: Mapping[str, Swing], other: Preset | None) -> Sequence[Cut]:
    """Of each asset, in their order.

    Raises
    ------
    BadInput : an underlying that no epoch, or not this one, knows.
    """
    found = []
    for asset in assets:
        swing = asset.swing if asset.underlying is None else swung.get(asset.underlying)
        if swing is None:
            raise BadInput(f"{asset.symbol}: underlying", asset.underlying, "one of the epoch"
                           + (f": {', '.join(swung)}" if swung else ", which has to be given"))
        theirs = None if other is None else other.rows.get(asset.symbol, other.row(asset.underlying or asset.symbol))
        found.append(Cut(asset.symbol, asset.fall(swing), swing.rise, Fraction(asset.protocol),
                         Fraction(asset.liquidation), asset.haircut(swing), asset.fall(swing) > swing.fall, theirs))
    return found
