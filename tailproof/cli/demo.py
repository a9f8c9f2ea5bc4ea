"""`tailproof demo`: everything once, with a short table of what happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import FILE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from ..crash.run import Report as Day
    from ..demo_collateral import Told


@click.command()
@click.option("--out", type=FILE, default=Path("out/demo"), show_default=True)
@reporting
def demo(out: Path) -> Outcome:
    """Prove a portfolio's margin, verify it three ways, move margin state on an embedded chain, and attack it."""
    from risk.epochs.header import TRIAL
    from risk.exact.money import display_money

    from .. import demo as story
    from ..keys import INSECURE
    report = story.run(out, progress=progress)
    story.save_report(report)

    def show(units: int) -> str:
        return display_money(units, report.quote)
    lines = [
        f"{report.statement}: {report.rows:,} constraints", "",
        *table([(stage, f"{1000 * seconds:,.0f}") for stage, seconds in report.seconds.items()], ["stage", "ms"]), "",
        *table([(entry["portfolio"], show(entry["margin"]), show(entry["standalone"]), show(entry["saved"]))
                for entry in report.margins], ["portfolio", "margin", "sum of stand-alone", "netting saves"]), "",
        *table([(name, "accepts" if answer else "REFUSES") for name, answer in report.verified.items()]
               + [(name, f"not run: {reason}") for name, reason in report.not_run.items()],
               ["verifier", "the proof"]), "",
        *table([(attack.name, attack.refusal or "ACCEPTED", attack.expected) for attack in report.attacks],
               ["attack", "refused as", "expected"]), "",
        *table([(entry["statement"], f"{entry['rows']:,}", ", ".join(
            name for name, answer in entry["verified"].items() if answer)) for entry in report.family],
            ["statement", "constraints", "accepted by"]),
        f"solvency hides a margin of {show(report.family[0]['margin'])}: only that collateral covers it is shown",
        f"netting over four protocols: {show(report.family[1]['margin'])} where stand-alone margins add up to "
        f"{show(report.family[1]['standalone'])}", "",
        f"gas: margin update {report.gas['attest']:,}, registration {report.gas['register']:,}",
        f"margin on chain: {show(report.margin_on_chain)}", "",
        *_collateral(report.collateral, show), "",
        *_liquidation(report.liquidation, show), "",
        INSECURE, *([TRIAL] if report.trial_epoch else []),
        f"files: {', '.join(sorted(path.name for path in report.out.iterdir()))} in {report.out}",
    ]
    return Outcome({"out": str(out), "rows": report.rows, "seconds": report.seconds, "margins": report.margins,
                    "verified": report.verified, "not_run": report.not_run, "trial_epoch": report.trial_epoch,
                    "gas": report.gas,
                    "family": report.family, "margin_on_chain": report.margin_on_chain,
                    "collateral": report.collateral.to_json(),
                    "liquidation": None if report.liquidation is None else report.liquidation.to_json(),
                    "attacks": [{"name": attack.name, "expected": attack.expected, "refused_as": attack.refusal}
                                for attack in report.attacks]}, lines, holds=report.holds)


def _liquidation(day: Day | None, show: Callable[[int], str]) -> list[str]:
    """The third act, minute by minute."""
    if day is None:
        return []
    told = [(f"{one.minute:.0f}", one.who, one.what, show(one.amount) if one.amount else "") for one in day.entries]
    return ["a market falls by 40 %, in minutes of the chain's clock", "",
            *table(told, ["minute", "who", "what", "amount"]), "",
            *table(day.learned_rows(), ["who", "books that he could read", "whose that are not his own"]), "",
            day.money(), *day.failures]


def _collateral(told: Told, show: Callable[[int], str]) -> list[str]:
    """The second act, in the order in which it happened."""
    return [
        f"{told.signers} publishers made the epoch again, signed it and published it",
        f"a trader deposited {show(told.deposited)} and bought on credit: cash inside her commitment moved by "
        f"{show(told.cash)}",
        f"the chain never saw her margin of {show(told.margin)}; what must stay is {show(told.needed)}",
        f"her opening is in escrow: {told.opened} holders, the venue alone and two of three members, read it there",
        f"she took out {show(told.withdrawn)}, all that cover leaves, and was paid when the epoch was final",
        f"{told.attested} strangers' margins were attested in one transaction",
        f"a quorum that signed a false leaf was refuted and lost {told.forfeited / 10**18:g} ETH of stakes", "",
        *table([(name, met or "ACCEPTED", expected) for name, expected, met in told.attacks],
               ["attack", "refused as", "expected"]), "",
        *table([(name, f"{gas:,}") for name, gas in told.gas.items()], ["transaction", "gas"])]
