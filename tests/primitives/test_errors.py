"""The one form of an error reads as a sentence, whatever is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from primitives import jsonio
from primitives.errors import HIDDEN, BadInput, Said


@pytest.mark.parametrize(("field", "value", "bound", "sentence"), [
    ("lot", 17, "at most 16", "lot is 17: must be at most 16"),
    ("lots", "17", "an integer", "lots is '17': must be an integer"),               # quoted, since it is from outside
    ("lots", "given", "an integer", "lots is 'given': must be an integer"),
    ("--collateral", Said("given"), "absent", "--collateral is given: must be absent"),
    ("package x", Said("absent"), "installed", "package x is absent: must be installed"),
    ("key", HIDDEN, "32 bytes", "key is (hidden): must be 32 bytes"),
    ("key", "(hidden)", "32 bytes", "key is (hidden): must be 32 bytes"),
    ("--rpc", None, "given", "--rpc is missing: must be given"),
    ("seed", None, "given: a trial states its seed", "seed is missing: must be given: a trial states its seed"),
    ("key of the venue", None, "registered", "key of the venue is missing: must be registered"),
    ("seeds", 17, "absent", "seeds is 17: must be absent"),                           # the name of a key
    ("values of the witness", 5, "6", "values of the witness are 5: must be 6"),
    ("header, public inputs", 5, "6", "header, public inputs are 5: must be 6"),
    ("line 3, date", 5, "6", "line 3, date is 5: must be 6"),
    ("lots of BTC-PERP", 5, "6", "lots of BTC-PERP are 5: must be 6"),
    ("number of days", 5, "at least 6", "number of days is 5: must be at least 6"),
    ("bias", 5, "6", "bias is 5: must be 6"), ("address", 5, "6", "address is 5: must be 6"),
    ("basis", 5, "6", "basis is 5: must be 6"), ("status", 5, "6", "status is 5: must be 6"),
    ("assets", 5, "an array", "assets is 5: must be an array"),                      # of one value
    ("--assets", 5, "fewer", "--assets is 5: must be fewer"),
    ("$THREADS", 5, "fewer", "$THREADS is 5: must be fewer"),
    ("p.lots", 5, "fewer", "p.lots is 5: must be fewer"), ("p[3].lots", 5, "fewer", "p[3].lots is 5: must be fewer"),
    ("wires and inputs", (3, 4), "5 and 6", "wires and inputs are 3 and 4: must be 5 and 6"),
    ("low, middle, high", (3, 4, 5), "equal", "low, middle, high are 3 and 4 and 5: must be equal"),
    ("a, b", None, "given", "a, b are missing: must be given"),
    ("--rpc and --out", (None, "x"), "given together", "--rpc and --out are missing and 'x': must be given together"),
    ("--regime and --collateral", (0, Path("c.json")), "given together",
     "--regime and --collateral are 0 and 'c.json': must be given together"),
    ("key 'a and b'", 1, "given once", "key 'a and b' is 1: must be given once"),
    ("x[1, 2]", 7, "small", "x[1, 2] is 7: must be small"),
    ("p[0].a, p[1].b", None, "given", "p[0].a, p[1].b are missing: must be given"),
    ("shape", (2, 3), "(3, 2)", "shape is (2, 3): must be (3, 2)"),
    ("word", "x" * 200, "short", "word is '" + "x" * 59 + " … " + "x" * 29 + "': must be short")])
def test_it_reads_as_a_sentence(field: str, value: Any, bound: str, sentence: str) -> None:
    assert str(BadInput(field, value, bound)) == sentence
    assert str(BadInput(field, value, bound, source="f.json")) == f"f.json: {sentence}"


def test_words_of_ours_are_told_programs_as_they_are() -> None:
    assert BadInput("f", Said("too large"), "small").as_dict()["value"] == "too large"
    assert BadInput("f", "too large", "small").as_dict()["value"] == "'too large'"


def test_a_file_that_is_not_there_is_said_not_to_be_readable(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        jsonio.read(tmp_path / "absent.json")
    assert str(refused.value) == (f"{tmp_path / 'absent.json'}: file is unreadable (No such file or directory): "
                                  "must be a readable file")


def test_null_is_no_absence() -> None:
    assert str(jsonio.Node(None, field="seed").refuse("an integer")) == "seed is null: must be an integer"
    assert str(jsonio.Node(None, field="seed").refuse("given")) == "seed is missing: must be given"
