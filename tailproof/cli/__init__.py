"""The `tailproof` command: one file a group of subcommands, all speaking through `console`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from . import console, setting

# A command's objects live as long as it does: looking for garbage finds none, not even at the end (gc.freeze). And the
# threads that NumPy starts for products of matrices would spin for a tenth of a second before noticing that none come.
gc.set_threshold(100_000)
atexit.register(gc.freeze)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_COMMANDS = {
    "epoch": ("epoch", "Build, check and show epochs (risk publisher)."),
    "model": ("model", "Fit, check, show and convert model files (risk publisher)."),
    "surface": ("surface", "Fit, check and show the volatility surface of a book (risk publisher)."),
    "risk": ("risk", "See what a margin is made of, what would change it, and why (trader)."),
    "parameters": ("parameters", "Propose, simulate, sign and check changes of parameters (risk publisher)."),
    "new": ("new", "Write a book, model, portfolio or another file to start from."),
    "schema": ("schema", "Print the JSON Schema of a file format."),
    "statement": ("statement", "List and show what can be proven."),
    "config": ("config", "Show or write the settings that environment and file give to options."),
    "doctor": ("doctor", "See whether this machine has what commands need."),
    "completion": ("completion", "Print the script that has bash, zsh or fish complete commands and options."),
    "manual": ("manual", "Print the manual page: the help of every command."),
    "keys": ("keys", "Make and show proving and verification keys."),
    "commit": ("trader", "Commit to a portfolio (trader)."),
    "prove": ("trader", "Prove a margin, that it is covered, or that nothing is held (trader)."),
    "verify": ("auditor", "Verify a bundle offline (auditor)."),
    "audit": ("audit", "Audit an account, a bundle or an epoch: one report (auditor)."),
    "page": ("page", "Write the page that verifies in a browser (auditor, counterparty)."),
    "solvency": ("solvency", "Show a counterparty that collateral covers a hidden margin."),
    "netting": ("netting", "Show a counterparty one margin over several protocols, covered."),
    "balances": ("balances", "Attest what is kept for accounts (protocol)."),
    "wallet": ("wallet", "Keep openings by account and version, encrypted (trader)."),
    "batch": ("batch", "Prove and verify margins of many accounts at once (risk service, auditor)."),
    "venue": ("venue", "Run a venue: epochs on a clock, proofs for many accounts (venue)."),
    "contract": ("contract", "Generate, deploy, feed and govern the contracts."),
    "oracle": ("oracle", "Sign and publish epochs (risk publisher); refute false ones (watcher)."),
    "vault": ("vault", "Put collateral in, take it out on proofs (trader)."),
    "fund": ("fund", "Back the insurance fund, and leave it (backer)."),
    "trade": ("trade", "Trade inside commitments, lots and cash together (venue, trader)."),
    "escrow": ("escrow", "Encrypt openings to venue, committee and owner (trader, venue)."),
    "liquidation": ("liquidation", "Call, close, sell and end accounts that nobody cures (everybody, venue, winner)."),
    "keeper": ("keeper", "Do what is due in liquidations (keeper)."),
    "auction": ("auction", "Bid for lots that nobody may see (liquidator)."),
    "committee": ("committee", "Share an escrow's key, decrypt, renew (committee)."),
    "submit": ("relayer", "Submit a bundle to the chain (relayer)."),
    "relay": ("relay", "Carry bundles to the chain from an outbox: nothing lost, nothing twice (relayer)."),
    "groth16": ("groth16", "Set up, prove and verify any circuit, in the files of circom and snarkjs."),
    "warm": ("groth16", "Compile the kernels ahead of their first use."),
    "demo": ("demo", "Run everything once, on an embedded chain, attacks included."),
}


class _Lazy(click.Group):
    """Loads a subcommand's module when it is asked for, so that `tailproof --help` does not load web3."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        setting.begin()
        if given[:1] == ["help"]:                  # as of git, for who tries it
            given = [*given[1:], "--help"]
        elif given == ["version"]:
            given = ["--version"]
        with console.answering("--json" in given):
            code = super().main(given, *rest, **{**options, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else console.DONE)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with console.heard():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with console.heard():
            return super().invoke(ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        return console.resolving(self, ctx, args, super().resolve_command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"tailproof.cli.{_COMMANDS[cmd_name][0]}"), cmd_name)
        assert isinstance(command, click.Command)
        console.tell_whole(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailproof")
@click.option("--profile", metavar="NAME", help="Profile of the configuration file (`tailproof config show`).  "
              "[env var: TAILPROOF_PROFILE]")
@console.QUIET
@click.pass_context
def main(ctx: click.Context, profile: str | None) -> None:
    """Prove that a portfolio's margin is the exact Expected Shortfall of a published scenario set.

    Every command takes --json and --quiet. Exit codes: 0 done, 1 checked and false, 2 bad input, 3 the network or a
    node failed (try again), 70 out of memory or a defect of ours, 130 interrupted, 141 the reader of the answer left.
    """
    ctx.meta[setting.PROFILE] = profile
