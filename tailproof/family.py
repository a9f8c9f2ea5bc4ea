"""Two more statements on the demo's book: solvency, which shows no number at all, and netting over four protocols.

The keys are made in memory for one run (single-party, INSECURE); what is shown is what each statement buys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits import statements
from circuits.clauses.collateral import Holding
from circuits.statements import netting, solvency
from primitives import field
from risk.epochs.provenance import Sources
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_1000, GridShape
from risk.margins.grid_margin import grid_margin
from risk.margins.portfolio import Portfolio

from .progress import Progress, quiet
from .secret import draw_salt

if TYPE_CHECKING:
    from prover import Proof, VerificationKey

BUFFER = 500
"""Basis points required beyond the margin."""
CONTEXT = 1
"""The demo deploys no contract for these statements, so their context binds nothing."""
REGIME = 2
"""Correlation 0.85, of the four regimes (0.3, 0.6, 0.85, 0.999) the one nearest to BTC and ETH in 2018-2020."""


@dataclass(frozen=True)
class Shown:
    """A proven statement: the key, the public inputs by name, the proof; `facts` are what the trader knows besides."""

    statement: str
    rows: int
    key: VerificationKey
    public_inputs: Mapping[str, int]
    proof: Proof
    facts: Mapping[str, int]


def grid_epoch(fixtures: Path, shape: GridShape = GRID_1000, *, progress: Progress = quiet) -> GridEpoch:
    """The fixtures on a grid, with collateral factors."""
    sources = Sources.read(fixtures / "model.toml", fixtures / "book.json")
    collateral = (fixtures / "collateral.json").read_bytes()
    return build_grid(sources, shape, regime=REGIME, collateral=collateral, progress=progress)


def prove_solvency(epoch: GridEpoch, portfolio: Portfolio, *, progress: Progress = quiet) -> Shown:
    """Collateral in USDC and WBTC that covers a portfolio's margin and the buffer; neither number is shown."""
    name = "solvency-grid-1000x32"
    return _prove(name, *solvency_inputs(statements.get(name).preset, epoch, portfolio), progress)


def solvency_inputs(preset: solvency.Preset, epoch: GridEpoch, portfolio: Portfolio
                    ) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Witness inputs for a portfolio with barely enough collateral, and the margin that they hide."""
    positions = portfolio.rows(epoch)
    margin = grid_margin(epoch, positions).required
    usdc, wbtc = epoch.assets[0], epoch.assets[1]
    needed = margin * (10_000 + BUFFER) * 2**64 // 10_000
    kept = solvency.Collateral(draw_salt(), 7, [Holding(usdc.id, needed // (2 * usdc.value) + 10**6, 0),
                                                Holding(wbtc.id, needed // (2 * wbtc.value) + 10**6, 0)])
    return solvency.assign(preset, epoch, positions, draw_salt(), kept, BUFFER, CONTEXT), {"margin": margin}


def prove_netting(epoch: GridEpoch, portfolios: Sequence[Portfolio], *, progress: Progress = quiet) -> Shown:
    """One margin for portfolios on different protocols, covered by what is kept on all of them together."""
    name = "netting-grid-4x8"
    return _prove(name, *netting_inputs(statements.get(name).preset, epoch, portfolios), progress)


def netting_inputs(preset: netting.Preset, epoch: GridEpoch, portfolios: Sequence[Portfolio]
                   ) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Witness inputs for one portfolio a protocol, with the same collateral on each; and what netting saves."""
    number = epoch.header.timestamp
    positions = [portfolio.rows(epoch) for portfolio in portfolios]
    alone = [grid_margin(epoch, rows).required for rows in positions]
    together = grid_margin(epoch, [row for rows in positions for row in rows]).required
    usdc = epoch.assets[0]
    each = together * (10_000 + BUFFER) * 2**64 // (10_000 * usdc.value * len(portfolios)) + 1
    members = []
    for i, rows in enumerate(positions):
        bare = netting.Member(100 + i, draw_salt(), rows, draw_salt(), [Holding(usdc.id, each, 0)])
        leaf = bare.balance_leaf(preset, number)
        members.append(netting.Member(bare.id, bare.salt, rows, bare.balance_salt, bare.holdings,
                                      netting.balance_tree(preset, [0] * i + [leaf]), i))
    inputs = netting.assign(preset, epoch, number, members, BUFFER, CONTEXT)
    return inputs, {"margin": together, "standalone": sum(alone)}


def _prove(name: str, inputs: Mapping[str, Any], facts: Mapping[str, int], progress: Progress) -> Shown:
    from prover import prove, setup
    statement = statements.get(name)
    system = statement.build()
    key = setup(system.r1cs(), progress=progress)
    witness = system.witness(inputs)
    proof = prove(key, witness, progress=progress)
    values = field.decode(witness[1:1 + len(statement.public_inputs)])
    return Shown(name, statement.rows, key.verification_key, dict(zip(statement.public_inputs, values, strict=True)),
                 proof, facts)
