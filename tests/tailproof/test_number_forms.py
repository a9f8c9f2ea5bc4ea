"""Each kind of number has one form, whatever command says it; and a number in another form is found."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from number_checks import faults_of

from primitives.errors import BadInput
from primitives.field import MODULUS
from tailproof.cli import console
from tailproof.cli.console import Integer, Outcome, answering, reporting, table
from tailproof.number_forms import LARGE, MONEY, TOKEN, answer, duration, element, line, moment, read_element

BIG = MODULUS - 5
HEX = element(BIG)
AT = 1_800_000_000
DATE = "2027-01-15T08:00:00Z"


@given(st.integers(0, MODULUS - 1))
def test_an_element_is_read_as_it_is_shown_and_as_files_have_it(value: int) -> None:
    assert len(element(value)) == 66
    assert read_element(element(value), "x") == read_element(str(value), "x") == value
    assert read_element(element(value).upper().replace("X", "x"), "x") == value


@pytest.mark.parametrize("text", ["", "0x", "-1", "+1", "01", "1_0", "0X1", "١", "0xg", str(MODULUS), element(MODULUS),
                                  "0x" + "0" * 65, " 1", "1\n"])
def test_what_is_no_element_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_element(text, "x")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (5400, "1 h 30 min"),
                                               (86_400, "1 d"), (93_784, "1 d 2 h 3 min 4 s"), (0.4, "0 s"),
                                               (-61, "-1 min 1 s")])
def test_a_duration_reads(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_moment_has_both() -> None:
    assert moment(AT) == f"{AT} ({DATE})"
    assert moment(0) == "never"
    assert moment(0, "-") == "-"
    assert moment(1 << 40) == str(1 << 40)         # no date has it


@pytest.mark.parametrize(("text", "shown"), [
    (f"root {BIG}: differs", f"root {HEX}: differs"), (f"'{BIG}'", f"'{HEX}'"), (f"({BIG},)", f"({HEX},)"),
    (f"in [0, {BIG}]", f"in [0, {HEX}]"), (HEX, HEX), (f"{BIG}.5", f"{BIG}.5"), (f"a{BIG}", f"a{BIG}"),
    (str(LARGE - 1), str(LARGE - 1)), (str(LARGE), element(LARGE)), ("9" * 90, "9" * 90),
    (f"StaleEpoch(epochId={AT}, maxAge=86400)", f"StaleEpoch(epochId={AT} ({DATE}), maxAge=86400)"),
    (f"epoch {AT} is", f"epoch {AT} ({DATE}) is"), (f"epoch {AT} ({DATE})", f"epoch {AT} ({DATE})"),
    (f"epoch {AT}.5", f"epoch {AT}.5"), (f"amount={AT}", f"amount={AT}"), (f"version {AT}", f"version {AT}")])
def test_a_line_has_them_too(text: str, shown: str) -> None:
    assert line(text) == shown
    assert line(shown) == shown


def test_an_answer_has_them() -> None:
    told = answer({"root": str(BIG), "n": BIG, "epoch_id": AT, "list": [{"until": AT, "margin": "5"}], "none": None,
                   "message": f"root {BIG}", "deadline": 0, "valid_for": 86_400, "small": "7"})
    assert told == {"root": HEX, "n": HEX, "epoch_id": AT, "epoch_id_utc": DATE, "none": None, "deadline": 0,
                    "list": [{"until": AT, "until_utc": DATE, "margin": "5"}], "message": f"root {HEX}",
                    "valid_for": 86_400, "small": "7", "units": {"margin": MONEY}}
    assert answer({"x": {"clock": "live", "at": AT}}) == {"x": {"clock": "live", "at": AT}}
    assert answer({"x": {"clock": "wall", "at": AT}})["x"]["at_utc"] == DATE


def test_a_unit_is_that_of_the_command() -> None:
    assert answer({"worth": "5"}, "solvency")["units"] == {"worth": MONEY}
    assert answer({"worth": "5"}, "vault")["units"] == {"worth": TOKEN}
    assert "units" not in answer({"amount": "5"}, "risk")
    assert "units" not in answer({"margin": None})
    by_token = answer({"accounts": [{"tokens": {"0x" + "ab" * 20: "5"}}]}, "contract")
    assert by_token["units"] == {"tokens": TOKEN}
    assert list(faults_of(by_token, [])) == []
    assert list(faults_of({"others": {"0x" + "ab" * 20: "5"}}, [])) == ["an amount without a unit: others 5"]


def test_a_document_is_printed_as_its_file_has_it() -> None:
    document = {"schema": "tailproof.opening/1", "commitment": str(BIG), "deadline": AT}
    assert answer(document) == document
    assert answer({"opening": document}) == {"opening": document}
    assert list(faults_of(document, [])) == []


@click.command()
@click.option("--id", "number", type=Integer(0, (1 << 256) - 1))
@reporting
def told(number: int | None) -> Outcome:
    """Say some."""
    return Outcome({"root": BIG, "epoch_id": AT, "gas_used": 5, "given": number},
                   table([("root", BIG, "one"), ("epoch", f"epoch {AT}", "two")]))


def run(*words: str) -> str:
    with answering("--json" in words):
        pass
    result = CliRunner().invoke(told, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_console_applies_them_to_every_command() -> None:
    data: dict[str, Any] = json.loads(run("--json"))
    assert (data["root"], data["epoch_id_utc"], data["units"]) == (HEX, DATE, {"gas_used": "gas"})
    text = run()
    assert HEX in text
    assert DATE in text
    first, second = text.splitlines()
    assert first.index("one") == second.index("two")              # set after the numbers have their form


def test_large_numbers_are_taken_in_hex() -> None:
    assert json.loads(run("--json", "--id", HEX))["given"] == HEX
    assert json.loads(run("--json", "--id", str(BIG)))["given"] == HEX
    assert json.loads(run("--json", "--id", "0x10"))["given"] == 16
    with pytest.raises(BadInput):
        Integer(0, 100).convert("0x10", None, None)               # that is no hash


@pytest.mark.parametrize(("data", "lines", "fault"), [
    ({"root": str(BIG)}, [], "a hash in decimal"), ({"a": [{"b": BIG}]}, [], "a hash in decimal"),
    ({"m": f"root {BIG}"}, [], "a hash in decimal"), ({"other": AT}, [], "seconds without a date"),
    ({"a": [{"epoch_id": AT}]}, [], "seconds without a date"), ({"sum": "55"}, [], "an amount without a unit"),
    ({"a": {"sum": ["1", "2"]}}, [], "an amount without a unit"), ({}, [f"until {AT}"], "seconds without a date")])
def test_other_forms_are_found(data: dict[str, Any], lines: list[str], fault: str) -> None:
    assert [one for one in faults_of(data, lines) if one.startswith(fault)]


def test_and_what_has_its_form_is_not() -> None:
    good = {"root": HEX, "epoch_id": AT, "epoch_id_utc": DATE, "margin": "5", "units": {"margin": MONEY}, "n": 5}
    assert list(faults_of(good, [f"until {moment(AT)}", HEX, "margin 92380.453194 USD"])) == []
    assert console.line is line


def test_terms_of_addons_have_their_unit() -> None:
    from risk.addons.terms import NAMES
    assert answer(dict.fromkeys(NAMES, "55"), "risk")["units"] == dict.fromkeys(sorted(NAMES), MONEY)
