"""`tailproof completion`: the script that has a shell complete our commands and options; click's own."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .console import Outcome, reporting

PROGRAM, VARIABLE = "tailproof", "_TAILPROOF_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@reporting
def completion(shell: str) -> Outcome:
    """Print the script that has SHELL complete commands and options.

    \b
    bash, in ~/.bashrc:               eval "$(tailproof completion bash)"
    zsh, in ~/.zshrc after compinit:  eval "$(tailproof completion zsh)"
    fish, in its config.fish:         tailproof completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(click.get_current_context().find_root().command, {}, PROGRAM, VARIABLE).source()
    return Outcome({"shell": shell, "script": script}, script.splitlines())
