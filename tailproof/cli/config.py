"""`tailproof config`: what environment and file give to options, and where each stands."""

from __future__ import annotations

import click

from .. import settings
from .console import Outcome, reporting, table, warn
from .setting import settings_of


@click.group()
def config() -> None:
    """Show the settings that environment and file give to options."""


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
