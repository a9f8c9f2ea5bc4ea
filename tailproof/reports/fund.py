"""How large the fund must be, by a simulated crash, if one was given."""

from __future__ import annotations

from risk.cascades.experiments import fund_size

from .section import Command, Said, Section, Table, Words
from .subject import Subject


def fund(subject: Subject) -> Section:
    one = subject.simulated
    if one is None:
        return Section("fund", "The fund", (Said(
            "No cascade was given, so nothing is said of the fund here: --cascade CONFIG, or --cascade-preset, sizes "
            "it by cover-2 and by the draws of a simulated crash.", (subject.own("fund"),)),))
    found = fund_size(one.cascade, range(one.seeds),
                      lambda done, total: subject.progress("simulating the fund's draws", done, total))
    command: Command = ("risk", "cascade", *one.words, "--experiment", "fund", "--seeds", str(one.seeds))
    drawn = "99.9 % of what an endless fund pays" if found.enough_seeds \
        else f"largest of {one.seeds} draws (1000 and more seeds for 99.9 %)"
    rows = (("cover-2, largest over seeds", _whole(found.cover_2)), (drawn, _whole(found.drawn)),
            ("size: the larger one", _whole(found.size)))
    return Section("fund", "The fund", (
        Words("Sized by a simulation of accounts, impact and liquidators that the configuration makes up; they are not "
              "the venue's accounts, and its answer is as good as what it assumes (docs/cascade.md). Cover-2 is what "
              "the two accounts lose that lose most beyond their equity, in the worst of the stresses."),
        Said(f"{one.cascade.name}: {one.cascade.population.accounts} accounts, {one.cascade.shock.blocks} blocks, "
             f"seeds 0 to {one.seeds - 1}; money in quote units.", (command,)),
        Table(("fund", "quote units"), rows, (command,))))


def _whole(units: int) -> str:
    return f"{units // 10**6:,}"
