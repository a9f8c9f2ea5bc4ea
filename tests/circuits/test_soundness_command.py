"""The audit of every statement by name: complete, green, red on what is forgotten, and described as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits import statements
from circuits.soundness import registry
from circuits.soundness.__main__ import main as command
from circuits.soundness.audit import Finding, Subject, audit, examine, passing_without
from circuits.soundness.forgery import forge, without
from circuits.soundness.registry import FAMILIES, Family, audit_statement, audit_statements, family_of, small
from primitives.errors import BadInput

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "soundness.md").read_text()
TINY = [name for name in statements.names() if name.endswith(("-tiny", "-tiny-w"))]


def test_every_statement_has_a_family_and_every_family_a_tiny_statement() -> None:
    assert {family_of(statements.get(name)) for name in statements.names()} == set(FAMILIES)
    assert {family_of(statements.get(name)) for name in TINY} == set(FAMILIES)


# -- each family: one test, because subjects take seconds to make ------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_red_where_it_should_be_and_described_as_it_is(family: str) -> None:
    subject = small(family)
    _without_any_group_of_constraints_an_attack_passes(subject)
    _the_first_case_has_no_freedom(subject)
    _the_page_for_auditors_says_what_is_there(family, subject)


def _without_any_group_of_constraints_an_attack_passes(subject: Subject) -> None:
    """Every group forgotten in turn: planted faults, each seen by the attacks that name it and no others."""
    groups = set(subject.cs.groups())
    assert subject.inherited <= groups
    for label in groups - subject.inherited:
        passing = {finding.label for finding in passing_without(subject, frozenset({label}))}
        assert passing == {attack.name for attack in subject.attacks if attack.refused_by == {label}} != set(), label


def _the_first_case_has_no_freedom(subject: Subject) -> None:
    """So that whatever comes loose there, with something forgotten, is reported."""
    witness = forge(subject.cs, next(iter(subject.cases.values())))
    for freedom in subject.freedoms:
        assert len(freedom.allows(subject.cs, witness)) == 0, freedom.label


def _the_page_for_auditors_says_what_is_there(family: str, subject: Subject) -> None:
    """Sizes as they are; and every name in its table of cases is an attack of that family, or a test."""
    shared = len(subject.inherited)
    own = len(subject.cs.groups()) - shared
    assert (f"| {family} | {subject.cs.rows:,} | {len(subject.cases)} | {len(subject.attacks)} | {own}"
            + (f" + {shared} |" if shared else " |")) in PAGE
    cells = re.findall(rf"^\| [^|]+ \| {family} \| (.*`.*) \|$", PAGE, re.MULTILINE)
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert names
    for name in names:
        if "::" in name:
            path, test = name.split("::")
            assert f"\ndef {test}(" in (ROOT / "tests" / path).read_text(), name
        else:
            assert name in {attack.name.split(",")[0] for attack in subject.attacks}, name


def test_the_page_counts_the_planted_faults() -> None:
    groups = re.findall(r"^\| [\w-]+ \| [\d,]+ \| \d+ \| \d+ \| (\d+)(?: \+ \d+)? \|$", PAGE, re.MULTILINE)
    assert len(groups) == len(FAMILIES)
    assert f"Each of the {sum(map(int, groups))} groups of constraints above" in PAGE


# -- what one family shares with another -------------------------------------------------------------------------------
def _without_cases(subject: Subject, **changes: object) -> Subject:
    return replace(subject, cases={}, **changes)


def test_what_is_inherited_must_be_there_and_what_is_not_must_be_attacked() -> None:
    subject = small("grid")
    assert audit(_without_cases(subject)) == []
    clause = "tail/C14 count"
    assert clause in subject.inherited
    assert audit(_without_cases(subject, inherited=subject.inherited - {clause})) == [
        Finding("coverage", clause, "no attack needs these rows")]
    assert audit(_without_cases(subject, inherited=subject.inherited | {"tail/C99"})) == [
        Finding("coverage", "tail/C99", "is not in this circuit")]


# -- at the statements' own sizes --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TINY)
def test_tiny_statements_are_pinned_at_a_witness_without_freedom(name: str) -> None:
    statement = statements.get(name)
    subject = FAMILIES[family_of(statement)].full(statement)
    assert subject.freedoms == ()
    (case, inputs), = subject.cases.items()
    assert list(examine(subject, subject.cs.r1cs(), case, inputs)) == []
    products = next(label for label in subject.cs.groups() if label.endswith("rounds"))
    found = list(examine(subject, without(subject.cs, {products}), case, inputs))
    assert {(finding.check, finding.label) for finding in found} >= {("uniqueness", products)}


# -- the command -----------------------------------------------------------------------------------------------------
def test_the_command_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["transition-tiny", "--full"]) == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    circuit = "1264 rows, 1271 wires"
    assert re.fullmatch(rf"transition: all checks; {circuit}, 7 witnesses, \d+ attacks: 0 findings \(\d+ s\)", first)
    assert second.startswith(f"transition-tiny: uniqueness and mutation; {circuit}, 1 witnesses, 0 attacks: 0 ")
    assert "1/8 transition: ordinary" in said.err


def test_the_json_of_the_command_is_that_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[str, int, int]] = []
    report = audit_statement("transition-16", progress=lambda *step: seen.append(step)).to_json()
    assert seen[0] == ("transition: ordinary", 0, 8)
    assert command(["transition-16", "transition", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report
    assert report["passed"] is True
    assert [each["name"] for each in report["examinations"]] == ["transition"]


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The family of transitions with all but the first of its attacks forgotten."""
    def subject() -> Subject:
        return _without_cases(true.small(), attacks=true.small().attacks[:1])

    true = FAMILIES["transition"]
    monkeypatch.setitem(registry.FAMILIES, "transition", Family(true.define, subject, true.full))
    small.cache_clear()
    yield
    small.cache_clear()


def test_findings_exit_1(faulty: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["transition"]) == 1
    assert "  coverage: fills/T1: no attack needs these rows\n" in capsys.readouterr().out
    assert command(["transition", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is False
    assert {"check": "coverage", "label": "fills/T1", "detail": "no attack needs these rows"} \
        in report["examinations"][0]["findings"]


def test_bad_names_exit_2_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["transition", "margins"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: statement is 'margins': must be one of margin, ")
    assert command(["margins", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["value"] == "'margins'"
    with pytest.raises(BadInput, match="statement is ''"):
        audit_statements([""])
    with pytest.raises(SystemExit) as stopped:
        command(["--fully"])
    assert stopped.value.code == 2


def test_help_names_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(["--help"])
    assert stopped.value.code == 0
    said = "".join(capsys.readouterr().out.split())         # argparse may break lines at hyphens
    for name in [*FAMILIES, *statements.names(), "--full", "--json"]:
        assert name in said
