"""Verification with a prepared key: what holds is accepted, alone and in batches; all else is refused and named."""

from __future__ import annotations

import dataclasses
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives.errors import BadInput
from prover.curve import BASE_MODULUS as Q
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.kernels import pairing, scaling, steps
from prover.kernels.field import BASE, LANES
from prover.kernels.verification import FEW, MOST_TABLES, PreparedKey, warm_verify


def g1(scalar):
    return G1_GROUP.multiply(G1_GROUP.generator, scalar)


def g2(scalar):
    return G2_GROUP.multiply(G2_GROUP.generator, scalar)


@dataclasses.dataclass(frozen=True)
class Proof:
    a: object
    b: object
    c: object


class Trapdoor:
    """A key whose secrets are known, which makes a valid proof of any statement: the simulator of the paper."""

    def __init__(self, public, seed=1, **chosen):
        self.rng = random.Random(seed)
        secrets = {name: self.rng.randrange(1, ORDER) for name in ("alpha", "beta", "gamma", "delta")}
        self.alpha, self.beta, self.gamma, self.delta = {**secrets, **chosen}.values()
        self.ic = [self.rng.randrange(1, ORDER) for _ in range(public + 1)]

    def points(self):
        return g1(self.alpha), g2(self.beta), g2(self.gamma), g2(self.delta), [g1(k) for k in self.ic]

    def key(self):
        return PreparedKey(*self.points())

    def prove(self, inputs, a=None, b=None):
        a = self.rng.randrange(1, ORDER) if a is None else a
        b = self.rng.randrange(1, ORDER) if b is None else b
        l = self.ic[0] + sum(k * x for k, x in zip(self.ic[1:], inputs, strict=True))
        c = (a * b - self.alpha * self.beta - self.gamma * l) * pow(self.delta, -1, ORDER)
        return Proof(g1(a), g2(b), g1(c))

    def inputs(self):
        return [self.rng.choice([0, 1, ORDER - 1, self.rng.randrange(ORDER)]) for _ in self.ic[1:]]


TRAPDOOR = Trapdoor(3)
KEY = TRAPDOOR.key()
INPUTS = [TRAPDOOR.inputs() for _ in range(40)]
PROOFS = [TRAPDOOR.prove(inputs) for inputs in INPUTS]
PROOF, STATEMENT = PROOFS[0], INPUTS[0]
TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))


def verify(proof, inputs):
    return KEY.verify(proof.a, proof.b, proof.c, inputs)


# -- one proof --------------------------------------------------------------------------------------------------------
def test_valid_proofs_hold():
    for proof, inputs in zip(PROOFS, INPUTS, strict=True):
        assert verify(proof, inputs)
        assert not verify(proof, [(inputs[0] + 1) % ORDER, *inputs[1:]])


@pytest.mark.parametrize("public", [0, 1, 9])
def test_any_number_of_inputs(public):
    trapdoor = Trapdoor(public)
    key = trapdoor.key()
    inputs = trapdoor.inputs()
    proof = trapdoor.prove(inputs)
    assert key.public == public
    assert key.verify(proof.a, proof.b, proof.c, inputs)
    assert not key.verify(proof.a, proof.b, G1_GROUP.negate(proof.c), inputs)
    assert key.verify_batch([proof] * 9, [inputs] * 9)


@pytest.mark.parametrize("public", [MOST_TABLES, MOST_TABLES + 1, 300])
def test_many_inputs_take_no_tables(public):
    """Where inputs are many their sum is made another way; what holds and what does not is the same."""
    trapdoor = Trapdoor(public)
    key, inputs = trapdoor.key(), trapdoor.inputs()
    proof = trapdoor.prove(inputs)
    wrong = [*inputs[:-1], (inputs[-1] + 1) % ORDER]
    assert key.verify(proof.a, proof.b, proof.c, inputs)
    assert not key.verify(proof.a, proof.b, proof.c, wrong)
    assert list(key.verify_batch([proof] * 9, [inputs] * 8 + [wrong]).refused) == [8]
    zero = [0] * (public - 1) + [-trapdoor.ic[0] * pow(trapdoor.ic[-1], -1, ORDER) % ORDER]       # the sum vanishes
    proof = trapdoor.prove(zero)
    assert key.verify(proof.a, proof.b, proof.c, zero)
    assert not key.verify(proof.a, proof.b, G1_GROUP.negate(proof.c), zero)
    assert list(key.verify_batch([proof] * 9, [zero] * 8 + [inputs]).refused) == [8]


def test_a_strangers_key_of_thousands_of_inputs_costs_no_tables(monkeypatch):
    """Each would take milliseconds and 8 KiB: minutes and gigabytes for as many inputs as a key may have."""
    tabulated = []
    monkeypatch.setattr(scaling, "comb_table", lambda points, make=scaling.comb_table: tabulated.extend(points)
                        or make(points))
    trapdoor = Trapdoor(0)
    points, ic = trapdoor.points(), [g1(1)]
    while len(ic) < 3000:
        ic.append(G1_GROUP.add(ic[-1], ic[0]))
    key = PreparedKey(*points[:4], ic)
    trapdoor.ic = list(range(1, len(ic) + 1))
    inputs = trapdoor.inputs()
    proof = trapdoor.prove(inputs)
    assert key.verify(proof.a, proof.b, proof.c, inputs)
    assert len(tabulated) == 1                 # alpha


@pytest.mark.parametrize("inputs", [[0, 0, 0], [ORDER - 1] * 3, [1, 0, ORDER - 1], [1 << 253, (1 << 128) - 1, 2]])
def test_inputs_at_the_edges(inputs):
    assert verify(TRAPDOOR.prove(inputs), inputs)


def test_the_sum_of_the_inputs_may_vanish():
    """IC_0 + sum of input_j IC_j = 0 takes the pairing with gamma out of the equation; the rest must still hold."""
    zero = [0, 0, -TRAPDOOR.ic[0] * pow(TRAPDOOR.ic[3], -1, ORDER) % ORDER]
    proof = TRAPDOOR.prove(zero)
    assert verify(proof, zero)
    assert not verify(Proof(proof.a, proof.b, G1_GROUP.negate(proof.c)), zero)
    assert not verify(PROOF, zero)
    assert KEY.verify_batch([proof] * 9, [zero] * 9)
    assert KEY.verify_batch([proof, *PROOFS[:9]], [zero, *INPUTS[:9]])
    assert list(KEY.verify_batch([proof] * 9, [zero] * 8 + [STATEMENT]).refused) == [8]


def test_special_but_valid_proofs_hold():
    """Points that coincide with each other, with the key's, or with the generators."""
    for a, b in [(TRAPDOOR.alpha, TRAPDOOR.beta), (1, 1), (ORDER - 1, 1), (1, TRAPDOOR.gamma), (2, TRAPDOOR.delta)]:
        proof = TRAPDOOR.prove(STATEMENT, a, b)
        assert verify(proof, STATEMENT)
        assert KEY.verify_batch([proof] * 8, [STATEMENT] * 8)


REFUSED = {
    "another A": dataclasses.replace(PROOF, a=PROOFS[1].a),
    "another B": dataclasses.replace(PROOF, b=PROOFS[1].b),
    "another C": dataclasses.replace(PROOF, c=PROOFS[1].c),
    "minus A": dataclasses.replace(PROOF, a=G1_GROUP.negate(PROOF.a)),
    "minus B": dataclasses.replace(PROOF, b=G2_GROUP.negate(PROOF.b)),
    "minus C": dataclasses.replace(PROOF, c=G1_GROUP.negate(PROOF.c)),
    "A and C exchanged": Proof(PROOF.c, PROOF.b, PROOF.a),
    "A at infinity": dataclasses.replace(PROOF, a=None),
    "B at infinity": dataclasses.replace(PROOF, b=None),
    "C at infinity": dataclasses.replace(PROOF, c=None),
    "all at infinity": Proof(None, None, None),
    "all zero": Proof((0, 0), ((0, 0), (0, 0)), (0, 0)),
    "the key itself": Proof(TRAPDOOR.points()[0], TRAPDOOR.points()[1], (0, 0)),
    "A off its curve": dataclasses.replace(PROOF, a=(PROOF.a[0], (PROOF.a[1] + 1) % Q)),
    "C off its curve": dataclasses.replace(PROOF, c=(PROOF.c[0] ^ 1, PROOF.c[1])),
    "B off its curve": dataclasses.replace(PROOF, b=(PROOF.b[0], (PROOF.b[1][1], PROOF.b[1][0]))),
    "B outside the subgroup": dataclasses.replace(PROOF, b=TWIST_POINT),
    "B + a point of the cofactor's order": dataclasses.replace(
        PROOF, b=G2_GROUP.add(PROOF.b, G2_GROUP.multiply(TWIST_POINT, ORDER))),
    "A plus q": dataclasses.replace(PROOF, a=(PROOF.a[0] + Q, PROOF.a[1])),
    "C minus q": dataclasses.replace(PROOF, c=(PROOF.c[0], PROOF.c[1] - Q)),
    "B plus q": dataclasses.replace(PROOF, b=((PROOF.b[0][0], PROOF.b[0][1] + Q), PROOF.b[1])),
    "beyond 256 bits": dataclasses.replace(PROOF, c=(PROOF.c[0] + (Q << 8), PROOF.c[1])),
    "projective": Proof((*PROOF.a, 1), PROOF.b, (*PROOF.c, 1)),
    "groups exchanged": Proof(PROOF.b, PROOF.a, PROOF.c),
    "no points": Proof("a", 2, []),
    "no integer": dataclasses.replace(PROOF, c=(float(PROOF.c[0]), PROOF.c[1])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_proof_is_refused_alone_and_named_in_a_batch(name):
    assert not verify(REFUSED[name], STATEMENT)
    for at in (0, 5, 11):
        proofs = [*PROOFS[:at], REFUSED[name], *PROOFS[at:11]]
        inputs = [*INPUTS[:at], STATEMENT, *INPUTS[at:11]]
        assert list(KEY.verify_batch(proofs, inputs).refused) == [at]


WRONG_INPUTS = [[], STATEMENT[:2], [*STATEMENT, 0], [STATEMENT[0] + ORDER, *STATEMENT[1:]],
                [*STATEMENT[:2], STATEMENT[2] - ORDER], [-1, 0, 0], [ORDER, 0, 0], [1 << 256, 0, 0],
                [float(STATEMENT[0]), *STATEMENT[1:]], [True, 0, 0]]


@pytest.mark.parametrize("inputs", WRONG_INPUTS)
def test_inputs_that_are_not_canonical_are_an_error_alone_and_refused_in_a_batch(inputs):
    with pytest.raises(BadInput, match="public"):
        verify(PROOF, inputs)
    result = KEY.verify_batch(PROOFS[:6], [*INPUTS[:3], inputs, *INPUTS[4:6]])
    assert list(result.refused) == [3]
    assert "public inputs" in result.refused[3]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_mutated_claim_is_accepted(data):
    """Whatever is changed, in the proof, the inputs or the key, is refused; hypothesis looks for the exception."""
    claim = [*PROOF.a, *PROOF.b[0], *PROOF.b[1], *PROOF.c, *STATEMENT]
    at = data.draw(st.integers(0, len(claim) - 1))
    modulus = Q if at < 8 else ORDER
    change = data.draw(st.one_of(st.integers(0, 255).map(lambda bit: claim[at] ^ 1 << bit), st.integers(0, 1 << 256),
                                 st.sampled_from([0, 1, modulus - 1, modulus, -claim[at], claim[at] + modulus,
                                                  -claim[at] % modulus, *claim])))
    changed = [*claim[:at], change, *claim[at + 1:]]
    if changed == claim:
        return
    a, b, c, inputs = tuple(changed[:2]), (tuple(changed[2:4]), tuple(changed[4:6])), tuple(changed[6:8]), changed[8:]
    if at >= 8 and not 0 <= change < ORDER:
        with pytest.raises(BadInput):
            KEY.verify(a, b, c, inputs)
    else:
        assert not KEY.verify(a, b, c, inputs)
    assert list(KEY.verify_batch([*PROOFS[:FEW], Proof(a, b, c)], [*INPUTS[:FEW], inputs]).refused) == [FEW]


# -- batches ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 7, 8, 9, 15, 16, 17, 40])
def test_batches_of_valid_proofs_hold(count):
    result = KEY.verify_batch(PROOFS[:count], INPUTS[:count])
    assert result
    assert (result.size, result.refused) == (count, {})


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("false", [[0], [39], [7, 8], [0, 20, 39], list(range(40)), list(range(1, 40, 2))])
def test_false_proofs_are_named(monkeypatch, threads, false):
    monkeypatch.setenv("TAILPROOF_THREADS", threads)
    proofs = [dataclasses.replace(p, c=G1_GROUP.negate(p.c)) if k in false else p for k, p in enumerate(PROOFS)]
    result = KEY.verify_batch(proofs, INPUTS)
    assert not result
    assert list(result.refused) == false
    assert set(result.refused.values()) == {"the equation does not hold"}


def test_errors_that_cancel_in_a_plain_product_do_not_cancel_in_a_batch():
    """C + D and C - D: the product of the two equations holds, neither equation does."""
    shift = g1(12345)
    proofs = [dataclasses.replace(PROOFS[0], c=G1_GROUP.add(PROOFS[0].c, shift)),
              dataclasses.replace(PROOFS[1], c=G1_GROUP.add(PROOFS[1].c, G1_GROUP.negate(shift))), *PROOFS[2:10]]
    assert list(KEY.verify_batch(proofs, INPUTS[:10]).refused) == [0, 1]
    exchanged = [INPUTS[1], INPUTS[0], *INPUTS[2:10]]
    assert list(KEY.verify_batch(PROOFS[:10], exchanged).refused) == [0, 1]


def test_the_same_proof_many_times_and_against_itself():
    assert KEY.verify_batch([PROOF] * 19, [STATEMENT] * 19)
    mixed = [PROOF, REFUSED["minus C"]] * 8
    assert list(KEY.verify_batch(mixed, [STATEMENT] * 16).refused) == list(range(1, 16, 2))


def test_every_reason_is_told():
    names = ["A off its curve", "B off its curve", "C off its curve", "B outside the subgroup", "A at infinity",
             "A plus q", "minus C"]
    refused = KEY.verify_batch([REFUSED[name] for name in names], [STATEMENT] * len(names)).refused
    assert refused == {0: "A is not on its curve", 1: "B is not on its curve", 2: "C is not on its curve",
                       3: "B is not in the subgroup of order r", 4: "a point is at infinity",
                       5: "a coordinate is not an integer in [0, q)", 6: "the equation does not hold"}


def test_a_batch_wants_inputs_for_each_proof_and_tells_how_far_it_is():
    with pytest.raises(BadInput, match="inputs"):
        KEY.verify_batch(PROOFS[:3], INPUTS[:2])
    seen = []
    KEY.verify_batch(PROOFS[:5], INPUTS[:5], progress=lambda *state: seen.append(state))
    assert seen == [("verify", 5, 5)]


# -- keys -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("related", [("beta", "gamma"), ("gamma", "delta"), ("beta", "delta")])
@pytest.mark.parametrize("sign", [1, -1])
def test_keys_that_let_anybody_forge_are_refused(related, sign):
    one, other = related
    with pytest.raises(BadInput, match="forge"):
        Trapdoor(1, **{other: sign * getattr(Trapdoor(1), one) % ORDER}).key()


def test_wrong_points_of_a_key_are_named():
    alpha, beta, gamma, delta, ic = Trapdoor(2).points()
    good = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta, "ic": ic}
    PreparedKey(**good)
    bad_g1 = [None, (0, 0), (alpha[0], alpha[1] + 1), (alpha[0] + Q, alpha[1])]
    bad_g2 = [None, ((0, 0), (0, 0)), TWIST_POINT, (beta[0], (beta[1][0] + Q, beta[1][1]))]
    cases = [("alpha", "alpha", bad) for bad in bad_g1]
    cases += [(name, name, bad) for name in ("beta", "gamma", "delta") for bad in bad_g2]
    cases += [("ic", f"IC[{j}]", [*ic[:j], bad, *ic[j + 1:]]) for j in range(3) for bad in bad_g1]
    cases += [("ic", "IC", [])]
    for parameter, name, bad in cases:
        with pytest.raises(BadInput) as error:
            PreparedKey(**{**good, parameter: bad})
        assert error.value.field == name, bad


def test_a_proof_for_one_key_is_none_for_another():
    other = Trapdoor(3, seed=2).key()
    assert not other.verify(PROOF.a, PROOF.b, PROOF.c, STATEMENT)
    for name in ("alpha", "beta", "gamma", "delta"):
        changed = Trapdoor(3, **{name: getattr(TRAPDOOR, name) + 1}).key()
        assert not changed.verify(PROOF.a, PROOF.b, PROOF.c, STATEMENT)


# -- multipliers ------------------------------------------------------------------------------------------------------
def test_scaled_points_are_multiples_by_the_random_multipliers():
    points = [g1(k) for k in (1, ORDER - 1, 2, 3, 5, 1 << 200, 77, 1)]
    room = pairing.Pairs(8)
    room.place(steps.P, [(*p, 1, *G2_GROUP.generator[0], *G2_GROUP.generator[1]) for p in points])
    room.run(pairing.ENCODE, 0, 1, 0)
    multipliers, codes = scaling.random_multipliers(8)
    scaling.scale_each(room.blocks, 0, 1, codes)
    x, y, z = (BASE.from_lanes(room.blocks[steps.P + k]) for k in range(3))
    for lane in range(LANES):
        inverse = pow(z[lane], -1, Q)
        expected = G1_GROUP.multiply(points[lane], multipliers[lane])
        assert (x[lane] * inverse % Q, y[lane] * inverse % Q) == expected


def test_multipliers_of_all_equal_digits_are_what_they_say(monkeypatch):
    """The codes and the integers agree where all random bits are zero or one."""
    for byte in (0, 255):
        monkeypatch.setattr(scaling.secrets, "token_bytes", lambda size, byte=byte: bytes([byte]) * size)
        multipliers, codes = scaling.random_multipliers(3)
        unit = 1 if byte == 0 else -scaling.LAMBDA
        assert multipliers == [unit * ((1 << 64) - 1) % ORDER] * 3
        assert set(codes.ravel().tolist()) == {0 if byte == 0 else scaling.NEGATE | scaling.TURN}


def test_the_endomorphism_is_multiplication_by_lambda():
    x, y = g1(987654321)
    assert (scaling.BETA * x % Q, y) == G1_GROUP.multiply((x, y), scaling.LAMBDA)
    assert (scaling.LAMBDA ** 2 + scaling.LAMBDA + 1) % ORDER == 0


@pytest.mark.parametrize("scalars", [[0, 0, 0], [1, 0, 0], [ORDER - 1, 1, 5], [2**256 - 1, 15 << 252, 1 << 31]])
def test_sums_of_fixed_points(scalars):
    points = [g1(k) for k in (1, 7, ORDER - 3)]
    total = scaling.sum_fixed(scaling.comb_table(points), scalars)
    expected = g1(sum(k * s for k, s in zip((1, 7, -3), scalars, strict=True)))
    assert total.finite == (expected is not None)
    if expected is not None:
        x, y, z = (BASE.from_lanes(value.reshape(-1, 1).repeat(LANES, axis=1))[0] for value in total.point)
        assert (x * pow(z, -1, Q) % Q, y * pow(z, -1, Q) % Q) == expected


# -- other processors, first use --------------------------------------------------------------------------------------
def test_warming_tells_how_far_it_is():
    seen = []
    warm_verify(lambda *state: seen.append(state))
    assert [done for _, done, _ in seen] == list(range(len(seen)))
    assert seen[-1][1:] == (len(seen) - 1, len(seen) - 1)


def test_without_ifma_the_answers_are_the_same():
    proofs = [(p.a, p.b, p.c) for p in [*PROOFS[:8], REFUSED["minus C"]]]
    code = (f"from types import SimpleNamespace; from prover.kernels.processor import PORTABLE; assert PORTABLE\n"
            f"from prover.kernels.verification import PreparedKey\n"
            f"key, inputs = PreparedKey(*{TRAPDOOR.points()!r}), {[*INPUTS[:8], STATEMENT]!r}\n"
            f"proofs = [SimpleNamespace(a=a, b=b, c=c) for a, b, c in {proofs!r}]\n"
            f"one = proofs[0]\n"
            f"print(key.verify(one.a, one.b, one.c, inputs[0]), *key.verify_batch(proofs, inputs).refused)")
    environment = {**os.environ, "TAILPROOF_FORCE_PORTABLE": "1"}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "True 8"
