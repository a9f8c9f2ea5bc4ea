"""How every command speaks: one result on stdout (text or `--json`), progress on stderr, and an exit code.

0: done.  1: checked and false (a proof that does not verify, an epoch that does not rebuild, a contract that refused).
2: bad input, nothing was done.  3: the network or a node failed: try again, nothing is lost and nothing will be sent
twice.  70: not found out, for want of memory or by a defect of ours, whose traceback is then
on stderr (EX_SOFTWARE of sysexits.h).  130: interrupted, as shells have it; nothing is left behind.  141: whoever read
the result left before its end (`| head`), as shells have that; not a word is said.

Whatever is printed may hold words from outside (a node's, a contract's, a file's name), and so control characters are
shown as escapes, in one place here: a terminal is told nothing, and one line cannot pass for two.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click
from click.exceptions import NoSuchCommand

from primitives import cache, jsonio
from primitives.errors import BadInput, TailproofError

from ..extras import missing, require
from ..number_forms import LARGE, answer, line, read_element
from ..printable import printable
from .fields import picked, wanted
from .layout import table as table  # what commands build their lines with
from .setting import source_of

DONE, FALSE, BAD_INPUT, TRY_AGAIN, FAILED, INTERRUPTED, LEFT = 0, 1, 2, 3, 70, 130, 141
P = ParamSpec("P")
_Resolved = TypeVar("_Resolved")


@dataclass(frozen=True)
class Outcome:
    """What a command found: `data` for machines, `lines` for people, and whether what was checked holds."""

    data: Mapping[str, Any]
    lines: Sequence[str]
    holds: bool = True


def reporting(function: Callable[P, Outcome]) -> Callable[..., None]:
    """Give a command `--json` and the exit codes above; `function` returns its `Outcome`."""

    @QUIET
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    @wraps(function)
    def run(as_json: bool, *args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context()
        name = wanted(context)
        if as_json and name is not None:
            raise BadInput("--field", name, "absent with --json, which has every member")
        _require_outputs_apart(context)
        _check_environment()
        try:
            outcome = function(*args, **kwargs)
        except BrokenPipeError as error:           # which click would make exit code 1
            raise RuntimeError(f"a connection was closed ({error})") from error
        conclude(outcome)

    return run


def conclude(outcome: Outcome) -> NoReturn:
    """Print what the command that is running found, and end it."""
    _end_progress_line()
    context = click.get_current_context()
    data, name = {**answer(outcome.data, _group(context)), "holds": outcome.holds}, wanted(context)
    if name is not None:
        _write(map(printable, picked(data, name)))
    else:
        _print(data, outcome.lines, bool(context.params.get("as_json")))
    sys.exit(DONE if outcome.holds else FALSE)


def _group(context: click.Context) -> str:
    """The command that a context is of, or the group that it is in: "vault" of `tailproof vault deposit`."""
    while context.parent is not None and context.parent.parent is not None:
        context = context.parent
    return context.info_name or ""


def warn(text: str) -> None:
    """Say on stderr what the user should mend, though nothing is refused for it."""
    say(f"warning: {text}")


def say(text: str) -> None:
    """One line on stderr, while a command goes on."""
    _end_progress_line()
    _remark(text)


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Turn what a command raises, and what is wrong with the command line itself, into output and exit code."""
    _state.update(quiet=False, total=-1)           # one process may run several commands
    try:
        yield
    except click.ClickException as error:
        param = getattr(error, "param", None)
        _refuse({"error": type(error).__name__, "field": param and _name(param), "message": error.format_message()},
                as_json, _as_click_shows(error))
        sys.exit(BAD_INPUT)
    except TailproofError as error:
        told = _with_source(error)
        _refuse(_facts(told), as_json, [f"error: {told}"])
        # A refusal by the chain is an answer, and a node's failure is nobody's mistake.
        sys.exit(FALSE if getattr(error, "checked_and_false", False) else
                 TRY_AGAIN if getattr(error, "try_again", False) else BAD_INPUT)
    except ModuleNotFoundError as error:
        absent = missing(error)
        if absent is None:
            _fail(error, as_json)
            sys.exit(FAILED)
        _refuse(absent.as_dict(), as_json, [f"error: {absent}"])
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        _refuse({"error": "Interrupted", "message": "interrupted"}, as_json, ["interrupted"])
        sys.exit(INTERRUPTED)
    except Exception as error:                     # never exit code 1, which says that something was checked
        _fail(error, as_json)
        sys.exit(FAILED)


def _fail(error: Exception, as_json: bool) -> None:
    """Report what no input of a command may cause: memory that ran out, or else a defect of ours."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        kind, message = "OutOfMemory", f"out of memory; nothing was found out ({error or 'no more is known'})"
    else:
        kind, message = "Defect", f"a defect of Tailproof, please report it: {type(error).__name__}: {error}"
        _end_progress_line()
        for text in "".join(traceback.format_exception(error)).splitlines():
            _remark(text)
    _refuse({"error": kind, "message": message}, as_json, [f"error: {message}"])


def _facts(error: TailproofError) -> Mapping[str, Any]:
    """An error as one JSON object: its own account of itself, or else its name and message."""
    tell = getattr(error, "as_dict", None)
    return tell() if tell else {"error": type(error).__name__, "message": str(error)}


def _with_source(error: TailproofError) -> TailproofError:
    """What is wrong with an option that nobody typed is wrong where its value stands."""
    if type(error) is not BadInput or error.source is not None:
        return error
    found = source_of(error.field)
    return error if found is None else BadInput(error.field, error.value, error.bound, source=found)


def _as_click_shows(error: click.ClickException) -> list[str]:
    shown = io.StringIO()
    error.show(shown)
    return shown.getvalue().splitlines()


def _refuse(facts: Mapping[str, Any], as_json: bool, lines: Sequence[str]) -> None:
    _end_progress_line()
    if as_json:
        _print(answer(facts), [], True)
    else:
        for text in lines:
            _remark(text)


def _remark(text: str, *, before: str = "", end: str = "\n") -> None:
    """Say one line on stderr, between control characters of our own. That nobody can hear it there (closed, a full
    disk) must not change the exit code."""
    with suppress(OSError):
        click.echo(before + line(printable(text)) + end, err=True, nl=False)


def _print(data: Mapping[str, Any], lines: Sequence[str], as_json: bool) -> None:
    _write([json.dumps(data, indent=2, default=str)] if as_json else map(line, map(printable, lines)))


def _write(texts: Iterable[str]) -> None:
    try:
        for text in texts:
            click.echo(text)
    except OSError as error:
        _unheard(error)


def _unheard(error: OSError) -> NoReturn:
    """End where standard output cannot be written (a full disk, a reader who left): nobody has the answer."""
    left = error.errno == errno.EPIPE
    if not left:
        _remark(f"error: standard output cannot be written ({error.strerror})")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())            # for the flush when Python ends
    sys.exit(LEFT if left else BAD_INPUT)


@contextmanager
def heard() -> Iterator[None]:
    """Around what click prints itself (help, versions): it would make exit code 1, "checked and false", of a reader who
    left before the end."""
    try:
        yield
    except BrokenPipeError as error:
        _unheard(error)


def _check_environment() -> None:
    """Refuse a senseless setting before any work, rather than where it is first read; NumPy loads only if it is set."""
    if os.environ.get("TAILPROOF_THREADS"):
        from primitives import threads
        threads.count()


# -- commands ----------------------------------------------------------------------------------------------------
def tell_whole(command: click.Command) -> None:
    """Have a group's help say the first sentence of each of its commands, which click would cut at 45 characters."""
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        if one.short_help is None and one.help:
            first = re.split(r"(?<=[.!?])\s|\n\s*\n", one.help.replace("\b", "").strip(), maxsplit=1)[0]
            one.short_help = " ".join(first.split())
        tell_whole(one)


def resolving(group: click.Group, ctx: click.Context, args: list[str], resolve: Callable[..., _Resolved]) -> _Resolved:
    """A group's own way to find a command, with the names near to one that it lacks also where commands are loaded
    when they are asked for."""
    try:
        return resolve(ctx, args)
    except NoSuchCommand as error:
        raise NoSuchCommand(error.command_name, possibilities=group.list_commands(ctx), ctx=ctx) from None


# -- parameters --------------------------------------------------------------------------------------------------
class OutputFile(click.Path):
    """A file to write, where nothing is yet. Where it cannot be written, that is said before any work is done.

    continues : something may be there that the command goes on with; what it may not replace, it refuses itself.
    makes_folder : the command makes the folders that lead to it.
    """

    def __init__(self, *, continues: bool = False, makes_folder: bool = False) -> None:
        super().__init__(path_type=Path)
        self.continues, self.makes_folder = continues, makes_folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        assert isinstance(path, Path)
        first = path
        while self.makes_folder and not os.path.lexists(first.parent):
            first = first.parent
        jsonio.require_writable(first)
        return path


class PictureFile(OutputFile):
    """A picture to write; that what draws it is installed is asked before there is anything to draw."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        require("risk")
        return super().convert(value, param, ctx)


class Integer(click.IntRange):
    """An integer within bounds, in decimal digits: no underscores, and no digits of other scripts, which look like
    something else than they are. One that may be as large as a hash is taken as commands show it too, in hex."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith("0x") and (self.max is None or self.max >= LARGE):
            value = str(read_element(value, _name(param), high=(1 << 256) - 1))
        if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,100}", value):
            raise BadInput(_name(param), value, "an integer in decimal digits")
        return super().convert(value, param, ctx)

    def _describe_range(self) -> str:
        """In help: bounds of dozens of digits as the powers of two that they are."""
        if self.min is None or self.max is None:
            return super()._describe_range()
        return f"{_as_power(self.min)}<=x<={_as_power(self.max)}"


def _as_power(bound: float) -> str:
    if isinstance(bound, int) and bound > 1 << 30:
        for less, text in ((0, ""), (1, "-1")):
            if (bound + less).bit_count() == 1:
                return f"2^{(bound + less).bit_length() - 1}{text}"
    return str(bound)


class Address(click.ParamType[str]):
    """An EVM address, its checksum looked at."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from verifier_contracts.addresses import checksummed
        return checksummed(value, _name(param))


FILE, OUTPUT, ADDRESS = click.Path(path_type=Path), OutputFile(), Address()
PICTURE = PictureFile()
CONTINUED = OutputFile(continues=True)


def _require_outputs_apart(context: click.Context) -> None:
    """Refuse to write an output over an input (a bundle over the salt that it was proven with), over another output,
    or over anything else that exists."""
    given = [(param, context.params[param.name or ""]) for param in context.command.params if param.expose_value]
    paths = [(param, os.path.realpath(value)) for param, value in given if isinstance(value, Path)]
    for out, path in paths:
        for other, there in paths:
            if isinstance(out.type, OutputFile) and other is not out and path == there:
                raise BadInput(_name(out), path, f"another file than {_name(other)}")
    for out, value in given:
        if (isinstance(out.type, OutputFile) and not out.type.continues and value is not None
                and os.path.lexists(value)):
            raise BadInput(_name(out), value, jsonio.NEW)


def _name(param: click.Parameter | None) -> str:
    """A parameter as the help shows it: "--out", "ZKEY"."""
    if param is None:
        return "parameter"
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name


# -- progress ----------------------------------------------------------------------------------------------------
_state: dict[str, Any] = {"stage": "", "shown": 0.0, "open": False, "quiet": False,
                          "begun": 0.0, "first": 0, "last": 0, "total": -1}
SETTLED = 2.0
"""Seconds of a stage after which the time that it still takes is told: what was done before them says little."""


def _hush(_context: click.Context, _param: click.Parameter, value: bool) -> None:
    _state["quiet"] = _state["quiet"] or value


QUIET = click.option("-q", "--quiet", is_flag=True, expose_value=False, is_eager=True, callback=_hush,
                     help="Say nothing of how far work is; warnings and errors are told.")


def progress(stage: str, done: int, total: int) -> None:
    """Show how far a long stage is, and how long it will still take: a line that redraws itself on a terminal, one line
    a stage elsewhere, nothing with --quiet."""
    if _state["quiet"]:
        return
    if sys.stderr is None or not sys.stderr.isatty():
        if stage != _state["stage"] and not 0 < total <= done:           # nobody waits for what is over
            _state["stage"] = stage
            _remark(f"{stage} …")
        return
    now = time.monotonic()
    if stage == _state["stage"] and done < total and now - _state["shown"] < 0.1:
        return
    if stage != _state["stage"]:
        _end_progress_line()
        # Work that goes on under another name, such as the steps of a proof, counts on; what starts anew does not.
        if total != _state["total"] or done < _state["last"]:
            _state.update(begun=now, first=done, total=total)
    _state.update(stage=stage, shown=now, open=True, last=done)
    width = min(28, max(8, os.get_terminal_size(sys.stderr.fileno()).columns - len(stage) - 12 - _TIME_WIDTH))
    filled = width * done // max(1, total)
    left = time_left(now - _state["begun"], done - _state["first"], total - done)
    _remark(f"{stage} [{'#' * filled}{'·' * (width - filled)}] {100 * done // max(1, total):3d} %"
            f"{left.ljust(_TIME_WIDTH)}", before="\r", end="")


_TIME_WIDTH = len("  99 h 59 min left")


def time_left(elapsed: float, done: int, left: int) -> str:
    """How long the rest of a stage takes if it goes on as it did, to be put behind a bar; "" where that is not known.

    elapsed : seconds in which `done` parts were done; `left` are left.
    """
    if elapsed < SETTLED or done <= 0 or left <= 0:
        return ""
    seconds = math.ceil(elapsed * left / done)
    if seconds < 60:
        return f"  {seconds} s left"
    if seconds < 3600:
        return f"  {seconds // 60} min {seconds % 60:02d} s left"
    return f"  {seconds // 3600} h {seconds % 3600 // 60:02d} min left" if seconds < 360_000 else "  days left"


cache.watchers.append(lambda name: progress("compiling kernels, once for all", 0, 1))


def _end_progress_line() -> None:
    if _state["open"]:
        _remark("")
    _state.update(open=False, stage="")
