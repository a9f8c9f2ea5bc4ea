"""`tailproof demo`: everything once, with a short table of what happened."""

from __future__ import annotations

from pathlib import Path

import click

from .console import FILE, Outcome, progress, reporting, table


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
        *table([(name, "accepts" if answer else "REFUSES") for name, answer in report.verified.items()],
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
        INSECURE, *([TRIAL] if report.trial_epoch else []),
        f"files: {', '.join(sorted(path.name for path in report.out.iterdir()))} in {report.out}",
    ]
    return Outcome({"out": str(out), "rows": report.rows, "seconds": report.seconds, "margins": report.margins,
                    "verified": report.verified, "trial_epoch": report.trial_epoch, "gas": report.gas,
                    "family": report.family, "margin_on_chain": report.margin_on_chain,
                    "attacks": [{"name": attack.name, "expected": attack.expected, "refused_as": attack.refusal}
                                for attack in report.attacks]}, lines, holds=report.holds)
