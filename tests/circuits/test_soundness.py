"""The soundness harness: green on `margin`, red with the right label on circuits with something forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.builder import ConstraintSystem
from circuits.gadgets.ranges import absolute, below
from circuits.soundness import margin as cheats
from circuits.soundness.audit import Finding, Freedom, Subject, audit, examine, forgotten, replaced
from circuits.soundness.forgery import Attack, forge, without
from circuits.soundness.mutation import alternatives, rows_with, survivors, wire_mutations
from circuits.soundness.uniqueness import given_wires, unpinned
from primitives import field
from primitives.field import decode, encode

CONTEXT, DIVIDEND = frozenset({"context"}), frozenset({"dividend"})


def labels(cs: ConstraintSystem, wires: np.ndarray) -> set[str]:
    return {cs.wire_label(int(wire)).split("[")[0] for wire in wires}


# -- margin ----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_margin_is_green() -> None:
    assert audit(cheats.subject(), thorough=False) == []


def test_margin_is_green_with_alternatives_to_two_of_its_cases() -> None:
    """Without a freedom, and with one: alternatives take a second a case."""
    subject = cheats.subject()
    some = {name: subject.cases[name] for name in ("ordinary", "ties")}
    assert audit(replace(subject, cases=some), thorough=False) == []
    for name in subject.cases.keys() - some.keys():
        assert list(examine(subject, subject.cs.r1cs(), name, subject.cases[name])) == []


GADGET_HASHES = ("leaf/C2 hash", "epoch/C3 node", "epoch/C4")          # the same gadget as C1 hash and C5 hash
FORGETTABLE = [label for label in cheats.circuit().groups() if not label.startswith(GADGET_HASHES)]


@pytest.mark.parametrize("label", FORGETTABLE)
def test_margin_without_a_group_of_constraints_is_red(label: str) -> None:
    """Planted faults: every group of constraints forgotten in turn. Some attack passes, by name; and either a wire of
    that group comes loose, or the group only equates and its attack says so."""
    findings = forgotten(cheats.subject(), frozenset({label}))
    passing = {finding.label for finding in findings if finding.check == "attack"}
    assert passing == {attack.name for attack in cheats.attacks() if attack.refused_by == {label}} != set()
    loose = {finding.label for finding in findings if finding.check == "uniqueness"}
    if label.endswith((" bit", " product")) or "hash/chunk" in label:
        assert any(found.startswith(label) for found in loose)
    expected = {"commitment/C1": "portfolio_commitment", "epoch/C5": "epoch_root", "result/C19": "margin",
                "tail/C12 flag": "tail/C12 flag", "tail/C13 gap": "risk/loss", "slots/C8 rate": "slots/C8 rate",
                "slots/C8 add-on": "slots/C8 add-on", "tail/C15 one": "tail/C15 pointer",
                "tail/C15 threshold is an unflagged loss": "tail/C15 pointer", "result/C20": "result/C20"}
    if label in expected:
        assert expected[label] in loose


def test_every_wire_of_the_tiny_instance_matters(book) -> None:
    """Each wire, changed in every way, breaks a constraint: all wires, none left out but the constant and -context."""
    case = book.case(positions=[(3, 5), (4, -7), (9, 11)])
    cs = book.compiled(book.TINY)
    witness = cs.witness(case.inputs)
    for move, wires in survivors(cs.r1cs(), witness, wire_mutations(witness)).items():
        # context * context = aux: a proof for -context is one for another statement, and context is not calldata.
        assert labels(cs, wires) == ({"context"} if move == "negated" else set()), move
    assert len(unpinned(cs.r1cs(), witness, given_wires(cs, CONTEXT))) == 0


@pytest.mark.parametrize("name", ["margin-full-256x16"])
def test_a_full_size_statement_is_pinned(name: str, book) -> None:
    from circuits import statements

    statement = statements.get(name)
    case = book.case(statement.preset, positions=[(i, 5 * i - 41) for i in range(1, statement.slots + 1)])
    cs = statement.build()
    assert len(unpinned(cs.r1cs(), cs.witness(case.inputs), given_wires(cs, CONTEXT))) == 0


# -- the harmless freedoms are known, and only they --------------------------------------------------------------------
FREE_CASES = {"empty slots": "slots/C6 buy", "ties": "tail/C15 pointer", "all losses 0": "result/C18 positive"}


@pytest.mark.parametrize("case", FREE_CASES)
def test_freedoms_are_seen_when_not_excused(case: str) -> None:
    """Without the list the harness reports them, so the list is what keeps it green."""
    subject = cheats.subject()
    strict = Subject(subject.name, subject.cs, subject.cases, outputs=subject.outputs, free_inputs=subject.free_inputs)
    system, inputs = subject.cs.r1cs(), subject.cases[case]
    assert FREE_CASES[case] in {finding.label for finding in examine(strict, system, case, inputs)}
    assert list(examine(subject, system, case, inputs)) == []


def test_the_sign_of_no_lots_is_seen_when_not_excused() -> None:
    """With a rate at stake, flipping it moves the rate as well: seen when the consequences are recomputed."""
    subject = cheats.subject()
    strict = Subject(subject.name, subject.cs, subject.cases, outputs=subject.outputs, free_inputs=subject.free_inputs)
    arguments = (subject.cs.r1cs(), "no lots", subject.cases["no lots"], frozenset({"slots/C6 buy"}), None)
    assert {(f.check, f.label) for f in replaced(strict, *arguments)} == {
        ("alternative", "slots/C6 buy[1]"), ("alternative", "slots/C6 buy[2]")}
    assert list(replaced(subject, *arguments)) == []


def test_flags_of_tied_losses_may_be_exchanged_and_the_margin_stays() -> None:
    cs, inputs = cheats.circuit(), dict(cheats.subject().cases["ties"])
    flags, losses = np.array(inputs["tail/C12 flag"]), np.array(inputs["risk/loss"])
    flagged = int(np.flatnonzero(flags)[0])
    other = next(s for s in range(len(flags)) if s != flagged and losses[s] == losses[flagged])
    flags[[flagged, other]] = flags[[other, flagged]]
    pointer = np.zeros(len(flags), int)
    pointer[flagged] = 1
    witness = cs.witness(inputs | {"tail/C12 flag": flags, "tail/C15 pointer": pointer})
    assert cs.violations(witness) == []
    assert decode(witness[4:5]) == [inputs["margin"]]


def test_without_c15_the_threshold_may_lie_between_ranks_and_the_margin_stays(book) -> None:
    preset = book.with_shape(book.TINY, tail=book.TailSize(2))
    case = book.case(preset, positions=[(3, 5), (4, -7), (9, 11)])
    cs = book.compiled(preset)
    found = list(alternatives(cs, case.inputs, sorted(cs.hints), outputs=("margin",)))
    assert {alternative.label for alternative in found} == {"risk/C10 threshold + 2**T"}
    assert all(alternative.outputs == () for alternative in found)


# -- the instruments themselves ----------------------------------------------------------------------------------------
def division(*, ranged_remainder: bool = True, ranged_quotient: bool = True) -> tuple[ConstraintSystem, dict[str, int]]:
    """quotient = dividend // 7, with or without its ranges."""
    cs = ConstraintSystem()
    quotient, dividend = cs.public("quotient"), cs.public("dividend")
    remainder = below(cs, "remainder", 7, "7 - 1 - remainder") if ranged_remainder else cs.hint("remainder")
    if ranged_quotient:
        cs.represent(quotient, 8, "quotient")
    cs.equal(7 * quotient + remainder, dividend, "division")
    return cs.finish(), {"quotient": 14, "dividend": 100, "remainder": 2}


def test_uniqueness_sees_a_missing_range() -> None:
    cs, inputs = division()
    assert len(unpinned(cs.r1cs(), cs.witness(inputs), given_wires(cs, DIVIDEND))) == 0
    cs, inputs = division(ranged_remainder=False, ranged_quotient=False)
    loose = unpinned(cs.r1cs(), cs.witness(inputs), given_wires(cs, DIVIDEND))
    assert labels(cs, loose) == {"quotient", "remainder"}


def test_alternatives_name_the_output_that_would_change() -> None:
    """Remainder 3 divides 100 as well, if the quotient may be the residue 97 / 7."""
    cs, inputs = division(ranged_quotient=False)
    found = list(alternatives(cs, inputs, ["remainder"], outputs=("quotient",)))
    assert {alternative.change for alternative in found} >= {"+ 1", "- 1", "halved"}
    assert all(alternative.outputs == ("quotient",) for alternative in found)
    assert list(alternatives(cs, inputs, ["remainder"])) == []
    cs, inputs = division()
    assert list(alternatives(cs, inputs, ["remainder"], outputs=("quotient",))) == []


def test_elimination_solves_what_peeling_cannot() -> None:
    """x + y = 10, x - y = 4, and z free in u + z = 1: no row has a single unknown."""
    cs = ConstraintSystem()
    total = cs.public("total")
    x, y, u, z = (cs.hint(name) for name in "xyuz")
    cs.equal(x + y, total, "sum")
    cs.equal(x - y, 4, "difference")
    cs.equal(u + z, 1, "loose")
    cs.finish()
    witness = cs.witness({"total": 10, "x": 7, "y": 3, "u": 0, "z": 1})
    loose = unpinned(cs.r1cs(), witness, given_wires(cs, frozenset({"total"})))
    assert labels(cs, loose) == {"u", "z"}


@pytest.mark.parametrize("seed", range(5))
def test_unpinned_wires_are_the_kernel_of_the_jacobian(seed: int) -> None:
    """Against a dense rank computed with Python integers, on random linear systems."""
    from primitives.field import MODULUS

    rng = np.random.default_rng(seed)
    cs = ConstraintSystem()
    x = cs.hint("x", (9,))
    matrix = rng.integers(-1, 2, (7, 9)) * (rng.random((7, 9)) < 0.5)
    matrix[:, 0] |= 1
    cs.equal(matrix @ x, matrix @ np.arange(9), "rows")
    witness = cs.witness({"x": np.arange(9)})
    loose = {int(w) - 1 for w in unpinned(cs.r1cs(), witness, given_wires(cs, frozenset()))}

    def rank(columns: list[int]) -> int:
        rows = [[int(v) % MODULUS for v in row[columns]] for row in matrix]
        done = 0
        for c in range(len(columns)):
            pivot = next((r for r in range(done, len(rows)) if rows[r][c]), None)
            if pivot is None:
                continue
            rows[done], rows[pivot] = rows[pivot], rows[done]
            inverse = pow(rows[done][c], -1, MODULUS)
            for r in range(done + 1, len(rows)):
                factor = rows[r][c] * inverse
                rows[r] = [(a - factor * b) % MODULUS for a, b in zip(rows[r], rows[done], strict=True)]
            done += 1
        return done

    # A column is pinned exactly if leaving it out lowers the rank.
    everything = list(range(9))
    assert loose == {c for c in everything if rank([d for d in everything if d != c]) == rank(everything)}


def test_survivors_are_those_of_the_full_check() -> None:
    """The shortcut over responses against changing the witness and checking all rows."""
    cs, inputs = division()
    system, witness = cs.r1cs(), cs.witness(inputs)
    broken = without(cs, {"7 - 1 - remainder", "remainder bit"})
    for tested in (system, broken):
        moves = wire_mutations(witness)
        for move, wires in survivors(tested, witness, moves).items():
            for wire in range(1, cs.wires):
                changed = witness.copy()
                changed[wire] = field.add(changed[wire], moves[move][wire])
                survives = not len(tested.broken(changed)) and bool(moves[move][wire].any())
                assert survives == (wire in wires), (move, cs.wire_label(wire))


def test_rows_with_a_wire() -> None:
    cs, _ = division()
    system = cs.r1cs()
    for wire in range(cs.wires):
        expected = [row for row in range(system.rows) for matrix in (system.a, system.b, system.c)
                    if wire in matrix.wires[matrix.starts[row]:matrix.starts[row + 1]]]
        assert rows_with(system, wire).tolist() == sorted(set(expected))


def test_an_attack_that_passes_and_one_refused_elsewhere_are_findings() -> None:
    cs, inputs = division()
    honest = Attack("honest", frozenset({"division"}), inputs)
    misplaced = Attack("wrong remainder", frozenset({"remainder bit"}), inputs | {"remainder": 1})
    subject = Subject("division", cs, {"one": inputs}, (honest, misplaced), outputs=("quotient",), free_inputs=DIVIDEND)
    found = audit(subject)
    assert Finding("attack", "honest", "is refused by nothing, not by division") in found
    assert Finding("attack", "wrong remainder", "is refused by division, not by remainder bit") in found
    assert Finding("coverage", "remainder bit", "no attack needs these rows") in found
    assert {finding.check for finding in found} == {"attack", "coverage"}
    assert str(found[0]).startswith("attack: honest: ")


def test_a_dishonest_case_is_a_finding() -> None:
    cs, inputs = division()
    subject = Subject("division", cs, {"bad": inputs | {"quotient": 15}})
    assert [finding.check for finding in examine(subject, cs.r1cs(), "bad", subject.cases["bad"])] == ["honest"]


def test_a_freedom_may_cover_all_elements_or_some() -> None:
    cs, inputs = division(ranged_remainder=False)
    witness = cs.witness(inputs)
    assert Freedom("remainder", "", lambda *_: True).allows(cs, witness).tolist() == [int(cs.find("remainder"))]
    assert Freedom("remainder", "", lambda *_: False).allows(cs, witness).tolist() == []


def test_progress_is_reported() -> None:
    cs, inputs = division()
    seen: list[tuple[str, int, int]] = []
    audit(Subject("division", cs, {"one": inputs}), progress=lambda *step: seen.append(step))
    assert seen == [("one", 0, 2), ("attacks", 1, 2)]


def test_forced_wires_keep_their_values() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", (2,))
    square = cs.multiply(x, x, "square")
    sign = cs.boolean("sign")
    absolute(cs, sign, square.sum(), 8, "size")
    cs.finish()
    inputs = {"x": [3, 4], "sign": 1}
    witness = forge(cs, inputs, {"square": [None, 20]})
    assert decode(witness[cs.find("square")]) == [9, 20]
    assert cs.violations(witness) == ["square[1]"]
    assert cs.violations(forge(cs, inputs, {"square": encode([9, 17])})) == ["square[1]"]
    with pytest.raises(KeyError):
        forge(cs, inputs, {"squares": 1})
