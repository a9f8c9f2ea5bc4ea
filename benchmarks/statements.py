"""Every statement at full size, on the fixtures: proven by us; verified by us, by snarkjs and on the embedded chain.

    python -m benchmarks.statements [NAME ...] [--out out/statements]

Prints one table and writes it as JSON; a second table sets grid margins against full revaluation. Exit code 1 if
anything that should be accepted is refused, or a proven number differs from the integer reference. Tests do the same
on small instances; the largest here (`batch-16`, 968,523 rows) takes a few GB.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from circuits import statements
from circuits.statements import (
    batch,
    cover,
    disclose,
    escrow,
    flat,
    grid,
    leaf_field,
    margin,
    netting,
    solvency,
    transition,
)
from primitives import babyjubjub, field
from primitives.elgamal import Binding
from primitives.poseidon import Tag
from prover import Proof, VerificationKey, prove, setup, verify
from prover.files import snarkjs
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape
from risk.grid.grid_build import assemble_grid, build_grid, full_revaluation, value
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_1000, GRID_1000_WEIGHTED, GridShape
from risk.margins import grid_margin
from risk.margins.portfolio import Portfolio
from tailproof import demo, family
from verifier_contracts.bindings import proof_words, verifier_refusal
from verifier_contracts.chain import Chain
from verifier_contracts.creation import deploy_verifier

FIXTURES = Path(__file__).parent.parent / "fixtures" / "btc_eth"
LEVELS = FIXTURES.parent / "levels"
CONTEXT, SALT = 12345, 67890


@dataclass(frozen=True)
class Instance:
    """One thing to prove: for which portfolio, the witness inputs, and what must come out by name."""

    subject: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, int]


@cache
def portfolios() -> dict[str, Portfolio]:
    return {path.stem: Portfolio.read(path) for path in sorted((FIXTURES / "portfolios").glob("*.json"))}


@cache
def sources() -> Sources:
    """The fixture's."""
    return Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")


@cache
def full_epoch(shape: EpochShape) -> Epoch:
    """The fixture's epoch in a statement's shape; scenarios with masses are chosen from a population."""
    return build(sources(), shape=shape)


@cache
def grid_epoch(shape: GridShape) -> GridEpoch:
    """The same on a grid, without collateral."""
    return build_grid(sources(), shape)


# -- what to prove -------------------------------------------------------------------------------------------------
def instances(name: str) -> Iterator[Instance]:
    """Every fixture portfolio that suits a statement."""
    preset = statements.get(name).preset
    if isinstance(preset, margin.Preset):
        epoch = full_epoch(preset.shape)
        for subject, portfolio in portfolios().items():
            yield Instance(subject, margin.assign(preset, epoch, portfolio.rows(epoch), SALT, CONTEXT),
                           {"margin": portfolio.margin(epoch).required, "epoch_root": epoch.root})
    elif isinstance(preset, grid.Preset):
        on_grid = grid_epoch(preset.shape)
        for subject, portfolio in portfolios().items():
            rows = portfolio.rows(on_grid)
            yield Instance(subject, grid.assign(preset, on_grid, rows, SALT, CONTEXT),
                           {"margin": grid_margin.grid_margin(on_grid, rows).required, "epoch_root": on_grid.root})
    elif isinstance(preset, solvency.Preset | netting.Preset):
        yield from family_instances(preset)
    elif isinstance(preset, transition.Preset):
        epoch = full_epoch(statements.get("margin-full-256x16").shape)
        for subject, portfolio in portfolios().items():
            slots = [(int(epoch.ids[row]), lots) for row, lots in portfolio.rows(epoch)]
            fills = [(slots[0][0], -slots[0][1]), (int(epoch.ids[7]), 3)]          # close one position, open another
            applied = transition.apply(transition.fill("slots", preset.slots, slots),
                                       transition.fill("fills", preset.fills, fills))
            yield Instance(subject, transition.assign(preset, slots, SALT, fills, 99, SALT + 1, CONTEXT),
                           {"new_commitment": margin.commit(SALT + 1, applied.slots)})
    elif isinstance(preset, cover.Preset):
        yield from cover_instances(preset)
    elif isinstance(preset, flat.Preset):
        closed = [(2**247 + 1, 0), (0, 0), (3, 0)]
        commitment = flat.commit(SALT, [*closed, *[(0, 0)] * (preset.slots - len(closed))])
        yield Instance("closed positions", flat.assign(preset, closed, SALT, CONTEXT),
                       {"portfolio_commitment": commitment})
    elif isinstance(preset, leaf_field.Preset):
        yield from leaf_instances(preset)
    else:
        raise AssertionError(f"{name}: nobody has said what to prove of it")


def cover_instances(preset: cover.Preset) -> Iterator[Instance]:
    """Of each fixture portfolio: what just covers it with a tenth more, and a unit less, which is a shortfall."""
    epoch = full_epoch(preset.shape) if isinstance(preset.shape, EpochShape) else grid_epoch(preset.shape)
    buffer = 1000
    for subject, portfolio in portfolios().items():
        rows = portfolio.rows(epoch)
        required = portfolio.margin(epoch).required if isinstance(epoch, Epoch) \
            else grid_margin.grid_margin(epoch, rows).required
        least = -(-required * (10_000 + buffer) // 10_000)
        for held, covered in ((least, True), (least - 1, False)):
            claim = cover.Claim(held, buffer, covered)
            yield Instance(f"{subject}, {'covered' if covered else 'short'}",
                           cover.assign(preset, epoch, rows, SALT, claim, CONTEXT),
                           {"claim": claim.packed(), "epoch_root": epoch.root})


def leaf_instances(preset: leaf_field.Preset) -> Iterator[Instance]:
    """First, middle and last element of a leaf."""
    if preset.kind == Tag.MARK:
        levels = Sources.read(LEVELS / "model.toml", LEVELS / "book.json")
        epoch: Epoch | GridEpoch = build(levels, shape=preset.shape) if isinstance(preset.shape, EpochShape) \
            else build_grid(levels, preset.shape)
    else:
        epoch = full_epoch(preset.shape) if isinstance(preset.shape, EpochShape) else collateral_epoch(preset.shape)
    published = leaf_field.Published.of(preset, epoch)
    for element in (0, preset.elements // 2, preset.elements - 1):
        yield Instance(f"element {element} of leaf 1", leaf_field.assign(published, 1, element, CONTEXT),
                       {"x": published.leaves[1][element] % field.MODULUS, "epoch_root": epoch.root})


@cache
def collateral_epoch(shape: GridShape) -> GridEpoch:
    return family.grid_epoch(FIXTURES, shape)


def family_instances(preset: solvency.Preset | netting.Preset) -> Iterator[Instance]:
    """Solvency of each fixture portfolio; netting of all four as accounts on four protocols."""
    epoch = collateral_epoch(preset.shape)
    if isinstance(preset, netting.Preset):
        inputs, facts = family.netting_inputs(preset, epoch, list(portfolios().values()))
        yield Instance("all four", inputs, {"margin": facts["margin"], "epoch_root": epoch.root})
    else:
        for subject, portfolio in portfolios().items():
            inputs, _ = family.solvency_inputs(preset, epoch, portfolio)
            yield Instance(subject, inputs, {"epoch_root": epoch.root, "buffer": family.BUFFER})


def batch_inputs(preset: batch.Preset, key: VerificationKey) -> Instance:
    """All fixture portfolios as accounts of one batch; the rest of the batch is unused."""
    epoch = full_epoch(preset.shape)
    accounts = [batch.Account(portfolio.rows(epoch), SALT + i, CONTEXT + i)
                for i, portfolio in enumerate(portfolios().values())]
    inputs = batch.assign(preset, epoch, accounts, key.digest())
    proven = [entry.margin for entry in batch.entries_of(inputs)][:len(accounts)]
    assert proven == [portfolio.margin(epoch).required for portfolio in portfolios().values()]
    return Instance("all four", inputs, {})


def escrow_instances(preset: escrow.Preset | disclose.Preset, key: VerificationKey) -> Iterator[Instance]:
    """The opening of each fixture portfolio: read back by every recipient, or as it stands in calldata."""
    epoch = full_epoch(statements.get("margin-full-256x16").shape)
    for subject, portfolio in portfolios().items():
        slots = [(int(epoch.ids[row]), lots) for row, lots in portfolio.rows(epoch)]
        filled = transition.fill("slots", preset.slots, slots)
        commitment = margin.commit(SALT, filled)
        if isinstance(preset, disclose.Preset):
            public = disclose.public_inputs(key.digest(), CONTEXT, commitment, disclose.words_of(filled, SALT))
            yield Instance(subject, disclose.assign(preset, slots, SALT, CONTEXT, key.digest()), public._asdict())
            continue
        secrets = [1000 + number for number in range(preset.recipients)]
        keys = [babyjubjub.multiply(secret, babyjubjub.BASE) for secret in secrets]
        inputs = escrow.assign(preset, slots, SALT, keys, CONTEXT, key.digest())
        sealed, binding = escrow.sealed_of(preset, inputs), Binding(CONTEXT, commitment)
        for number, secret in enumerate(secrets):
            assert escrow.read(sealed.words(), keys, number, secret, binding) == (SALT, filled)
        y = escrow.content(binding, keys, sealed)
        yield Instance(subject, inputs, escrow.public_inputs(key.digest(), y)._asdict())


# -- who believes it -----------------------------------------------------------------------------------------------
def snarkjs_accepts(key: VerificationKey, public: list[int], proof: Proof) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        snarkjs.write_verification_key(Path(folder) / "verification_key.json", key)
        snarkjs.write_public(Path(folder) / "public.json", public)
        snarkjs.write_proof(Path(folder) / "proof.json", proof)
        return demo.snarkjs_accepts(Path(folder))


def clocked(action: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    return action(), time.perf_counter() - begin


def prove_all(name: str, chain: Chain) -> Iterator[dict[str, Any]]:
    """Set a statement up, prove every instance, ask everybody; one row each."""
    statement = statements.get(name)
    system = statement.build()
    key, setup_seconds = clocked(lambda: setup(system.r1cs()))
    short = key.verification_key
    verifier = deploy_verifier(chain, short, name)
    preset = statement.preset
    todo = [batch_inputs(preset, short)] if isinstance(preset, batch.Preset) else escrow_instances(preset, short) \
        if isinstance(preset, escrow.Preset | disclose.Preset) else instances(name)
    for instance in todo:
        witness, witness_seconds = clocked(lambda: system.witness(instance.inputs))        # noqa: B023
        proof, prove_seconds = clocked(lambda: prove(key, witness))                        # noqa: B023
        public = field.decode(witness[1:1 + len(statement.public_inputs)])
        found = dict(zip(statement.public_inputs, public, strict=True))
        wrong = [public[0] ^ 1, *public[1:]]
        row = {"statement": name, "subject": instance.subject, "rows": statement.rows, "domain": statement.domain,
               "setup_s": setup_seconds, "witness_s": witness_seconds, "prove_s": prove_seconds,
               "exact": all(found[key] == value for key, value in instance.expected.items()),
               "ours": verify(short, public, proof) and not verify(short, wrong, proof),
               "snarkjs": snarkjs_accepts(short, public, proof) and not snarkjs_accepts(short, wrong, proof),
               "chain": verifier_refusal(chain, verifier, public, proof_words(proof)) is None
               and bool(verifier_refusal(chain, verifier, wrong, proof_words(proof)))}
        print(" ".join(f"{item:.3g}" if isinstance(item, float) else str(item) for item in row.values()),
              file=sys.stderr, flush=True)
        yield row


def grid_against_full() -> Iterator[dict[str, Any]]:
    """Margins of the fixtures in full revaluation and on the grid, in each correlation regime."""
    for shape in (GRID_1000, GRID_1000_WEIGHTED):
        valued = value(sources(), shape)
        for regime in range(shape.regimes):
            on_grid = assemble_grid(shape, valued, regime)
            full = full_revaluation(shape, valued, regime)
            for subject, portfolio in portfolios().items():
                found = grid_margin.compare(on_grid, full, portfolio.rows(on_grid))
                yield {"masses": shape is GRID_1000_WEIGHTED, "regime": regime, "portfolio": subject,
                       "full": found.full, "grid": found.grid, "excess": found.excess,
                       "percent": 100 * found.relative, "never below": found.excess >= 0}


def markdown(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    def cell(item: Any) -> str:
        return f"{item:,.3g}" if isinstance(item, float) else f"{item:,}" if type(item) is int else str(item)
    head = list(rows[0])
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head),
                      *("| " + " | ".join(map(cell, row.values())) + " |" for row in rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[name for name in statements.names() if "tiny" not in name])
    parser.add_argument("--out", type=Path, default=Path("out/statements"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chain = Chain.embedded()
    proven = [row for name in options.names for row in prove_all(name, chain)]
    compared = list(grid_against_full())
    text = markdown(proven) + "\n\n" + markdown(compared) + "\n"
    print(text)
    (options.out / "statements.md").write_text(text)
    (options.out / "statements.json").write_text(json.dumps({"proven": proven, "grid": compared}, indent=2))
    holds = all(row[check] for row in proven for check in ("exact", "ours", "snarkjs", "chain"))
    return 0 if holds and all(row["never below"] for row in compared) else 1


if __name__ == "__main__":
    sys.exit(main())
