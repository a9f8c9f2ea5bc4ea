"""The protocol: complete, sound against the known forgeries, and strict about what it is given."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import prover
import prover.groth16.setup as single_party
from primitives import field
from primitives.errors import BadInput, Unsatisfied
from prover.backend import MOST_PUBLIC, load_backend
from prover.ceremony import phase1
from prover.ceremony.phase2 import initial_key
from prover.ceremony.transcript import INSECURE_MARK, Beacon, Contribution, Transcript
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from prover.domain import root_of_unity
from prover.groth16 import check, qap
from prover.groth16.verify import Equation
from prover.points import decode_g1, encode_g1, encode_g2

TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))


BOTH = pytest.mark.parametrize("arithmetic", ["kernels", "reference"])


def verify(key, public, proof, backend="kernels"):
    return prover.verify(key, public, proof, backend=backend)


@BOTH
def test_what_is_proven_verifies(make_instance, arithmetic):
    for seed, rows, public, inputs in ((1, 5, 2, 2), (2, 13, 0, 1), (3, 1, 1, 1)):
        case = make_instance(seed, rows, public=public, inputs=inputs)
        key = prover.setup(case.r1cs, backend=arithmetic)
        proof = prover.prove(key, case.witness, backend=arithmetic)      # which verifies it
        wrong = [(value + 1) % ORDER for value in case.public]
        assert not public or not verify(key.verification_key, wrong, proof, arithmetic)


def test_backends_understand_each_other(make_instance):
    case = make_instance(4, 40)
    key = prover.setup(case.r1cs)
    blinding = (123, ORDER - 1)
    fast, slow = (prover.prove(key, case.witness, backend=name, blinding=blinding) for name in ("kernels", "reference"))
    assert fast == slow


def test_the_setup_is_the_papers(cubic, monkeypatch):
    """With known secrets, every query equals its definition, evaluated by interpolation."""
    alpha, beta, gamma, delta, tau = secrets = tuple(k**99 % ORDER for k in (3, 5, 7, 11, 13))
    drawn = iter(secrets)
    monkeypatch.setattr(single_party, "_secret", lambda: next(drawn))
    key = prover.setup(cubic.r1cs, backend="reference")
    reference, n = load_backend("reference"), 1 << cubic.r1cs.domain
    dense = [np.zeros((n, 5), object) for _ in range(3)]
    entries = [[(0, 2, 1), (1, 3, 1), (2, 0, 5), (2, 2, 1), (2, 4, 1), (3, 0, 1), (4, 1, 1)],
               [(0, 2, 1), (1, 2, 1), (2, 0, 1)], [(0, 3, 1), (1, 4, 1), (2, 1, 1)]]
    for matrix, rows in zip(dense, entries, strict=True):
        for row, wire, value in rows:
            matrix[row, wire] = value

    def at_tau(values):
        coefficients = field.decode(reference.ntt(field.encode(values), inverse=True))
        return sum(c * pow(tau, i, ORDER) for i, c in enumerate(coefficients)) % ORDER

    u, v, w = ([at_tau(list(matrix[:, wire])) for wire in range(5)] for matrix in dense)
    mixed = [(beta * u[i] + alpha * v[i] + w[i]) % ORDER for i in range(5)]

    def g1(values):
        return prover_points(G1_GROUP, values)

    def prover_points(group, values):
        return [group.multiply(group.generator, k) for k in values]

    from prover.points import decode_g1, decode_g2
    assert decode_g1(key.a) == g1(u)
    assert decode_g1(key.b_g1) == g1(v)
    assert decode_g2(key.b_g2) == prover_points(G2_GROUP, v)
    assert decode_g1(key.ic) == g1([k * pow(gamma, -1, ORDER) for k in mixed[:2]])
    assert decode_g1(key.c) == g1([k * pow(delta, -1, ORDER) for k in mixed[2:]])
    assert (key.alpha_g1, key.delta_g1) == tuple(g1([alpha, delta]))
    # The H query: for any A, B, C of degree < n with A B - C divisible by the vanishing polynomial, the odd values
    # against h give (A B - C)(τ) / δ.
    left, right = list(range(2, 2 + n)), list(range(50, 50 + n))
    product = [x * y % ORDER for x, y in zip(left, right, strict=True)]
    numerator = reference.quotient(*map(field.encode, (left, right)))
    total = reference.msm_g1(reference.prepare_g1(key.h), numerator)
    expected = (at_tau(left) * at_tau(right) - at_tau(product)) * pow(delta, -1, ORDER)
    assert total == g1([expected])[0]


def test_public_wires_get_rows_of_their_own(cubic):
    left, right, out, table = qap.matrices(cubic.r1cs)
    n, rows = 1 << cubic.r1cs.domain, cubic.r1cs.rows
    assert (left.rows, right.rows, out.rows) == (n, n, n)
    assert n >= rows + 2 > n // 2
    assert left.wires[-2:].tolist() == [0, 1]
    assert left.starts[rows:rows + 3].tolist() == [5, 6, 7]
    assert field.decode(table[left.coefficients[-2:]]) == [1, 1]


def test_systems_with_no_rows_and_with_a_full_domain(make_system):
    empty = make_system([], [], [], 1, 0)
    key = prover.setup(empty)
    assert verify(key.verification_key, [], prover.prove(key, field.encode([1])))
    full = make_system([{1: 1}] * 2, [{1: 1}] * 2, [{1: 1}] * 2, 2, 1)           # 2 rows, 1 input, the constant: 4
    assert full.domain == 2
    key = prover.setup(full)
    assert verify(key.verification_key, [1], prover.prove(key, field.encode([1, 1])))


def test_more_public_inputs_than_a_verifier_takes_make_no_key(make_system):
    for public in (MOST_PUBLIC + 1, 2**31 - 2):
        with pytest.raises(BadInput, match=f"public inputs are {public}: must be at most {MOST_PUBLIC}"):
            prover.setup(make_system([{0: 1}], [{0: 1}], [{0: 1}], public + 1, public))
    assert qap.domain_of(make_system([], [], [], MOST_PUBLIC + 1, MOST_PUBLIC)) == 17


def test_proofs_are_fresh(cubic, cubic_key, cubic_proof):
    again = prover.prove(cubic_key, cubic.witness)
    assert len({again.a, cubic_proof.a}) == 2
    fixed = [prover.prove(cubic_key, cubic.witness, blinding=(3, 4)) for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_progress_reaches_its_end(cubic, cubic_key):
    seen = []
    prover.prove(cubic_key, cubic.witness, progress=lambda *step: seen.append(step))
    assert [done for _, done, _ in seen] == list(range(seen[-1][2] + 1))


# -- what must not verify ------------------------------------------------------------------------------------------
@BOTH
def test_changed_inputs_and_proofs_are_false(cubic_key, cubic_proof, arithmetic):
    key, g1 = cubic_key.verification_key, G1_GROUP.generator

    def verify(key, public, proof):
        return prover.verify(key, public, proof, backend=arithmetic)

    assert verify(key, [35], cubic_proof)
    assert not verify(key, [36], cubic_proof)
    other = G1_GROUP.add(cubic_proof.a, g1)
    assert not verify(key, [35], dataclasses.replace(cubic_proof, a=other))
    assert not verify(key, [35], dataclasses.replace(cubic_proof, b=G2_GROUP.negate(cubic_proof.b)))
    assert not verify(key, [35], dataclasses.replace(cubic_proof, c=cubic_proof.a))
    unreduced = (cubic_proof.a[0], cubic_proof.a[1] + BASE_MODULUS)
    assert not verify(key, [35], dataclasses.replace(cubic_proof, a=unreduced))
    assert not verify(key, [35], dataclasses.replace(cubic_proof, c=(1, 3)))
    assert not verify(key, [35], dataclasses.replace(cubic_proof, b=TWIST_POINT))


NO_POINTS = {"a": [(1,), (1, 2, 3), (), (1, "2"), (1, None), (True, 2), ((1, 2), (3, 4)), [1, 2], "ab", 7],
             "b": [(1, 2), ((1, 2),), ((1, 2), (3,)), ((1, 2), (3, 4), (5, 6)), (("1", 2), (3, 4)), ((1, 2), None)]}


@BOTH
def test_what_is_no_pair_of_integers_is_no_proof_for_either_backend(cubic_key, cubic_proof, arithmetic):
    key = cubic_key.verification_key
    wrong = [dataclasses.replace(cubic_proof, **{name: point}) for name, points in
             (("a", NO_POINTS["a"]), ("b", NO_POINTS["b"]), ("c", NO_POINTS["a"])) for point in points]
    for proof in wrong:
        assert prover.verify(key, [35], proof, backend=arithmetic) is False, proof
    batch = [cubic_proof, *wrong]
    assert list(prover.verify_batch(key, [[35]] * len(batch), batch, backend=arithmetic)) == [*range(1, len(batch))]


@BOTH
def test_a_row_or_a_proof_that_is_missing_keeps_no_batch_waiting(cubic_key, cubic_proof, arithmetic):
    key = cubic_key.verification_key
    rows = [[35], None, 35, {35}, [None], [35], [35]]
    refused = prover.verify_batch(key, rows, [*[cubic_proof] * 5, None, cubic_proof], backend=arithmetic)
    assert list(refused) == [1, 2, 3, 4, 5]
    assert refused[5] == "there is no proof"
    for row in (None, 35, {35}):
        with pytest.raises(BadInput, match="public inputs"):
            prover.verify(key, row, cubic_proof, backend=arithmetic)


@BOTH
def test_batches_name_what_does_not_hold(cubic, cubic_key, cubic_proof, arithmetic):
    key = cubic_key.verification_key
    other = dataclasses.replace(cubic_proof, c=cubic_proof.a)
    outside = dataclasses.replace(cubic_proof, b=TWIST_POINT)
    proofs = [cubic_proof, other, cubic_proof, outside, cubic_proof]
    inputs = [[35], [35], [36], [35], [35 + ORDER]]
    assert list(prover.verify_batch(key, inputs, proofs, backend=arithmetic)) == [1, 2, 3, 4]
    assert prover.verify_batch(key, [[35]], [cubic_proof], backend=arithmetic) == {}
    assert prover.verify_batch(key, [], [], backend=arithmetic) == {}
    with pytest.raises(BadInput, match="inputs"):
        prover.verify_batch(key, [[35]], [], backend=arithmetic)


def test_a_proof_can_be_rerandomised(cubic_key, cubic_proof):
    """Why nothing may be keyed on proof bytes: A / k, k B passes as well."""
    k = 12345
    other = prover.Proof(G1_GROUP.multiply(cubic_proof.a, pow(k, -1, ORDER)), G2_GROUP.multiply(cubic_proof.b, k),
                         cubic_proof.c)
    assert verify(cubic_key.verification_key, [35], other)


@pytest.mark.parametrize("public", [[], [35, 0], [35 + ORDER], [-1], [ORDER], ["35"], [True], [35.0]])
def test_inputs_that_are_not_canonical_are_refused(cubic_key, cubic_proof, public):
    with pytest.raises(BadInput, match="public"):
        verify(cubic_key.verification_key, public, cubic_proof)


def test_a_wrong_witness_is_not_proven(cubic, cubic_key):
    for wire in range(1, 5):
        wrong = cubic.witness.copy()
        wrong[wire] = field.encode([77])[0]
        with pytest.raises(Unsatisfied):
            prover.prove(cubic_key, wrong)


@pytest.mark.parametrize("name", ["a", "b_g1", "c", "h", "b_g2"])
def test_a_key_with_points_outside_its_groups_is_named_not_the_witness(cubic, cubic_key, name):
    points = getattr(cubic_key, name).copy()
    points[:] = (encode_g2([TWIST_POINT]) if name == "b_g2" else encode_g1([(1, 3)]))[0]
    with pytest.raises(BadInput, match=rf"{name}\[0\]"):
        prover.prove(dataclasses.replace(cubic_key, **{name: points}), cubic.witness)


def test_a_malformed_witness_is_refused(cubic, cubic_key):
    unreduced = cubic.witness.copy()
    unreduced[3] = np.uint64(2**64 - 1)
    just_above = cubic.witness.copy()
    just_above[3] = field.words([ORDER])[0]
    two = cubic.witness.copy()
    two[0] = field.encode([2])[0]
    for bad, name in ((cubic.witness[:-1], "witness"), (cubic.witness.astype(np.int64), "witness"),
                      (unreduced, r"witness\[3\]"), (just_above, r"witness\[3\]"), (two, r"witness\[0\]")):
        with pytest.raises(BadInput, match=name):
            prover.prove(cubic_key, bad)


# -- keys ----------------------------------------------------------------------------------------------------------
def test_gamma_equal_to_delta_is_broken_and_refused(cubic_key):
    """The forgery: A = α, B = β, C = -L (or +L if γ = -δ) verifies for any input, without a witness."""
    key = cubic_key.verification_key
    inputs = G1_GROUP.add(key.ic[0], G1_GROUP.multiply(key.ic[1], 1_000_000))
    for delta, c in ((key.gamma, G1_GROUP.negate(inputs)), (G2_GROUP.negate(key.gamma), inputs)):
        broken = object.__new__(prover.VerificationKey)
        vars(broken).update(vars(key), delta=delta, prepared={})
        assert Equation(broken, load_backend("kernels")).verify(key.alpha, key.beta, c, [1_000_000])
        with pytest.raises(BadInput, match="delta"):
            dataclasses.replace(key, delta=delta)


@pytest.mark.parametrize(("change", "field_name"), [
    ({"alpha": None}, "alpha"), ({"alpha": (0, 0)}, "alpha"), ({"alpha": (1, 3)}, "alpha"),
    ({"alpha": (1, 2)}, "alpha"), ({"alpha": (1, 2 + BASE_MODULUS)}, "alpha"),
    ({"beta": None}, "beta"), ({"beta": G2_GROUP.generator}, "beta"), ({"beta": TWIST_POINT}, "beta"),
    ({"gamma": TWIST_POINT}, "gamma"), ({"gamma": ((0, 0), (0, 0))}, "gamma"),
    ({"delta": TWIST_POINT}, "delta"), ({"delta": G2_GROUP.generator}, "delta"),
    ({"delta": G2_GROUP.negate(G2_GROUP.generator)}, "delta"),
    ({"ic": ()}, "IC"), ({"ic": ((1, 2), (1, 2))}, "IC"), ({"ic": ((1, 2), (0, 0))}, r"IC\[1\]"),
])
def test_unsound_keys_are_refused(cubic_key, change, field_name):
    with pytest.raises(BadInput, match=field_name):
        dataclasses.replace(cubic_key.verification_key, **change)


def test_beta_equal_to_gamma_or_delta_is_refused(cubic_key):
    key = cubic_key.verification_key
    for change in ({"beta": key.gamma}, {"beta": key.delta}):
        with pytest.raises(BadInput, match="beta"):
            dataclasses.replace(key, **change)


def test_gamma_may_be_the_generator(cubic_key):
    """As in every key from a ceremony."""
    assert dataclasses.replace(cubic_key.verification_key, gamma=G2_GROUP.generator).gamma == G2_GROUP.generator


def test_the_key_digest_is_of_the_points(cubic_key):
    key = cubic_key.verification_key
    assert len(key.digest()) == 32
    assert key.digest() == dataclasses.replace(key, insecure_setup=False).digest()
    changed = dataclasses.replace(key, ic=(key.ic[0], G1_GROUP.add(key.ic[1], (1, 2))))
    assert changed.digest() != key.digest()


def test_a_single_partys_key_is_marked(cubic_key):
    assert len(INSECURE_MARK) == 32
    assert cubic_key.verification_key.insecure_setup
    secret = Contribution((1, 2), (1, 2), (1, 2), G2_GROUP.generator, bytes(64))
    beacon = dataclasses.replace(secret, beacon=Beacon(b"\1", 10))
    assert Transcript(bytes(64)).insecure                               # nobody contributed
    assert Transcript(bytes(64), (secret, beacon)).insecure             # a beacon is no party
    assert not Transcript(bytes(64), (secret, secret)).insecure


def test_headers_are_checked(cubic_key):
    kernels = load_backend("kernels")
    names = ("alpha_g1", "beta_g1", "beta_g2", "gamma_g2", "delta_g1", "delta_g2")
    points = {name: getattr(cubic_key, name) for name in names}
    check.check_header(*points.values(), kernels)
    for change, name in (({"beta_g1": (1, 2)}, "beta"), ({"delta_g1": (1, 2)}, "delta"),
                         ({"beta_g1": cubic_key.alpha_g1}, "beta"), ({"alpha_g1": (0, 0)}, "alpha"),
                         ({"delta_g1": (1, 3)}, "delta_g1"), ({"delta_g2": TWIST_POINT}, "delta")):
        with pytest.raises(BadInput, match=name):
            check.check_header(*{**points, **change}.values(), kernels)


def test_all_points_are_checked(cubic_key):
    kernels = load_backend("kernels")
    check.check_all_points(cubic_key, kernels)
    for name in ("ic", "a", "b_g1", "c", "h", "b_g2"):
        points = getattr(cubic_key, name).copy()
        points[-1, 0, ..., 0] ^= np.uint64(1)
        with pytest.raises(BadInput, match=name):
            check.check_all_points(dataclasses.replace(cubic_key, **{name: points}), kernels)


@pytest.mark.parametrize(("place", "of", "factor"), [(1, 0, 2), (2, 1, -1024), (0, 2, 7)])
def test_a_key_whose_inputs_trade_off_is_refused_when_all_is_checked(make_instance, place, of, factor):
    key = prover.setup(make_instance(5, 9, public=2, inputs=2).r1cs)
    ic = decode_g1(key.ic)
    for times, refused in ((factor, True), (1025, False)):
        ic[place] = G1_GROUP.multiply(ic[of], times)
        changed = dataclasses.replace(key, ic=encode_g1(ic))
        if not refused:
            check.check_all_points(changed, load_backend("kernels"))
            continue
        with pytest.raises(BadInput, match=rf"IC\[{place}\] is plus or minus {abs(factor)} times IC\[{of}\]"):
            check.check_all_points(changed, load_backend("kernels"))


def tau_that_makes_inputs_trade_off(system, first, second, factor):
    """The tau for which IC_first = factor IC_second, both inputs being in no row but the setup's own.

    There IC_i is a multiple, the same for both, of L_j(tau) = w**j / (tau - w**j) times what does not depend on j.
    """
    root = root_of_unity(system.domain)
    x, y = pow(root, system.rows + first, ORDER), pow(root, system.rows + second, ORDER)
    return (factor - 1) * x * y * pow(factor * y - x, -1, ORDER) % ORDER


def test_no_setup_makes_a_key_whose_secrets_or_inputs_hang_together(make_system, monkeypatch):
    """Nobody draws such secrets by chance, but a broken source of randomness may."""
    system = make_system([{4: 1}], [{4: 1}], [{4: 1}], 5, 3)
    good = [k**99 % ORDER for k in (3, 5, 7, 11, 13)]                     # alpha, beta, gamma, delta, tau

    def made(**changes):
        names = ("alpha", "beta", "gamma", "delta", "tau")
        drawn = iter([changes.get(name, value) for name, value in zip(names, good, strict=True)])
        monkeypatch.setattr(single_party, "_secret", lambda: next(drawn))
        return prover.setup(system)

    made()
    gamma = good[2]
    for changes, name in (({"delta": 3 * gamma % ORDER}, "delta"), ({"delta": gamma * pow(300, -1, ORDER) % ORDER},
                          "delta"), ({"alpha": 1 << 16}, "alpha"), ({"beta": ORDER - 9}, "beta")):
        with pytest.raises(BadInput, match=name):
            made(**changes)
    for factor in (1024, -3):
        with pytest.raises(BadInput, match=rf"IC\[.\] is plus or minus {abs(factor)} times IC\[.\]"):
            made(tau=tau_that_makes_inputs_trade_off(system, 2, 3, factor))
    made(tau=tau_that_makes_inputs_trade_off(system, 2, 3, 1025))


def test_no_ceremony_begins_with_inputs_that_hang_together(make_system, monkeypatch):
    """Powers whose tau the last contributor chose for the circuit at hand."""
    system = make_system([{4: 1}], [{4: 1}], [{4: 1}], 5, 3)
    draw = phase1.draw_keys
    for factor in (5, 1025):
        tau = tau_that_makes_inputs_trade_off(system, 2, 3, factor)
        monkeypatch.setattr(phase1, "draw_keys", lambda stream, answered, tau=tau: (
            (tau, *draw(stream, answered)[0][1:]), draw(stream, answered)[1]))
        powers = phase1.prepare_powers(phase1.contribute_to_powers(phase1.new_powers(system.domain)))
        if factor == 1025:
            initial_key(system, powers)
            continue
        with pytest.raises(BadInput, match=r"IC\[.\] is plus or minus 5 times IC\[.\]"):
            initial_key(system, powers)


def test_importing_the_room_is_cheap():
    code = "import sys, prover; print([m for m in ('numba', 'numpy', 'galois', 'py_ecc') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_bases_are_kept_only_where_that_is_asked_for(cubic, backend):
    key = prover.setup(cubic.r1cs, backend=backend)
    for keep, kept in ((False, 0), (True, 5), (False, 5)):
        proof = prover.prove(key, cubic.witness, backend=backend, keep_bases=keep)
        assert prover.verify(key.verification_key, cubic.public, proof, backend=backend)
        assert len(key._prepared) == kept
