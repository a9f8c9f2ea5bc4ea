"""`tailproof manual`: the help of every command as one manual page, made when it is asked for.

It says what `-h` says and nothing else, so that the two cannot differ; what is made at a build would need every command
loaded there, and no wheel has a place that `man` looks at on every system.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version

import click

from .. import settings
from .console import Outcome, reporting


@click.command()
@reporting
def manual() -> Outcome:
    """Print the manual page: the help of every command.

    \b
    to read:     tailproof manual | man -l -
    to install:  tailproof manual > ~/.local/share/man/man1/tailproof.1
    """
    root = click.Context(click.get_current_context().find_root().command, info_name="tailproof")
    lines = list(_page(root))
    return Outcome({"page": "\n".join(lines)}, lines)


def _page(root: click.Context) -> Iterator[str]:
    about, _, more = inspect.cleandoc(root.command.help or "").partition("\n\n")
    yield f'.TH TAILPROOF 1 "" "tailproof {version("tailproof")}" "User Commands"'
    yield ".ad l"
    yield ".SH NAME"
    yield f"tailproof \\- {_escaped(about)}"
    yield ".SH SYNOPSIS"
    yield rf"\fBtailproof\fR {_escaped(' '.join(root.command.collect_usage_pieces(root)))}"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(more)
    yield from _options(root.command, root)
    yield ".SH COMMANDS"
    yield from _commands(root.command, root)
    yield ".SH ENVIRONMENT"
    for name in settings.NAMES:
        yield from _item(settings.variable(name), f"Stands for --{name}.")
    for name, what in ((settings.KEY, "Private key in hex that signs where no option says who does."),
                       (settings.CONFIG, "The file of settings."), (settings.PROFILE, "Which of its profiles counts."),
                       ("TAILPROOF_THREADS", "Threads to use, 1 to 1024; all cores where it is not set.")):
        yield from _item(name, what)
    yield ".SH FILES"
    yield from _item(settings.FILE, "Settings, in the current directory or one above it; `tailproof config new` writes "
                     "one, `tailproof config show` says where each value stands.")


def _commands(group: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield f".SS {_escaped(' '.join([below.command_path, *command.collect_usage_pieces(below)]))}"
        yield from _paragraphs(inspect.cleandoc(command.help or ""))
        yield from _options(command, below)
        yield from _commands(command, below)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """But for those that every command has, which are told once."""
    everywhere = {"--help", "--json", "--quiet"} if context.parent is not None else set()
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None and not everywhere & set(param.opts):
            yield from _item(*record)


def _item(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_escaped(term)}\fR"
    yield _escaped(text)


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a help text; click's mark \b before one keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from map(_escaped, paragraph.removeprefix("\b").strip("\n").split("\n"))
            yield ".fi"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    """Text as groff takes it: no escapes of its own, hyphens that can be copied, no request at a line's beginning."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    text = text.replace("~", "\\(ti").replace("^", "\\(ha")
    return "\\&" + text if text.startswith((".", "'")) else text
