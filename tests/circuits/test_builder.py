"""The builder against NumPy on Python integers, and its refusals."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.builder import ConstraintSystem, group_of
from circuits.errors import CircuitError
from circuits.intervals import ANY, BIT, Interval, signed, unsigned
from circuits.operands import integers, joined
from circuits.signals import Linear, Quadratic, concatenate
from circuits.steps import signed as nearest_to_0
from circuits.symbols import symbols, write_symbols
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS, decode, encode

X = np.array([[3, -1, 4], [1, 5, -9]], object)
Y = np.array([[2, 6, 5], [-3, 0, 8]], object)


@pytest.fixture
def cs() -> ConstraintSystem:
    return ConstraintSystem()


def valued(cs: ConstraintSystem) -> tuple[Linear, Linear, np.ndarray]:
    """Two signals of shape (2, 3) and a witness that gives them the values X and Y."""
    x, y = cs.private("x", (2, 3)), cs.private("y", (2, 3))
    return x, y, encode([1, *X.reshape(-1), *Y.reshape(-1)])


LINEAR = {
    "sum": lambda a, b: a + b, "difference": lambda a, b: a - b, "negation": lambda a, b: -a,
    "constant": lambda a, b: a + 7, "constant left": lambda a, b: 7 - b, "array": lambda a, b: a + np.arange(3),
    "scaled": lambda a, b: 5 * a - b * 3, "scaled by an array": lambda a, b: a * np.array([[1], [-2]]) + b,
    "scaled by 0": lambda a, b: a * 0 + b, "some scaled by 0": lambda a, b: a * np.array([1, 0, 2]),
    "half": lambda a, b: (a + b) * pow(2, -1, MODULUS) * 2, "total": lambda a, b: a.sum(),
    "over rows": lambda a, b: a.sum(0), "over columns": lambda a, b: (a + b).sum(-1), "element": lambda a, b: a[1, 2],
    "row": lambda a, b: a[1], "column": lambda a, b: b[:, 1] - a[:, 0], "reversed": lambda a, b: a[::-1, ::2],
    "reshaped": lambda a, b: a.reshape(3, 2) + b.reshape(3, 2), "outer": lambda a, b: a[:1] + b[:, :1],
    "matrix": lambda a, b: np.array([[1, -2, 0], [0, 0, 0], [3, 0, 1]], object) @ (a[0] + b[1]),
    "cancelled": lambda a, b: a + b - a, "repeated": lambda a, b: a + a + a - b - b,
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_operations_are_numpys(name: str, cs: ConstraintSystem) -> None:
    x, y, witness = valued(cs)
    result, expected = LINEAR[name](x, y), np.asarray(LINEAR[name](X, Y), object)
    assert result.shape == expected.shape
    assert decode(result.values(witness)) == [int(v) % MODULUS for v in expected.reshape(-1)]
    assert cs.rows == 0
    assert not cs.coefficients.is_zero(result.ids).any()
    for i in range(result.size):
        terms = result.wires[result.starts[i]:result.starts[i + 1]]
        assert len(set(terms.tolist())) == len(terms), "an element names a wire twice"


def test_cancelled_terms_are_gone(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    assert len((x - x).wires) == 0
    assert (x + y - x).wires.tolist() == y.wires.tolist()


def test_pad_and_concatenate(cs: ConstraintSystem) -> None:
    x, y, witness = valued(cs)
    padded = x.pad(5)
    assert padded.shape == (2, 5)
    assert decode(padded.values(witness)) == [v % MODULUS for row in X for v in (*row, 0, 0)]
    assert x.pad(3) is x
    joined = concatenate([x, y, x[:, :1]])
    assert decode(joined.values(witness)) == [v % MODULUS for v in np.concatenate([X, Y, X[:, :1]], -1).reshape(-1)]
    assert concatenate([x, y], axis=0).shape == (4, 3)
    assert len(x) == 2


def test_constants_of_any_size(cs: ConstraintSystem) -> None:
    witness = encode([1])
    values = [0, 1, -1, MODULUS - 1, 2**250, -2**250]
    signal = cs.signal(values)
    assert decode(signal.values(witness)) == [v % MODULUS for v in values]
    assert cs.signal(signal) is signal
    assert cs.signal(5).interval == Interval(5, 5)
    assert cs.signal(np.zeros((0,), object)).shape == (0,)


# -- products ----------------------------------------------------------------------------------------------------------
def test_a_product_becomes_one_row_however_it_is_used(cs: ConstraintSystem) -> None:
    x, y, witness = valued(cs)
    wires = cs.wire(2 * (x * y) + x - 1, "wired")
    assert cs.rows == 6
    cs.equal((x * y).sum(1, "terms"), (x * y).sum(1, "more terms"), "equated")
    assert cs.rows == 6 + 4 + 4 + 2 + 2                # the right side of an equation is made into wires
    cs.equal(-(x * y) - x, (y * -x - x), "same")
    products = cs.witness({"x": X, "y": Y})
    assert decode(products[cs.find("wired").reshape(-1)]) == [int(v) % MODULUS for v in (2 * X * Y + X - 1).reshape(-1)]
    assert wires.shape == (2, 3)
    assert cs.violations(products) == []
    assert len(witness) == 13


def test_a_sum_of_one_product_needs_no_wire(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    cs.equal((x[:, :1] * y[:, :1]).sum(1, "terms"), [6, -3], "one")
    assert cs.rows == 2
    assert cs.violations(cs.witness({"x": X, "y": Y})) == []


def test_a_product_times_a_signal(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    cs.equal(x * y * x, cs.multiply(cs.multiply(x, x, "square"), y, "cube"), "cubes")
    cs.equal(x * (x * y), x * y * x, "either side")
    cs.equal(3 - x * y, 3 - y * x, "constants")
    assert cs.violations(cs.witness({"x": X, "y": Y})) == []


def test_using_a_product_twice_is_an_error(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    product = x * y
    cs.equal(product, 0, "first")
    uses = [lambda: cs.equal(product, 0, "second"), lambda: cs.wire(product), lambda: product + 1, lambda: -product,
            lambda: product - x, lambda: 1 - product, lambda: product * 2, lambda: product.sum(0, "terms"),
            lambda: cs.represent(product, 8, "range"), lambda: cs.together(product), lambda: x + product]
    for use in uses:
        with pytest.raises(CircuitError, match=r"product made at test_builder\.py:\d+ is used a second time"):
            use()


def test_a_derived_product_takes_the_place_of_its_source(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    product = x * y
    shifted = product + 1
    with pytest.raises(CircuitError, match="second time"):
        cs.wire(product)
    cs.equal(shifted, 0, "only")
    cs.finish()


@pytest.mark.parametrize("drop", [lambda x, y: x * y, lambda x, y: (x * y).sum(0, "terms"), lambda x, y: x * y + 1])
def test_dropping_a_product_is_an_error(drop: Any, cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    cs.equal(x, y, "something else")
    drop(x, y)
    with pytest.raises(CircuitError, match=r"product of shape \(.*\) made at test_builder\.py:\d+ never became"):
        cs.finish()


# -- intervals ---------------------------------------------------------------------------------------------------------
def test_intervals_of_expressions(cs: ConstraintSystem) -> None:
    a = cs.private("a", (4,), assumed=Interval(-3, 5), reason="E9")
    b = cs.bits("b", 4)
    assert (a + b).interval == Interval(-3, 20)
    assert (a - b).interval == Interval(-18, 5)
    assert (2 * a + 1).interval == Interval(-5, 11)
    assert (a * np.array([1, -2, 0, 3])).interval == Interval(-10, 15)
    assert a.sum().interval == Interval(-12, 20)
    assert (np.array([[1, -1, 0, 2], [0, 0, 0, 0]]) @ a).interval == Interval(-14, 18)
    assert concatenate([a, b.reshape(1)]).interval == Interval(-3, 15)
    product = a * b + 1
    assert product.interval == Interval(-44, 76)
    assert cs.wire(product).interval == Interval(-44, 76)
    assert a.pad(6).interval == Interval(-3, 5)
    assert cs.boolean("c").interval == BIT
    assert (a * pow(2, -1, MODULUS)).interval == ANY
    assert cs.private("d").interval == ANY
    assert (cs.private("e") + a[0]).interval == ANY
    assert [assumption.label for assumption in cs.assumptions] == ["a"]


small = st.integers(-2**130, 2**130)
intervals = st.tuples(small, small).map(lambda pair: Interval(min(pair), max(pair)))


@settings(max_examples=200)
@given(intervals, intervals, st.data())
def test_interval_arithmetic_holds_every_integer(x: Interval, y: Interval, data: Any) -> None:
    a, b = data.draw(st.integers(x.low, x.high)), data.draw(st.integers(y.low, y.high))
    for interval, value in [(x + y, a + b), (x - y, a - b), (-x, -a), (x | y, a), (x | y, b), (x.total(3), 3 * a)]:
        assert interval.known
        assert value in interval
    product = x * y
    assert not product.known or a * b in product


def test_intervals_that_reach_r_claim_nothing() -> None:
    assert ANY == Interval(-MODULUS, MODULUS)
    assert not ANY.known
    assert Interval(0, MODULUS - 1) + Interval(0, 1) == ANY
    assert signed(200) * signed(60) == ANY
    assert ANY * Interval(0, 0) == Interval(0, 0)
    assert ANY + Interval(5, 5) == ANY
    assert -ANY == ANY
    assert not Interval(0, MODULUS - 1).congruent_only_if_equal(Interval(-1, 0))
    assert Interval(0, MODULUS - 1).congruent_only_if_equal(Interval(0, 5))
    assert not ANY.congruent_only_if_equal(Interval(0, 0))
    with pytest.raises(ValueError, match="no interval"):
        Interval(1, 0)


def test_intervals_read_well() -> None:
    assert str(unsigned(48)) == "[0, 2**48 - 1]"
    assert str(signed(62)) == "[-(2**62 - 1), 2**62 - 1]"
    assert str(Interval(-2**61, 2**61 - 1)) == "[-2**61, 2**61 - 1]"
    assert str(ANY) == "any residue"
    assert str(Interval(-7, 3 * 2**40)) == "[-7, ~2**42]"
    assert str(Interval(0, 2**40 + 5)) == "[0, ~2**40]"


def test_an_assumption_needs_a_reason(cs: ConstraintSystem) -> None:
    with pytest.raises(CircuitError, match="reason"):
        cs.private("a", assumed=BIT)


# -- ranges and equations ----------------------------------------------------------------------------------------------
def test_a_range_of_an_unknown_residue_is_refused(cs: ConstraintSystem) -> None:
    a = cs.private("a")
    with pytest.raises(CircuitError, match="gap: a range of 8 bits proves nothing about any residue"):
        cs.nonnegative(a, 8, "gap")
    with pytest.raises(CircuitError, match="proves nothing"):
        cs.nonnegative(a * a, 8, "gap")
    assert cs.represent(a, 8, "defined").interval == unsigned(8)


def test_a_range_that_wraps_is_refused(cs: ConstraintSystem) -> None:
    """An integer of up to r + 5 - 2**253 below 0 has a residue within 253 bits."""
    edge = MODULUS - 2**253
    a = cs.private("a", assumed=Interval(-edge, 0), reason="test")
    cs.nonnegative(a, 253, "sound")
    b = cs.private("b", assumed=Interval(-edge - 1, 0), reason="test")
    with pytest.raises(CircuitError, match="253 bits"):
        cs.nonnegative(b, 253, "wraps")
    with pytest.raises(CircuitError, match="254 bits would represent some residues twice"):
        cs.bits("c", 254)


def test_an_equation_that_wraps_is_refused(cs: ConstraintSystem) -> None:
    a = cs.private("a", assumed=unsigned(253), reason="test")
    b = cs.private("b", assumed=-unsigned(253), reason="test")
    with pytest.raises(CircuitError, match="can differ by a multiple of r"):
        cs.equal(a, b, "equation")
    cs.equal(a, b + cs.private("c"), "a residue claims nothing")


@pytest.mark.parametrize("bits", [0, 1, 7, 253])
def test_ranges_hold_what_they_say(bits: int, cs: ConstraintSystem) -> None:
    value = cs.private("value", (3,), assumed=Interval(-1, 2**bits), reason="test")
    ranged = cs.nonnegative(value, bits, "range")
    assert cs.rows == 3 * (bits + 1)
    top = 2**bits - 1
    witness = cs.witness({"value": [0, top, top // 2]})
    assert cs.violations(witness) == []
    assert decode(ranged.values(witness)) == [0, top, top // 2]
    for bad in (-1, 2**bits):
        says = rf"range\[1\] is {nearest_to_0(bad)}: must be (in \[0, 2\*\*{bits}\)|0 or 1)"
        with pytest.raises(Unsatisfied, match=says):
            cs.witness({"value": [0, bad, 0]})
        refused = cs.violations(cs.witness({"value": [0, bad, 0]}, strict=False))
        assert refused
        assert all(label.startswith("range") for label in refused)


def test_bits_are_their_value(cs: ConstraintSystem) -> None:
    value = cs.bits("value", 5, (2,))
    none = cs.bits("none", 0)
    witness = cs.witness({"value": [31, 6], "none": 0})
    assert decode(value.values(witness)) == [31, 6]
    assert decode(none.values(witness)) == [0]
    assert decode(witness[cs.find("value bit")[1]]) == [0, 1, 1, 0, 0]
    with pytest.raises(Unsatisfied, match=r"value\[0\] is 32: must be in \[0, 2\*\*5\)"):
        cs.witness({"value": [32, 6], "none": 0})
    with pytest.raises(Unsatisfied, match=r"none is 1: must be in \[0, 2\*\*0\)"):
        cs.witness({"value": [1, 6], "none": 1})


def test_equations_name_what_is_wrong(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    with cs.scope("outer"), cs.scope("inner"):
        cs.equal(x.sum(1), [6, -3], "sums")
        cs.equal(x[0] * y[0], [6, -6, 20], "products")
    assert cs.violations(cs.witness({"x": X, "y": Y})) == []
    with pytest.raises(Unsatisfied, match=r"^outer/inner/sums\[1\] is -2: must be -3$") as caught:
        cs.witness({"x": X + np.array([[0, 0, 0], [0, 0, 1]]), "y": Y})
    assert (caught.value.place, caught.value.value, caught.value.bound) == ("outer/inner/sums[1]", -2, "-3")
    with pytest.raises(Unsatisfied, match=r"^outer/inner/products\[2\] is 24: must be 20$"):
        cs.witness({"x": X, "y": Y + np.array([[0, 0, 1], [0, 0, 0]])})


def test_assumed_intervals_are_checked_on_honest_witnesses(cs: ConstraintSystem) -> None:
    rate = cs.private("rate", (2,), assumed=Interval(0, 9), reason="E3")
    cs.equal(rate, rate, "used")
    cs.witness({"rate": [0, 9]})
    with pytest.raises(Unsatisfied, match=r"rate\[1\] is -1: must be in \[0, 9\]"):
        cs.witness({"rate": [0, -1]})
    assert cs.violations(cs.witness({"rate": [0, -1]}, strict=False)) == []


def test_booleans(cs: ConstraintSystem) -> None:
    flag = cs.boolean("flag", (2,))
    assert cs.rows == 2
    witness = cs.witness({"flag": [True, 0]})
    assert decode(flag.values(witness)) == [1, 0]
    with pytest.raises(Unsatisfied, match=r"flag\[0\] is 2: must be 0 or 1"):
        cs.witness({"flag": [2, 0]})
    assert cs.violations(cs.witness({"flag": [2, 0]}, strict=False)) == ["flag[0]"]


# -- inputs, names, results --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("inputs", "says"), [
    ({"y": Y}, "witness input x is missing: must be given"),
    ({"x": X, "y": Y, "z": 1}, "witness input is 'z': must be one of x, y"),
    ({"x": X[0], "y": Y}, r"shape of witness input x is \(3,\): must be \(2, 3\)"),
    ({"x": X * 1.0, "y": Y}, "must be made of integers"),
    ({"x": [[1, 2, 3], [4, 5, MODULUS]], "y": Y}, r"witness input x\[1, 2\] is 2188.*: must be strictly between"),
])
def test_wrong_inputs_are_named(inputs: dict[str, Any], says: str, cs: ConstraintSystem) -> None:
    valued(cs)
    with pytest.raises(BadInput, match=says):
        cs.witness(inputs)


def test_field_arrays_are_inputs_too(cs: ConstraintSystem) -> None:
    x = cs.private("x", (2, 3))
    witness = cs.witness({"x": encode(X)})
    assert decode(x.values(witness)) == [v % MODULUS for v in X.reshape(-1)]
    assert (cs.witness({"x": X.astype(np.int64)}) == witness).all()


def test_public_inputs_come_first_and_in_order(cs: ConstraintSystem) -> None:
    a, b = cs.public("a"), cs.public("b")
    cs.equal(a * a, b, "square")
    cs.private("x")
    with pytest.raises(CircuitError, match="public input c does not come first"):
        cs.public("c")
    assert cs.r1cs().public == 2
    assert decode(cs.witness({"a": 5, "b": 25, "x": 0})[:3]) == [1, 5, 25]
    other = ConstraintSystem()
    with other.scope("inner"), pytest.raises(CircuitError, match="does not come first"):
        other.public("d")


def test_two_inputs_of_one_name_are_refused(cs: ConstraintSystem) -> None:
    cs.private("x")
    for again in (cs.private, cs.boolean, cs.hint, lambda name: cs.bits(name, 3)):
        with pytest.raises(CircuitError, match="two inputs are called x"):
            again("x")
    with cs.scope("inner"):
        cs.private("x")
    assert list(cs.inputs) == ["x", "inner/x"]


def test_hints_are_told_from_given_inputs(cs: ConstraintSystem) -> None:
    cs.private("a"), cs.hint("b"), cs.boolean("c"), cs.bits("d", 2)
    assert cs.hints == {"b", "c", "d"}


def test_a_wire_in_no_row_is_refused(cs: ConstraintSystem) -> None:
    x, _, _ = valued(cs)
    cs.equal(x, 1, "x only")
    assert len(cs.loose()) == 6
    with pytest.raises(CircuitError, match=r"no row mentions wire y\[0, 0\] \(and 5 more\)"):
        cs.finish()


def test_labels_of_wires_rows_and_groups(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    with cs.scope("part"):
        for i in range(3):
            cs.multiply(x[:, i], y[:, i], f"product/{i}")
        cs.nonnegative(cs.bits("small", 2), 3, "range")
    cs.finish()
    assert cs.wire_label(0) == "one"
    assert cs.wire_label(6) == "x[1, 2]"
    assert cs.wire_label(13) == "part/product/0[0]"
    assert cs.row_label(5) == "part/product/2[1]"
    assert cs.wire_label(cs.wires - 1) == "part/range bit[2]"
    assert cs.row_label(cs.rows - 1) == "part/range"
    assert cs.find("part/product").tolist() == [[13, 14], [15, 16], [17, 18]]
    assert cs.find("part/product/1").tolist() == [15, 16]
    assert {label: len(rows) for label, rows in cs.groups().items()} == {
        "part/product": 6, "part/small bit": 2, "part/range bit": 3, "part/range": 1}
    assert np.concatenate(list(cs.groups().values())).tolist() == list(range(cs.rows))
    assert group_of("a/b 3/12") == "a/b 3"
    for call in (cs.wire_label, cs.row_label):
        with pytest.raises(IndexError):
            call(10**6)
    with pytest.raises(IndexError):
        cs.wire_label(-1)
    with pytest.raises(KeyError):
        cs.find("absent")


def test_the_profile_accounts_for_everything(cs: ConstraintSystem, book) -> None:
    statement = book.compiled(book.TINY)
    system = statement.r1cs()
    for depth in (1, 2, 9):
        profile = statement.profile(depth)
        assert sum(share.rows for share in profile.values()) == statement.rows
        assert sum(share.wires for share in profile.values()) == statement.wires
        entries = system.a.entries + system.b.entries + system.c.entries
        assert sum(share.entries for share in profile.values()) == entries
    assert statement.profile()["tail"].rows == 418


def test_recording_after_the_matrices_makes_new_ones(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    cs.equal(x, y, "equal")
    first = cs.r1cs()
    assert cs.r1cs() is first
    cs.equal(x[0], y[0], "again")
    assert cs.r1cs().rows == first.rows + 3


def test_digests_follow_the_circuit_not_the_way_it_was_written() -> None:
    def digest(write: Any) -> str:
        cs = ConstraintSystem()
        x, y = cs.private("x", (3,)), cs.private("y", (3,))
        cs.equal(write(x, y), 0, "row")
        return cs.r1cs().digest()

    same = {digest(lambda x, y: x + 2 * y), digest(lambda x, y: y + x + y), digest(lambda x, y: 3 * y - (y - x))}
    assert len(same) == 1
    assert digest(lambda x, y: x - 2 * y) not in same


def test_random_circuits_have_a_normal_form(cs: ConstraintSystem) -> None:
    """No row names a wire twice, no coefficient is 0: `digest` would refuse."""
    rng = random.Random(5)
    signals = [cs.private(f"x{i}", (4,)) for i in range(4)]
    for step in range(30):
        a, b = rng.sample(signals, 2)
        choice = rng.randrange(4)
        if choice == 0:
            signals.append(a * rng.randint(-3, 3) + b)
        elif choice == 1:
            signals.append(cs.wire(a * b - a, f"w{step}"))
        elif choice == 2:
            signals.append(a[::-1] - b)
        else:
            signals.append(a.sum() + b)
        cs.equal(signals[-1] * a, signals[-1] - b, f"e{step}")
    cs.r1cs().digest()


def test_symbols(cs: ConstraintSystem, tmp_path: Path) -> None:
    valued(cs)
    with cs.scope("tail"):
        cs.nonnegative(cs.boolean("C12 flag"), 2, "C13 gap")
    lines = list(symbols(cs))
    assert len(lines) == cs.wires - 1
    assert lines[0] == "1,1,0,main.x[0][0]"
    assert lines[12] == "13,13,0,main.tail.C12_flag"
    assert lines[14] == "15,15,0,main.tail.C13_gap_bit[1]"
    write_symbols(cs, tmp_path / "x.sym")
    assert (tmp_path / "x.sym").read_text().splitlines() == lines


def test_a_quadratic_says_where_it_was_made(cs: ConstraintSystem) -> None:
    x, y, _ = valued(cs)
    product = x * y
    assert isinstance(product, Quadratic)
    assert str(product).startswith("product of shape (2, 3) made at test_builder.py:")
    cs.wire(product)


# -- operands that NumPy would round, wrap or repeat -------------------------------------------------------------------
NO_INTEGERS = {
    "a float": 0.5, "a whole float": 2.0, "not a number": float("nan"), "a numpy float": np.float64(1),
    "a boolean": True, "a numpy boolean": np.bool_(True), "text": "3", "nothing": None, "complex": 1j,
    "a float among others": [1, 0.5, 2], "a float array": np.ones(3), "a boolean array": np.ones(3, bool),
    "a boolean among others": [1, True, 2],
    "a ragged list": [[1], [2, 3], 4], "text in an array": np.array(["1", "2", "3"]), "r": MODULUS, "-r": -MODULUS,
    "2r + 1": 2 * MODULUS + 1, "r in an array": [1, 2, MODULUS]}
OPERATIONS = {
    "x * c": lambda cs, x, c: x * c, "c * x": lambda cs, x, c: c * x, "x + c": lambda cs, x, c: x + c,
    "c + x": lambda cs, x, c: c + x, "x - c": lambda cs, x, c: x - c, "c - x": lambda cs, x, c: c - x,
    "x * x * c": lambda cs, x, c: (x * x) * c, "x * x + c": lambda cs, x, c: (x * x) + c,
    "equal": lambda cs, x, c: cs.equal(x, c, "row"), "equal product": lambda cs, x, c: cs.equal(x * x, c, "row"),
    "multiply": lambda cs, x, c: cs.multiply(x, c, "row"), "signal": lambda cs, x, c: cs.signal(c)}


@pytest.mark.parametrize("constant", NO_INTEGERS.values(), ids=NO_INTEGERS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_constants_are_integers_below_r(cs: ConstraintSystem, operation: Any, constant: Any) -> None:
    with cs.scope("part"):
        x = cs.private("x", (3,))
        with pytest.raises(CircuitError, match=r"part/\w+ at test_builder\.py:\d+: (the constant .* is n|shapes)"):
            operation(cs, x, constant)


def test_the_error_says_which_constant_and_why(cs: ConstraintSystem) -> None:
    x = cs.private("x", (3,))
    with pytest.raises(CircuitError, match=r"^C9 at test_builder.py:\d+: the constant 0.5 is no integer but of type"):
        cs.equal(x, [1, 0.5, 2], "C9")
    with pytest.raises(CircuitError, match=f"^factor at .*: the constant {MODULUS} is not between -r and r"):
        _ = x * MODULUS


def test_exact_constants_of_every_kind(cs: ConstraintSystem) -> None:
    """Lists that NumPy would make floating point, all widths of its integers, residues next to r."""
    x, witness = cs.private("x", (2,)), encode([1, 3, -5])
    for constant in ([2**63, -1], np.array([2**64 - 1, 2], np.uint64), np.array([-128, 127], np.int8),
                     [MODULUS - 1, 1 - MODULUS], [np.int64(-7), 2**200]):
        pairs = [(int(a), b) for a, b in zip(constant, (3, -5), strict=True)]
        assert decode((x * constant).values(witness)) == [a * b % MODULUS for a, b in pairs]
        assert decode((x + constant).values(witness)) == [(a + b) % MODULUS for a, b in pairs]


@pytest.mark.parametrize(("matrix", "says"), [
    (np.ones((2, 2), int), r"shapes \(2, 2\) @ \(3,\) are not"), (np.ones((2, 4), int), r"shapes \(2, 4\) @"),
    (np.ones(3, int), r"shapes \(3,\) @"), (np.ones((2, 3, 3), int), "shapes"), (np.ones((2, 3)), "no integer but"),
    (np.ones((2, 3), bool), "no integer but"), (np.array([[1, 2, MODULUS]], object), "not between -r and r")])
def test_a_matrix_has_a_column_for_each_element(cs: ConstraintSystem, matrix: np.ndarray, says: str) -> None:
    x = cs.private("x", (3,))
    with pytest.raises(CircuitError, match=f"^matrix at test_builder.py:.*{says}"):
        _ = matrix @ x
    for number, (other, shape) in enumerate([((2, 6), (2, 3)), ((3,), ()), ((2, 3, 3), (3, 3))]):
        with pytest.raises(CircuitError, match=r"^matrix at"):
            _ = np.ones(other, int) @ cs.private(f"y{number}", shape)


SHAPES = {
    "other lengths": ((3,), (2,)), "a single element": ((3,), (1,)), "an axis more": ((2, 3), (3,)),
    "an axis more, square": ((3, 3), (3,)), "other lengths of two axes": ((2, 3), (3, 2))}


@pytest.mark.parametrize(("left", "right"), SHAPES.values(), ids=SHAPES)
def test_signals_are_not_repeated_silently(cs: ConstraintSystem, left: Any, right: Any) -> None:
    x, y = cs.private("x", left), cs.private("y", right)
    for operation in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: cs.equal(a, b, "row"),
                      lambda a, b: cs.multiply(a, b, "row"), lambda a, b: a * a + b):
        for a, b in ((x, y), (y, x)):
            with pytest.raises(CircuitError, match=r"shapes? .* (do not go together|cannot equal)"):
                operation(a, b)


def test_what_is_meant_is_repeated(cs: ConstraintSystem) -> None:
    """A single value with anything, an axis of length 1 beside others, weights along the last axis."""
    x, y, one = cs.private("x", (2, 3)), cs.private("y", (3,)), cs.private("one")
    assert (x + one).shape == (one + x).shape == (x * one).shape == (2, 3)
    assert (y.reshape(3, 1) + y.reshape(1, 3)).shape == (3, 3)
    assert (x + y.broadcast((2, 3))).shape == (x + y.reshape(1, 3)).shape == (x * [1, 2, 3]).shape == (2, 3)
    assert (one * [1, 2, 3]).shape == (3,)
    assert joined((2, 3), (3,), "", constant=True) == (2, 3)
    for refused in ((3, 2), (2, 3, 1), (2,), (1,)):
        with pytest.raises(CircuitError, match="do not go together"):
            joined((3,), refused, "", constant=True)


def test_an_equation_has_the_shape_of_its_left_side(cs: ConstraintSystem) -> None:
    x, y = cs.private("x"), cs.private("y", (3,))
    for left in (x, x * x):
        with pytest.raises(CircuitError, match=r"^row at .*: shape \(\) cannot equal \(3,\)"):
            cs.equal(left, y, "row")
    with pytest.raises(CircuitError, match=r"a product of shape \(\) is not repeated to \(3,\)"):
        _ = x * x + y
    cs.equal(y, x, "row")
    assert cs.rows == 3


def test_shapes_and_numbers_of_bits_are_integers(cs: ConstraintSystem) -> None:
    for shape in (3, (2.0,), (-1,), (True,), [3], "3"):
        with pytest.raises(CircuitError, match=r"^x at .* is no shape"):
            cs.private("x", shape)                                            # type: ignore[arg-type]
    for bits in (2.0, -1, True):
        with pytest.raises(CircuitError, match="is no number of bits"):
            cs.represent(cs.one, bits, f"range {bits}")                       # type: ignore[arg-type]
    x = cs.private("x", (2, 3))
    for wrong in (lambda: x.reshape(4), lambda: x.reshape(-1, 4), lambda: x.broadcast((3, 2)), lambda: x.pad(2),
                  lambda: concatenate([]), lambda: concatenate([x, cs.private("z", (3, 3)).reshape(9)])):
        with pytest.raises(CircuitError, match=r"test_builder\.py:"):
            wrong()


def test_signals_are_of_one_system_and_compare_by_rows_only(cs: ConstraintSystem) -> None:
    x, other = cs.private("x", (3,)), ConstraintSystem().private("y", (3,))
    for mixed in (lambda: x + other, lambda: x * other, lambda: cs.equal(x, other, "row"),
                  lambda: concatenate([x, other])):
        with pytest.raises(CircuitError, match="system"):
            mixed()
    for compared in (lambda: x == other, lambda: x != 3, lambda: (x * x) == 9):
        with pytest.raises(CircuitError, match="compares no values and records nothing"):
            compared()
    for tested in (x, x * x):
        with pytest.raises(CircuitError, match="neither true nor false"):
            bool(tested)


def test_ends_of_intervals_are_python_integers() -> None:
    for low, high in ((0.0, 1), (0, 1.0), (np.int64(0), 1), (0, np.int64(1)), (False, 1), (0, True)):
        with pytest.raises(CircuitError, match="no Python integers"):
            Interval(low, high)                                               # type: ignore[arg-type]


def test_integers_leave_their_argument_alone() -> None:
    given = np.array([1, 2], object)
    assert integers(given, "x") is not given
    assert integers(np.array([1, 2]), "x").dtype == np.int64


def test_a_ragged_input_is_named(cs: ConstraintSystem) -> None:
    cs.equal(cs.private("x", (2,)), 0, "row")
    with pytest.raises(BadInput, match="shape of witness input x is ragged"):
        cs.witness({"x": [[1], [2, 3]]})


# -- values that the witness program computes ------------------------------------------------------------------------
def test_division() -> None:
    cs = ConstraintSystem()
    above, below = cs.private("above", (3,)), cs.private("below", (3,))
    quotient = cs.divide(above + 1, below, "quotient")
    cs.finish()
    assert cs.rows == 3
    witness = cs.witness({"above": [5, 0, 9], "below": [2, 7, MODULUS - 1]})
    assert cs.violations(witness) == []
    assert decode(quotient.values(witness)) == [3, pow(7, -1, MODULUS), MODULUS - 10]
    with pytest.raises(Unsatisfied, match=r"quotient\[1\] is 0: must be 1"):
        cs.witness({"above": [5, 0, 9], "below": [2, 0, 1]})
    # 0/0 may be anything, and is 0 in a witness that nobody bends.
    witness = cs.witness({"above": [5, -1, 9], "below": [2, 0, 1]})
    assert decode(witness[cs.find("quotient")])[1] == 0
    witness[cs.find("quotient")[1]] = encode(77)
    assert cs.violations(witness) == []


def test_a_computed_wire_is_constrained_by_whoever_asks_for_it() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", (2,))
    root, _ = cs.allocate("root", (2,))
    cs.compute([root], [x], lambda values: [[{4: 2, 9: 3}.get(value, 1) for value in values]], "root")
    assert cs.rows == 0
    cs.equal(root * root, x, "root")
    cs.finish()
    assert cs.violations(cs.witness({"x": [4, 9]})) == []
    with pytest.raises(Unsatisfied, match=r"root\[1\]"):
        cs.witness({"x": [4, 5]})
    loose = ConstraintSystem()
    y = loose.private("y")
    loose.compute([loose.allocate("free", ())[0]], [y], lambda values: [values], "free")
    loose.equal(y * y, y, "y")
    with pytest.raises(CircuitError, match="no row mentions wire free"):
        loose.finish()
