"""How margins moved with the market, and what tools there are against it."""

from __future__ import annotations

from pathlib import Path

from primitives.errors import BadInput
from risk.margins.procyclicality import RISES, Metrics, Study, study, usual_books
from risk.models.procyclicality import WINDOW, any_tool

from .pictures import drawn
from .section import Block, Command, Said, Section, Table, Words
from .subject import Subject
from .year import year_of

TOOLS = ("floor", "buffer", "stressed_weight", "speed_limit")


def procyclicality(subject: Subject) -> Section:
    model, history = subject.market.model, subject.history
    own = (subject.own("procyclicality"),)
    blocks: list[Block] = [Words(
        "Margins that rise when markets fall take cash from those who have the least. EMIR's Art. 28 (of 153/2013) "
        "asks for a buffer, a weight of stress or a floor; peak to trough and rises within days measure what is left.")]
    tools = [(name, str(value)) for name in TOOLS if (value := getattr(model.procyclicality, name)) is not None]
    blocks.append(Table(("tool", "set to"), tuple(tools), own, "Tools of the model") if tools else
                  Said("The model has no tool against procyclical margins: they follow its forecast alone.", own,
                       warns=True))
    if any_tool(model.procyclicality) and history is not None and len(history.times) > WINDOW + 2:
        try:
            found = study(model, history, usual_books(model.assets))
        except BadInput as error:                  # jumps, or a book that never loses
            return Section("procyclicality", "Procyclicality", (*blocks, Said(
                f"What the tools did over the history is not told: {error}.", own, warns=True)))
        command: Command = ("risk", "procyclicality", subject.model_file, subject.history_file)
        blocks.append(Table(
            ("book", "peak/trough", "with tools", *(f"rise in {steps(n)}, %" for n in RISES), "mean cost", "least"),
            tuple(_row(found, i) for i in range(len(found.books))), (command,),
            f"{len(found.labels)} days, {found.labels[0]} to {found.labels[-1]}"))
        blocks += drawn(subject, "Expected Shortfall of each book over time, before and after the tools.",
                        ((*command, "--picture", "procyclicality.png"),),
                        lambda path: _picture(found, model.name, path))
    year = year_of(subject)
    if year:
        metrics = [(one.name, Metrics.of(one.forecasts.shortfall)) for one in year]
        blocks.append(Table(("book", "peak/trough", *(f"largest rise in {steps(n)}, %" for n in RISES)), tuple(
            (name, f"{found.peak_to_trough:.2f}", *(f"{100 * found.rises[n]:.0f}" for n in RISES))
            for name, found in metrics), own, "Expected Shortfall of the last year's forecasts, of one step"))
    elif history is None:
        blocks.append(Said("Without a price history nothing can be said of how margins moved.", own))
    return Section("procyclicality", "Procyclicality", tuple(blocks))


def steps(count: int) -> str:
    return f"{count} step{'s' if count != 1 else ''}"


def _row(found: Study, i: int) -> tuple[str, ...]:
    book = found.books[i]
    before, after = Metrics.of(book.before), Metrics.of(book.after)
    return (book.name, f"{before.peak_to_trough:.2f}", f"{after.peak_to_trough:.2f}",
            *(f"{100 * before.rises[n]:.0f} -> {100 * after.rises[n]:.0f}" for n in RISES),
            f"{100 * book.cost:+.1f} %", f"{100 * book.below:+.1f} %")


def _picture(found: Study, name: str, path: Path) -> None:
    from risk.margins import plot_procyclicality
    plot_procyclicality.margins(found, path, title=f"{name}: Expected Shortfall, before and after tools")
