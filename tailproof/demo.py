"""The whole of Tailproof once: from a book to margin state moved by a proof, and what the contracts refuse.

Everything here is real: the proofs are made, the chain executes the contracts, each attack is submitted and its refusal
read back. Only the chain is embedded, and the keys are single-party ones, which is INSECURE.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from circuits import statements
from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from risk.epochs import epoch_directory
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.margins.portfolio import Portfolio

from . import demo_collateral, extras, family, shipped
from .attestation import commit, prove_margin
from .auditing import audit
from .crash import run as crash_day
from .demo_collateral import Told
from .demo_stage import MAX_EPOCH_AGE, MINUTE, STATEMENTS, Stage, stage_keys
from .progress import Progress, quiet
from .statements import r1cs_digest
from .telling import setting

STATEMENT = STATEMENTS["margin"]
PORTFOLIOS = ("short_straddle", "covered_call", "cross_asset_hedge", "concentrated_short")
FIXTURES = shipped.fixtures("btc_eth")
WRITTEN = {"timeline.png", "verification_key.json", "Groth16Verifier.sol", "epoch", "losses.png", "deployment.json",
           "opening.secret.json", "bundle.json", "proof.json", "public.json", "report.json",
           "solvency-grid-1000x32", "netting-grid-4x8"}
"""What a run leaves in its directory, and the next may take away."""


@dataclass(frozen=True)
class Attack:
    """Something that must not work: what was tried, the refusal it must meet, the refusal it met."""

    name: str
    expected: str
    refusal: str | None

    @property
    def refused(self) -> bool:
        return self.refusal == self.expected


@dataclass
class Report:
    """What the demo did. `verified`: by whom, and the answer; `not_run`: who was not asked, and why; `seconds`: by
    stage."""

    out: Path
    statement: str
    quote: str = ""
    trial_epoch: bool = False
    rows: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    margins: list[dict[str, Any]] = field(default_factory=list)
    verified: dict[str, bool] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    attacks: list[Attack] = field(default_factory=list)
    gas: dict[str, int] = field(default_factory=dict)
    family: list[dict[str, Any]] = field(default_factory=list)
    margin_on_chain: int = 0
    margin_proven: int = 0
    collateral: Told = field(default_factory=Told)
    liquidation: crash_day.Report | None = None

    @property
    def holds(self) -> bool:
        """Everything that should be accepted was, by all who were asked; everything else was refused for its own
        reason."""
        return (all(self.verified.values()) and all(attack.refused for attack in self.attacks)
                and all(all(entry["verified"].values()) for entry in self.family)
                and self.margin_on_chain == self.margin_proven and self.collateral.holds
                and self.liquidation is not None and self.liquidation.holds)


class _Clock:
    """Times the stages of the demo."""

    def __init__(self, report: Report, progress: Progress) -> None:
        self.report, self.progress = report, progress

    def __call__(self, stage: str, action: Callable[[], Any]) -> Any:
        self.progress(stage, 0, 1)
        begin = time.perf_counter()
        result = action()
        self.report.seconds[stage] = self.report.seconds.get(stage, 0.0) + time.perf_counter() - begin
        self.progress(stage, 1, 1)
        return result


def run(out: Path, *, fixtures: Path = FIXTURES, keys: Path | None = None, progress: Progress = quiet) -> Report:
    """Run the demo into the directory `out` (what an earlier run left there is replaced).

    keys : where keys are kept between runs; default `out/../keys`.

    Raises
    ------
    MissingExtra : the embedded chain, the reference arithmetic or what draws pictures is not installed.
    """
    from prover.files import snarkjs
    from risk.margins import plot
    from risk.margins.contributions import breakdown
    from verifier_contracts.chain import Chain
    from verifier_contracts.generator import generate

    extras.require("chain", "reference", "risk")
    _clear(out)
    report = Report(out, STATEMENT)
    if lacking := snarkjs_lacks():
        report.not_run["snarkjs"] = lacking
    timed = _Clock(report, progress)

    # -- what is proven, and with which keys
    statement = statements.get(STATEMENT)
    report.rows = timed("compile statement", lambda: statement.rows)
    every = timed("setup (INSECURE), five statements", lambda: stage_keys(keys or out.parent / "keys", progress))
    key = every["margin"]
    verification_key = key.verification_key()
    snarkjs.write_verification_key(out / "verification_key.json", verification_key)
    (out / "Groth16Verifier.sol").write_text(generate(verification_key, STATEMENT, bytes.fromhex(key.r1cs_digest)))

    # -- what margin is
    sources = Sources.read(fixtures / "model.toml", fixtures / "book.json")
    epoch = timed("build epoch", lambda: build(sources, progress=progress))
    epoch_directory.save(epoch, out / "epoch")
    report.quote, report.trial_epoch = epoch.header.quote, epoch.header.trial
    books = {name: Portfolio.read(fixtures / "portfolios" / f"{name}.json") for name in PORTFOLIOS}
    margins = {name: book.margin(epoch) for name, book in books.items()}
    report.margins = [{"portfolio": name, "margin": value.required, "standalone": sum(value.standalone),
                       "saved": value.netting_benefit} for name, value in margins.items()]
    title = PORTFOLIOS[0].replace("_", " ")
    parts = breakdown(epoch, books[PORTFOLIOS[0]].rows(epoch))
    timed("picture", lambda: plot.losses(parts, out / "losses.png", title=title, quote=report.quote,
                                         subtitle=setting(epoch)))

    # -- who believes it
    with TemporaryDirectory(prefix="tailproof-demo-") as journals:
        chain = timed("start chain", Chain.embedded)
        stage = Stage.set(chain, every, epoch, out / "epoch", Path(journals) / "first", timed)
        stage.system.save(out / "deployment.json")
        _attest(stage, report, books[PORTFOLIOS[0]], timed, progress)

    # -- two more statements, on the grid
    on_grid = timed("build grid epoch", lambda: family.grid_epoch(fixtures))
    for shown in (timed("solvency: setup, prove", lambda: family.prove_solvency(on_grid, books[PORTFOLIOS[0]])),
                  timed("netting: setup, prove", lambda: family.prove_netting(on_grid, list(books.values())))):
        report.family.append({"statement": shown.statement, "rows": shown.rows, **shown.facts,
                              "shown": list(shown.public_inputs), "verified": _believers(shown, chain, out, report)})
    report.collateral = demo_collateral.run(every, stage.proving, timed=timed, progress=progress)

    # -- the third act: a fall, an account that nobody cures, and its sale
    with TemporaryDirectory(prefix="tailproof-demo-") as folder:
        report.liquidation = timed("a fall of 40 %, a lot, its sale", lambda: crash_day.run(
            Path(folder), keys or out.parent / "keys", short=True, proving=stage.proving, progress=progress,
            told=lambda entry: None))
        shutil.copy(Path(folder) / "timeline.png", out / "timeline.png")
    return report


def _attest(stage: Stage, report: Report, book: Portfolio, timed: _Clock, progress: Progress) -> None:
    """A margin proven, verified, attacked, attested, and attacked again."""
    from prover.files import snarkjs
    from relayer.submit import submit
    from verifier_contracts.bindings import proof_words
    out, epoch, key, ledger = report.out, stage.epoch, stage.keys["margin"], stage.at.ledger
    statement, verification_key = statements.get(STATEMENT), key.verification_key()
    trader, other = _owner("trader"), _owner("other")
    epoch_id = timed("three publishers sign", stage.publish).id
    opening = commit(statement, epoch, book)
    opening.save(out / "opening.secret.json")
    for owner in (trader, other):              # one commitment for both accounts: their proofs must still differ
        report.gas["register"] = stage.register(owner, opening).gas_used

    # -- the proof
    context = ledger.context("margin", verification_key.digest(), trader.address, epoch_id, 1)
    bundle = timed("prove", lambda: prove_margin(key, epoch, opening, context, progress=progress))
    bundle.save(out / "bundle.json")
    report.margin_proven = bundle.margin
    public = [bundle.public_inputs[name] for name in statement.public_inputs]
    snarkjs.write_proof(out / "proof.json", bundle.proof)
    snarkjs.write_public(out / "public.json", public)

    # -- three ways to verify, none of which shares arithmetic with another
    def audited(backend: Any) -> bool:
        return all(check.holds for check in audit(
            bundle, verification_key, epoch_root=epoch.root, shape=epoch.shape, key_circuit=key.r1cs_digest,
            commitment=opening.commitment, backend=backend))
    report.verified["tailproof kernels"] = timed("verify: kernels", lambda: audited("kernels"))
    report.verified["py_ecc reference"] = timed("verify: py_ecc", lambda: audited("reference"))
    if "snarkjs" not in report.not_run:
        report.verified["snarkjs"] = timed("verify: snarkjs", lambda: snarkjs_accepts(out))

    # -- attacks on a proof that has not been used
    def attest(account: str, words: list[int], *, epoch: int = epoch_id, version: int = 1,
               margin: int = bundle.margin) -> None:
        ledger.attest(account, epoch, version, margin, words, sender=stage.relayer)

    words = proof_words(bundle.proof)
    tampered = replace(bundle.proof, c=bundle.proof.a)
    abroad = prove_margin(key, epoch, opening, replace(context, chain_id=1))
    attacks: Mapping[str, tuple[str, Callable[[], Any]]] = {
        "tampered proof": ("ProofRejected", lambda: attest(trader.address, proof_words(tampered))),
        "margin lowered by one unit": ("ProofRejected",
                                       lambda: attest(trader.address, words, margin=bundle.margin - 1)),
        "another account's proof": ("ProofRejected", lambda: attest(other.address, words)),
        "proof for another chain id": ("ProofRejected", lambda: attest(trader.address, proof_words(abroad.proof))),
    }
    for name, (expected, action) in attacks.items():
        report.attacks.append(Attack(name, expected, refusal(action)))

    # -- accepted once, and for one version only
    accepted = timed("submit", lambda: submit(bundle, stage.system, stage.chain, sender=stage.relayer))
    report.gas["attest"] = accepted.gas_used
    report.verified["contract (embedded chain)"] = True
    report.margin_on_chain = ledger.margin_of(trader.address, MAX_EPOCH_AGE)
    stage.register(trader, opening)
    report.attacks.append(Attack("replay for a commitment that was registered again", "ProofRejected", refusal(
        lambda: attest(trader.address, words, version=2))))

    def register_empty() -> None:
        """The owner of an account, who is no venue, puts an empty book in place of her positions."""
        empty = commit(statement, epoch, Portfolio(()))
        consent = stage.at.desk.consent(trader.address, stage.relayer, empty.commitment, stage.now + 3600)
        stage.at.desk.register(consent, consent.sign(trader), sender=stage.relayer)
    report.attacks.append(Attack("owner registers an empty portfolio", "NotVenue", refusal(register_empty)))

    stage.later(5 * MINUTE)
    later = stage.publish().id
    stale = prove_margin(key, epoch, opening, replace(context, epoch_id=later, version=2))
    stage.chain.travel_to(later + MAX_EPOCH_AGE + 1)
    report.attacks.append(Attack("stale epoch", "StaleEpoch", refusal(
        lambda: attest(trader.address, proof_words(stale.proof), epoch=later, version=2))))


def _clear(out: Path) -> None:
    """Make room for a run: take away what an earlier one wrote, and refuse a directory that holds anything else."""
    with jsonio.refusing_to_write(out):
        out.mkdir(parents=True, exist_ok=True)
        foreign = sorted(path.name for path in out.iterdir() if path.name not in WRITTEN)
        if foreign:
            raise BadInput("--out", str(out), f"new, or hold nothing but an earlier demo: {foreign[0]} is foreign")
        for path in out.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _believers(shown: family.Shown, chain: Any, out: Path, report: Report) -> dict[str, bool]:
    """Who accepts a proof, and refuses it for the public inputs with one of them changed."""
    from prover import verify
    from prover.files import snarkjs
    from verifier_contracts.bindings import proof_words, verifier_refusal
    from verifier_contracts.creation import deploy_verifier
    from verifier_contracts.selftest import KnownAnswer
    inputs, words = list(shown.public_inputs.values()), proof_words(shown.proof)
    changed = [*inputs[:-1], inputs[-1] + 1]
    verifier = deploy_verifier(chain, shown.key, shown.statement, bytes.fromhex(r1cs_digest(shown.statement)),
                               known=KnownAnswer(tuple(inputs), shown.proof))
    folder = out / shown.statement
    folder.mkdir()
    snarkjs.write_verification_key(folder / "verification_key.json", shown.key)
    snarkjs.write_public(folder / "public.json", inputs)
    snarkjs.write_proof(folder / "proof.json", shown.proof)
    return {"tailproof": verify(shown.key, inputs, shown.proof) and not verify(shown.key, changed, shown.proof),
            **({} if "snarkjs" in report.not_run else {"snarkjs": snarkjs_accepts(folder)}),
            "contract": verifier_refusal(chain, verifier, inputs, words) is None
            and bool(verifier_refusal(chain, verifier, changed, words))}


def refusal(action: Callable[[], Any]) -> str | None:
    """The name under which a contract refuses, or None if it does not."""
    from verifier_contracts.errors import ContractRefused
    try:
        action()
    except ContractRefused as error:
        return error.name
    return None


def snarkjs_lacks() -> str | None:
    """Why snarkjs cannot be asked on this machine; None if it can."""
    if shutil.which("node") is None:
        return "needs Node"
    return None if _snarkjs().is_file() else "needs the npm package snarkjs"


def _snarkjs() -> Path:
    from verifier_contracts.compiler import npm_packages
    return npm_packages() / "snarkjs" / "build" / "cli.cjs"


def snarkjs_accepts(directory: Path) -> bool:
    """Whether snarkjs, run as a program, accepts the verification_key, public and proof .json of a directory.

    It has to say so: where memory is limited, its workers do not start, and it ends with code 0 without having looked.

    Raises
    ------
    TailproofError : it cannot be run, or gave no answer.
    """
    command = ["node", str(_snarkjs()), "groth16", "verify",
               *(str(directory / f"{name}.json") for name in ("verification_key", "public", "proof"))]
    try:
        result = subprocess.run(command, capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TailproofError(f"snarkjs cannot be run: {error}") from None
    if result.returncode == 0 and b"OK!" not in result.stdout:
        raise TailproofError("snarkjs gave no answer, as it does where memory is limited (ulimit -v)")
    return result.returncode == 0


def _owner(name: str) -> Any:
    """A fresh account that exists for this demo only."""
    from eth_account import Account
    return Account.create(name)


def save_report(report: Report) -> None:
    """Write the facts of the table beside the other files."""
    jsonio.write(report.out / "report.json", {
        "statement": report.statement, "trial_epoch": report.trial_epoch, "rows": report.rows,
        "milliseconds": {stage: round(1000 * spent) for stage, spent in report.seconds.items()},
        "margins": report.margins, "verified": report.verified, "not_run": report.not_run, "gas": report.gas,
        "margin_on_chain": str(report.margin_on_chain), "family": report.family,
        "collateral": report.collateral.to_json(),
        "liquidation": None if report.liquidation is None else report.liquidation.to_json(),
        "attacks": [{"name": attack.name, "expected": attack.expected, "refused_as": attack.refusal}
                    for attack in report.attacks]})
