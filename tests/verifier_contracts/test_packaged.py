"""What comes with the package is what the compiler makes of the sources, byte for byte, and is used for these alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toykey import CIRCUIT, ToyKey

from verifier_contracts import artifacts, compiler, creation, packaging
from verifier_contracts.artifacts import FOLDER, INDEX, TEMPLATES, packaged, template_name
from verifier_contracts.compiler import compile_contracts, compile_sources, digest_of, shipped_sources
from verifier_contracts.generator import CONTRACT_NAME, generate
from verifier_contracts.system import CONTRACTS
from verifier_contracts.verifier_template import (
    Compiled,
    NoTemplate,
    Template,
    constants_of,
    derive,
    push,
    with_constants,
)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may be asked to compile."""
    def refuse(*arguments: Any) -> Any:
        raise AssertionError("the compiler was asked")
    monkeypatch.setattr(compiler, "compile_sources", refuse)
    monkeypatch.setattr(creation, "compile_sources", refuse)


# -- contracts ---------------------------------------------------------------------------------------------------------
def test_what_is_packaged_is_what_the_compiler_makes() -> None:
    sources = shipped_sources()
    made = packaging.files_of(compile_sources(sources), digest_of(sources))
    there = {path.name: path.read_text() for path in FOLDER.iterdir() if path.name != TEMPLATES}
    assert sorted(there) == sorted(made), "make it again: python -m verifier_contracts.packaging"
    assert [name for name, text in made.items() if there[name] != text] == []


def test_files_are_small(tmp_path: Path) -> None:
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 300_000


def test_no_compiler_is_needed_for_the_contracts(no_compiler: None) -> None:
    contracts = compile_contracts.__wrapped__()
    assert {*CONTRACTS.values(), "TrialToken"} <= set(contracts)
    assert all(contracts[name].runtime and contracts[name].creation for name in CONTRACTS.values())


def test_a_changed_source_is_compiled(no_compiler: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {**shipped_sources(), "Roles.sol": shipped_sources()["Roles.sol"] + "// changed\n"}
    assert packaged(digest_of(sources)) is None
    monkeypatch.setattr(compiler, "shipped_sources", lambda: sources)
    with pytest.raises(AssertionError, match="the compiler was asked"):
        compile_contracts.__wrapped__()


def test_other_settings_are_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(compiler.SETTINGS, "evmVersion", "shanghai")
    assert packaged(digest_of(shipped_sources())) is None


def test_a_package_of_another_schema_or_without_an_index_is_none(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    digest = digest_of(shipped_sources())
    monkeypatch.setattr(artifacts, "FOLDER", tmp_path)
    assert packaged(digest) is None
    index = json.loads((FOLDER / INDEX).read_text())
    (tmp_path / INDEX).write_text(json.dumps({**index, "schema": "other"}))
    assert packaged(digest) is None


def test_immutables_have_names_and_all_places_are_filled() -> None:
    ledger = compile_contracts()["MarginLedger"]
    assert {"vault", "oracle", "desk", "attestor", "_buffers", "_lives"} <= set(ledger.immutables)
    values = {name: bytes([i + 1]) * 32 for i, name in enumerate(ledger.immutables)}
    code = ledger.deployed(values)
    assert len(code) == len(ledger.runtime)
    for name, places in ledger.immutables.items():
        for start, length in places:
            assert code[start:start + length] == values[name]
            assert ledger.runtime[start:start + length] == bytes(length)
    with pytest.raises(KeyError, match="vault"):
        ledger.deployed({name: value for name, value in values.items() if name != "vault"})


# -- verifiers ---------------------------------------------------------------------------------------------------------
def keyed(inputs: int, insecure: bool, shortened: int, name: str) -> tuple[ToyKey, str]:
    """A key so many of whose constants have leading zeros, at least."""
    for seed in range(10_000):
        key = ToyKey(inputs, seed=f"{name} {seed}", insecure_setup=insecure)
        vk = key.verification_key
        values = [*vk.alpha, *(part for point in vk.ic for part in point), int.from_bytes(vk.digest(), "big")]
        if sum(value >> 248 == 0 for value in values) >= shortened:
            return key, name
    raise AssertionError("no such key")


def test_an_assembled_verifier_is_what_the_compiler_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One key of each number of inputs, two of them with constants that are pushed by shorter instructions."""
    cases = [keyed(2, True, 1, "f"), keyed(3, False, 0, "batch-4"),
             keyed(4, True, 0, "a-name-as-long-as-it-can-be-31."), keyed(5, False, 1, "leaf-field-full-256"),
             keyed(6, False, 1, "solvency-grid-1000x32"), keyed(18, True, 1, "netting-grid-4x8")]
    sources = {f"V{i}.sol": generate(key.verification_key, name, CIRCUIT).replace(CONTRACT_NAME, f"V{i}")
               for i, (key, name) in enumerate(cases)}
    made = compile_sources(sources)
    monkeypatch.setattr(creation, "compile_sources", lambda sources: pytest.fail("the compiler was asked"))
    for i, (key, name) in enumerate(cases):
        assembled = creation.compile_verifier(key.verification_key, name, CIRCUIT)
        assert assembled.runtime == made[f"V{i}"].runtime, (i, name)
        assert assembled.creation == made[f"V{i}"].creation, (i, name)


def test_what_has_no_template_is_compiled(no_compiler: None) -> None:
    key = ToyKey(4).verification_key
    creation.compile_verifier(key, "margin", CIRCUIT)
    for asked in ((key, "margin", None), (key, "a" * 32, CIRCUIT), (ToyKey(7).verification_key, "margin", CIRCUIT)):
        with pytest.raises(AssertionError, match="the compiler was asked"):
            creation.compile_verifier(*asked)


def test_templates_of_another_generator_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(compiler.verifier_templates()) == {
        template_name(n, i) for n in (2, 3, 4, 5, 6, 18) for i in (False, True)}
    assert artifacts.packaged_templates("00" * 32) == {}


def test_the_templates_are_those_of_the_compiler() -> None:
    assert (FOLDER / TEMPLATES).read_text() == packaging.templates_text()


def test_constants_of_a_source_are_read_and_replaced() -> None:
    source = generate(ToyKey(2).verification_key, "flat", CIRCUIT)
    constants = constants_of(source)
    assert constants["CIRCUIT_DIGEST"] == int.from_bytes(CIRCUIT, "big")
    assert len(constants) == 2 + 14 + 6
    assert constants_of(with_constants(source, {"IC1_X": 7})) == {**constants, "IC1_X": 7}


@pytest.mark.parametrize(("value", "code"), [(0, "5f"), (1, "6001"), (255, "60ff"), (256, "610100"),
                                             (1 << 255, "7f80" + "00" * 31)])
def test_the_shortest_push(value: int, code: str) -> None:
    assert push(value).hex() == code


def program(constant: int, name: str, *, extra: bytes = b"", target: int | None = None) -> Compiled:
    """push constant, name, its length; jump over; a label. Deployed by a prefix that says how long it is."""
    head = push(constant) + b"\x7f" + name.encode().ljust(32, b"\0") + push(len(name)) + extra
    at = len(head) + 4 if target is None else target
    runtime = head + b"\x61" + at.to_bytes(2, "big") + b"\x56" + b"\x5b\x00"
    prefix = b"\x61" + len(runtime).to_bytes(2, "big") + b"\x39"
    return Compiled(prefix + runtime, runtime, {"C": constant}, name)


def test_a_template_moves_jumps_with_what_is_before_them() -> None:
    template = derive(program(1 << 250, "aaa"), program(3 << 249, "bbbb"), program(1 << 240, "cc"))
    assert Template.from_json(json.loads(json.dumps(template.to_json()))) == template
    for constant, name in ((5, "x"), (1 << 255, "longer"), (0, "y")):
        wanted = program(constant, name)
        assert template.assemble({"C": constant}, name) == (wanted.creation, wanted.runtime)


def test_what_a_template_does_not_understand_is_refused() -> None:
    one, two = program(1 << 250, "aaa"), program(3 << 249, "bbbb")
    with pytest.raises(NoTemplate, match="other numbers"):
        derive(one, two, program(1 << 240, "cc", extra=b"\x00"))
    with pytest.raises(NoTemplate, match="no constant"):
        derive(one, two, program(1 << 240, "cc", target=1))
    with pytest.raises(NoTemplate, match="end of the creation"):
        derive(one, two, Compiled(b"\x00", program(1 << 240, "cc").runtime, {"C": 1 << 240}, "cc"))
