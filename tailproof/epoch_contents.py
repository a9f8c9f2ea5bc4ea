"""From an epoch to what its publishers sign: roots, marks, regime, lag, model, factors.

Everything but time and predecessor follows from the epoch directory, so each signer makes it alone and compares.
"""

from __future__ import annotations

from primitives.errors import BadInput, Said
from risk.epochs.build import parse_sources
from risk.epochs.epoch import REGIME, Epoch
from risk.epochs.provenance import Provenance
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.haircuts import parse_collateral
from risk.models.model import parse_model
from verifier_contracts.epoch_content import MARK_LANES, EpochContent
from verifier_contracts.keccak_tree import ASSET_NUMBER_BITS, Factor, asset_number, factors_hash

from .epoch_leaves import EpochLeaves
from .epochs import AnyEpoch


def content_of(epoch: AnyEpoch, leaves: EpochLeaves, id: int, deadline: int, previous: bytes, *,
               collateral: bytes | None = None) -> EpochContent:
    """What is signed of an epoch.

    Parameters
    ----------
    leaves : of the epoch.
    id, deadline : time of publication and last second of it.  previous : digest of the content before.
    collateral : as for `factors_of`.

    Raises
    ------
    BadInput : an epoch of bare numbers, whose model, marks and lag nobody knows; a scenario horizon of 0; or as for
        `factors_of`.
    """
    arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
    made = arrays.provenance
    if made is None:
        raise BadInput("epoch: sources", None, "there: they say which model it is, its marks, and the lag it covers")
    return EpochContent(
        id, deadline, leaves.root, bytes.fromhex(epoch.header.model_digest[2:]), leaves.data_tree.root,
        factors_hash(factors_of(epoch, collateral)), marks_of(arrays, made),
        epoch.regime if isinstance(epoch, GridEpoch) else REGIME, lag_of(arrays, made), previous)


def marks_of(arrays: Epoch, made: Provenance) -> tuple[int, ...]:
    """Spots of the first four underlyings, 10⁻⁶ quote units; those that MARK leaves of an epoch of levels hold."""
    _, book, _ = parse_sources(made.sources, arrays.shape)
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    return tuple(spots[symbol] for symbol in arrays.header.underlyings[:MARK_LANES])


def lag_of(arrays: Epoch, made: Provenance) -> int:
    """Seconds from now to the prices of the scenarios: the model's horizon.

    Raises
    ------
    BadInput : a model whose scenarios are instantaneous.
    """
    model = parse_model(made.sources.model, shape=arrays.shape, source=made.sources.paths.get("model"))
    seconds = model.horizon * model.step_seconds
    if not seconds:
        raise BadInput("horizon", model.horizon, "above 0: an epoch covers the time from the last proven cover to a "
                       "transfer", source=made.sources.paths.get("model"))
    return seconds


def factors_of(epoch: AnyEpoch, collateral: bytes | None = None) -> tuple[Factor, ...]:
    """Collateral factors as vaults take them, by rising number of asset.

    Parameters
    ----------
    collateral : the file of assets for an epoch by full revaluation, whose leaves hold none: each states its own price
        and swing. On a grid the epoch has them.

    Raises
    ------
    BadInput : two assets of one number (the low 31 bits of their ids), or one of number 0; a file beside a grid, or
        with an asset that is worth an underlying.
    """
    if isinstance(epoch, GridEpoch):
        if collateral is not None:
            raise BadInput("--collateral", Said("given"), "absent: an epoch on a grid has its own factors")
        assets: tuple[Factors, ...] = epoch.assets
    else:
        assets = () if collateral is None else _stated(collateral)
    found: dict[int, Factor] = {}
    for asset in assets:
        number = asset_number(asset.id)
        if not number or number in found:
            raise BadInput("asset number", number, f"above 0 and no other asset's: the low {ASSET_NUMBER_BITS} bits of "
                           f"its id, {asset.id}")
        found[number] = Factor(number, asset.value, asset.debt)
    return tuple(found[number] for number in sorted(found))


def _stated(collateral: bytes) -> tuple[Factors, ...]:
    """Of assets that state price and swing; what an underlying's scenarios say, only a grid knows."""
    made = []
    for asset in parse_collateral(collateral):
        if asset.price is None or asset.swing is None:
            raise BadInput(f"{asset.symbol}: underlying", asset.underlying, "absent, and price, fall and rise stated: "
                           "haircuts by scenarios are those of epochs on a grid")
        made.append(asset.factors(asset.price, asset.swing))
    return tuple(made)
