"""`tailproof config`: what environment and file give to options, and where each stands; and a file to begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from primitives import jsonio

from .. import settings
from .console import OUTPUT, Outcome, reporting, table, warn
from .setting import settings_of


@click.group()
def config() -> None:
    """Show the settings that environment and file give to options, or write such a file."""


_HELP = {"rpc": "URL of the node.", "deployment": "File that `contract deploy` wrote.",
         "chain-id": "The chain that the node must be of.", "timeout": "Seconds to wait for a transaction.",
         "max-fee": "Gwei at most for a unit of gas.", "gas-limit": "Gas at most for a transaction.",
         "confirmations": "Blocks under which a transaction counts.", "keystore": "Encrypted key file that signs.",
         "passphrase-file": "Where the keystore's passphrase is read.", "signer": "URL of a signer.",
         "from": "Account that signs and pays.", "outbox": "The relayer's database."}


def _every_setting(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each, which only this file fills: what other files and the environment say is not copied."""
    for name in reversed(settings.NAMES):
        command = click.option(f"--{name}", "set_" + name.replace("-", "_"), help=_HELP[name])(command)
    return command


@config.command("new")
@_every_setting
@click.option("--profile", metavar="NAME", help="Put them into this profile, which counts where no other is chosen.")
@click.option("--out", type=OUTPUT, default=settings.FILE, show_default=True, help="File to write; one that exists is "
              "not overwritten.")
@reporting
def new(profile: str | None, out: Path, **given: str | None) -> Outcome:
    """Write a file of settings: what stands there need not be typed any more (docs/configuration.md)."""
    from ..settings_file import composed
    values = {name: value for name in settings.NAMES if (value := given["set_" + name.replace("-", "_")]) is not None}
    data = composed(values, out, profile)
    with jsonio.creating(out, mode=0o600) as file:             # a node's URL may have its owner's key in its path
        file.write(data)
    elsewhere = [] if out.name == settings.FILE else [f"It counts where ${settings.CONFIG} names it."]
    shown = [(name, settings.shown(name, value)) for name, value in values.items()]
    return Outcome({"path": str(out), "profile": profile, "settings": [
        {"name": name, "value": value} for name, value in shown]}, [*table(shown), f"wrote {out}", *elsewhere])


@config.command("show")
@reporting
def show() -> Outcome:
    """Every setting, its value and where that stands: the environment, or a line of the file.

    An option goes before the environment, that before the profile, that before the top of
    the file.
    """
    found = settings_of(click.get_current_context())
    for name, near in settings.unknown_variables():
        warn(f"${name} is read by nobody{near}")
    rows = [{"name": name, "option": f"--{name}", "variable": settings.variable(name),
             "value": settings.shown(name, one.value) if (one := found.given.get(name)) else None,
             "source": one.source if one else None} for name in settings.NAMES]
    # Paths to the file would not fit a line each: it is said once, and rows name its key.
    place = f"{found.file}: "
    default = "the command's default"
    return Outcome({"file": None if found.file is None else str(found.file), "profile": found.profile,
                    "profile_source": found.chosen_by, "settings": rows},
                   [f"file     {found.file or f'none ({settings.FILE})'}",
                    f"profile  {found.profile or 'none'}" + (f" ({found.chosen_by})" if found.chosen_by else ""), "",
                    *table([(row["name"], row["value"] or "", (row["source"] or default).removeprefix(place))
                            for row in rows], ["setting", "value", "from"])])
