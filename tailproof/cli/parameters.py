"""`tailproof parameters`: what changes of parameters do, who wants them, who signed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from primitives import jsonio
from primitives.errors import BadInput, Said

from .console import ADDRESS, FILE, OUTPUT, Integer, Outcome, progress, reporting, table
from .node import Endpoint, signing_offline
from .setting import Setting

_DEPLOYMENT = click.option("--deployment", cls=Setting, type=FILE, help="File that `contract deploy` wrote.")


@click.group()
def parameters() -> None:
    """Propose, simulate, sign and check changes of parameters."""


@parameters.command("gather")
@_DEPLOYMENT
@click.option("--chain", "chain_id", type=Integer(1, 2**53 - 1), metavar="ID", help="In place of --deployment.")
@click.option("--oracle", type=ADDRESS, help="The RiskOracle, in place of --deployment.")
@click.option("--model", type=FILE, help="Model file: what margins are drawn from.")
@click.option("--book", type=FILE, help="Book file: its contingencies.")
@click.option("--system", type=FILE, help="Configuration of contracts: limits, ladder, caps, terms.")
@click.option("--out", type=OUTPUT, required=True, help="Parameters file to write.")
@reporting
def gather(deployment: Path | None, chain_id: int | None, oracle: str | None, model: Path | None, book: Path | None,
           system: Path | None, out: Path) -> Outcome:
    """Put parameters into one file, out of those in which they stand."""
    from risk.epochs.provenance import read_source

    from ..parameters import gathered
    if (deployment is None) == (chain_id is None) or (chain_id is None) != (oracle is None):
        raise BadInput("--deployment, --chain and --oracle", (deployment and str(deployment), chain_id, oracle),
                       "given: the first alone, or the others together")
    if deployment is not None:
        from verifier_contracts.system import System
        there = System.load(deployment)
        chain_id, oracle = there.chain_id, there.contracts["oracle"]
    assert chain_id is not None and oracle is not None  # noqa: PT018  one or the other way
    made = gathered(chain_id, oracle, model=None if model is None else read_source(model),
                    book=None if book is None else read_source(book),
                    system=None if system is None else jsonio.read(system))
    jsonio.write(out, dict(made.document))
    return Outcome({"path": str(out), "digest": "0x" + made.digest.hex(), "parts": list(made.parts),
                    "chain_id": chain_id, "oracle": oracle},
                   [f"{out}: {', '.join(made.parts)} of oracle {oracle}, digest 0x{made.digest.hex()}"])


@parameters.command("propose")
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--author", required=True, help="Who proposes.")
@click.option("--reason", required=True, help="Why.")
@click.option("--effective", required=True, metavar="TIME", help="From when, such as 2026-12-07T12:00:00Z.")
@click.option("--proposed", metavar="TIME", help="When it was proposed.  [default: now]")
@click.option("--out", type=OUTPUT, required=True, help="Proposal to write.")
@reporting
def propose(before: Path, after: Path, author: str, reason: str, effective: str, proposed: str | None, out: Path
            ) -> Outcome:
    """Propose parameters AFTER in place of BEFORE, with a reason, an author and dates."""
    import time

    from risk.exact.clock import format_time, parse_time

    from ..parameters import Parameters
    from ..proposals import Proposal
    now = int(time.time()) if proposed is None else parse_time(proposed, field="--proposed")
    made = Proposal(Parameters.load(before), Parameters.load(after), author, reason, now,
                    parse_time(effective, field="--effective"))
    Proposal.parse(jsonio.Node(made.to_json()))    # what cannot be read is not written
    jsonio.write(out, made.to_json())
    rows = made.told()
    return Outcome({"path": str(out), **_facts(made)}, [
        *_changes(rows), "", f"{out}: proposed {format_time(now)}, to take force {format_time(made.effective_at)}; "
        "next: tailproof parameters simulate"])


@parameters.command("simulate")
@click.argument("proposal", type=FILE)
@click.option("--epoch", type=FILE, required=True, help="Epoch made under the parameters before.")
@click.option("--portfolios", type=FILE, required=True, help="Folder of all accounts' portfolio files.")
@click.option("--collateral", type=FILE, help="CSV of account,collateral; without it, each holds its initial margin "
              "before.")
@click.option("--cascade", metavar="PRESET", help="Simulate a crash under the tiers before and after, too.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Of the cascade.")
@click.option("--out", type=OUTPUT, required=True, help="The proposal with its simulation, to write.")
@reporting
def simulate(proposal: Path, epoch: Path, portfolios: Path, collateral: Path | None, cascade: str | None, seeds: int,
             out: Path) -> Outcome:
    """What PROPOSAL does to all accounts: margins before and after, who falls below.

    Both sides draw from the epoch's seed, so that differences are the parameters'.
    """
    from dataclasses import replace

    from .. import epochs
    from .. import parameter_simulation as simulation
    from ..proposals import Proposal
    one = Proposal.load(proposal)
    found = simulation.simulate(one, epochs.load(epoch), portfolios, collateral=collateral, cascade=cascade,
                                seeds=seeds, progress=progress)
    made = replace(one, simulation=found.record)
    jsonio.write(out, made.to_json())
    by_digest = {each.digest: each.name for each in found.accounts}
    data = {"path": str(out), **_facts(made), "accounts": [
        {"name": each.name, "account": each.digest, "before": str(each.before), "after": str(each.after)}
        for each in found.accounts]}
    return Outcome(data, [*_simulated(found.record, by_digest), "", f"{out}: the proposal with this; next: tailproof "
                          "parameters sign"])


@parameters.command("show")
@click.argument("file", type=FILE)
@reporting
def show(file: Path) -> Outcome:
    """What a parameters file, or a proposal, holds; of a proposal what changes, and what it does."""
    from risk.exact.clock import format_time

    from ..parameters import SCHEMA, Parameters, leaves
    from ..proposals import Proposal
    document = jsonio.read(file)
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        only = Parameters.load(file)
        return Outcome({"digest": "0x" + only.digest.hex(), "parts": list(only.parts), "chain_id": only.chain_id,
                        "oracle": only.oracle, "model_digest": only.model_digest,
                        "parameters": dict(leaves(only))},
                       [*table([(path, str(value)) for path, value in leaves(only)], ("parameter", "value")), "",
                        f"digest 0x{only.digest.hex()}"])
    made = Proposal.load(file)
    lines = [*table([("author", made.author), ("reason", made.reason), ("proposed", format_time(made.proposed_at)),
                     ("effective", format_time(made.effective_at)), ("oracle", made.before.oracle),
                     ("digest", "0x" + made.digest.hex())]), "", *_changes(made.told())]
    if made.simulation is not None:
        lines += ["", *_simulated(made.simulation, {})]
    return Outcome(_facts(made), lines)


@parameters.command("sign")
@click.argument("proposal", type=FILE)
@click.option("--out", type=OUTPUT, required=True, help="Signature to write.")
@signing_offline
@reporting
def sign(proposal: Path, endpoint: Endpoint, out: Path) -> Outcome:
    """Sign PROPOSAL with its simulation (EIP-712). Look at it first: `parameters show`, `parameters check`."""
    from ..proposals import Proposal, ProposalSignature
    made = Proposal.load(proposal)
    one = ProposalSignature.make(made, endpoint.signer())
    jsonio.write(out, one.to_json())
    return Outcome({"path": str(out), "signer": one.signer, "proposal": "0x" + made.digest.hex()},
                   [*_changes(made.told()), "", f"{out}: {one.signer} signs proposal 0x{made.digest.hex()}"])


@parameters.command("check")
@click.argument("proposal", type=FILE)
@click.option("--in-force", type=FILE, help="Parameters file that you know to be in force.")
@_DEPLOYMENT
@click.option("--epoch", type=FILE, help="Make the simulation again on this epoch, with --portfolios.")
@click.option("--portfolios", type=FILE, help="Folder of all accounts' portfolio files.")
@click.option("--collateral", type=FILE, help="CSV of account,collateral, where the simulation had one.")
@click.option("--signature", "signatures", type=FILE, multiple=True, help="File that `parameters sign` wrote.")
@click.option("--known-signer", "signers", type=ADDRESS, multiple=True, help="Who may sign, with --quorum; by default "
              "the publishers of the parameters in force.")
@click.option("--quorum", type=Integer(1, 100), help="How many of them must.")
@click.option("--applied", type=FILE, help="Epoch that should be made under the new parameters.")
@click.option("--seen", metavar="TIME", help="When you first saw the proposal: it waits from then on, whatever it says "
              "of itself.")
@reporting
def check(proposal: Path, in_force: Path | None, deployment: Path | None, epoch: Path | None, portfolios: Path | None,
          collateral: Path | None, signatures: tuple[Path, ...], signers: tuple[str, ...], quorum: int | None,
          applied: Path | None, seen: str | None) -> Outcome:
    """Whether PROPOSAL stands: of this system, simulated as it says, signed by a quorum; exit code 1 if it does not."""
    from risk.exact.clock import parse_time
    from verifier_contracts.system import System

    from .. import epochs
    from .. import parameter_checks as checks
    from ..parameters import Parameters
    from ..proposals import Proposal
    if (epoch is None) != (portfolios is None):
        raise BadInput("--epoch and --portfolios", (epoch and str(epoch), portfolios and str(portfolios)),
                       "given together")
    if collateral is not None and portfolios is None:
        raise BadInput("--collateral", str(collateral), "given with --portfolios")
    if bool(signers) != (quorum is not None):
        raise BadInput("--known-signer and --quorum", (", ".join(signers) or None, quorum), "given together")
    if quorum is not None and not len(set(signers)) // 2 < quorum <= len(set(signers)):
        raise BadInput("--quorum", quorum, f"more than half of {len(set(signers))} signers, and not more than all")
    made = Proposal.load(proposal)
    market = None if epoch is None or portfolios is None else checks.Market(epochs.load(epoch), portfolios, collateral)
    found, trust = checks.check(
        made, in_force=None if in_force is None else Parameters.load(in_force),
        deployed=None if deployment is None else System.load(deployment), market=market, signatures=signatures,
        signers=signers, quorum=quorum, applied=None if applied is None else epochs.load(applied),
        seen=None if seen is None else parse_time(seen, field="--seen"), progress=progress)
    holds = all(one.holds for one in found)
    return Outcome({**_facts(made), "checks": [{"name": one.name, "holds": one.holds, "told": one.told}
                                               for one in found], "taken_on_trust": trust},
                   [*table([(one.name, "ok" if one.holds else "FALSE", one.told) for one in found]), "",
                    *(f"On trust: {text}" for text in trust), *([] if holds else ["It does NOT stand."])], holds)


@parameters.command("calls")
@click.argument("proposal", type=FILE)
@click.option("--deployment", cls=Setting, type=FILE, required=True, help="File that `contract deploy` wrote.")
@click.option("--out", type=OUTPUT, help="Calls to write, for multisigs and offline signers (JSON).")
@reporting
def calls_of(proposal: Path, deployment: Path, out: Path | None) -> Outcome:
    """The contracts' calls that bring PROPOSAL about, whose they are, after which delay; and what no call changes."""
    from verifier_contracts.system import System

    from ..parameter_calls import calls
    from ..proposals import Proposal
    made, there = Proposal.load(proposal), System.load(deployment)
    of = made.before
    if (of.chain_id, of.oracle) != (there.chain_id, there.contracts["oracle"]):
        raise BadInput("--deployment", Said(f"oracle {there.contracts['oracle']} on chain {there.chain_id}"),
                       f"of oracle {of.oracle} on chain {of.chain_id}, as the proposal", source=deployment)
    found, left = calls(made, there)
    data: dict[str, Any] = {"proposal": "0x" + made.digest.hex(), "chain_id": there.chain_id,
                            "calls": [one.to_json() for one in found], "elsewhere": left}
    if out is not None:
        jsonio.write(out, data)
    rows = [(one.contract, one.function, str(one.to_json()["arguments"]), one.role,
             f"after {one.delay} s" if one.delay else "at once") for one in found]
    lines = table(rows, ("contract", "function", "arguments", "role", "when")) if rows else ["No call is needed."]
    return Outcome({**data, "path": None if out is None else str(out)}, [
        *lines, *(["", *table(list(left.items()), ("parameter", "what changes it"))] if left else []),
        *([] if out is None else ["", f"wrote {out}"])])


# -- how it is said ------------------------------------------------------------------------------------------------
def _facts(made: Any) -> dict[str, Any]:
    from risk.exact.clock import format_time
    return {"digest": "0x" + made.digest.hex(), "before": "0x" + made.before.digest.hex(),
            "after": "0x" + made.after.digest.hex(), "chain_id": made.before.chain_id, "oracle": made.before.oracle,
            "author": made.author, "reason": made.reason, "proposed_at": format_time(made.proposed_at),
            "effective_at": format_time(made.effective_at),
            "changes": [{"path": path, "before": old, "after": new} for path, old, new in made.told()],
            "simulation": None if made.simulation is None else dict(made.simulation)}


def _changes(rows: list[tuple[str, str, str]]) -> list[str]:
    return table(rows, ("parameter", "before", "after")) if rows else ["no number changes, only the model's text"]


def _simulated(record: Any, names: dict[str, str]) -> list[str]:
    from risk.exact.money import display_money

    def money(units: str) -> str:
        return display_money(int(units), "").rstrip()

    counts, below, change = record["counts"], record["below"], record["change"]
    rows = [("accounts", counts["accounts"], f"margin rises for {counts['rise']}, falls for {counts['fall']}, stays "
             f"for {counts['same']}"),
            ("all margins", f"{money(record['sum_before'])} -> {money(record['sum_after'])}", "quote units")]
    if change is not None:
        rows.append(("change, %", " / ".join(f"{change[str(q)] / 100:+.2f}" for q in (0, 10, 25, 50, 75, 90,
                                                                                        100)),
                     "least, 10 %, 25 %, median, 75 %, 90 %, most"))
    for name in ("largest_rise", "largest_fall"):
        if record[name] is not None:
            one = record[name]
            rows.append((name.replace("_", " "), f"{money(one['before'])} -> {money(one['after'])}",
                         names.get(one["account"], one["account"][:14] + "…")))
    held = {"initial": "if each holds its initial margin before", "maintenance": "if each holds its margin before"}
    rows += [(f"below {name}", f"{below[f'{name}_before']} -> {below[f'{name}_after']}",
              held.get(record["held"], "by the collateral given")) for name in ("maintenance", "initial")]
    if record["fallen"]:
        fallen = [names.get(digest, digest[:14] + "…") for digest in record["fallen"]]
        rows.append(("fall below maintenance", len(fallen), ", ".join(fallen[:5]) + (", …" if len(fallen) > 5 else "")))
    if "cascade" in record:
        one = record["cascade"]
        rows.append((f"cascade {one['preset']}", f"{money(one['before'])} -> {money(one['after'])}",
                     f"median bad debt of {one['seeds']} seeds"))
    return table(rows, ("simulated", "before -> after", ""))
