"""Pairings and verification: `python -m pytest benchmarks/test_pairing.py`.

Times include everything from Python integers on: conversion, all checks of points, the answer. Kernels are compiled
before the clock starts. TAILPROOF_THREADS chooses the threads of a batch; TAILPROOF_FORCE_PORTABLE=1 shows what a
processor without IFMA can do.
"""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from prover.compressed import compress_proof, decompress_proof
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.kernels.pairing import pairing_product_is_one
from prover.kernels.verification import PreparedKey, warm_verify

RNG = random.Random(254)


def g1(scalar):
    return G1_GROUP.multiply(G1_GROUP.generator, scalar)


def g2(scalar):
    return G2_GROUP.multiply(G2_GROUP.generator, scalar)


def simulated(public, count):
    """Points of a key with known secrets, and proofs and inputs that it accepts."""
    alpha, beta, gamma, delta, *ic = (RNG.randrange(1, ORDER) for _ in range(5 + public))
    proofs, statements = [], []
    for _ in range(count):
        inputs, a, b = [RNG.randrange(ORDER) for _ in range(public)], RNG.randrange(1, ORDER), RNG.randrange(1, ORDER)
        l = ic[0] + sum(k * x for k, x in zip(ic[1:], inputs, strict=True))
        c = (a * b - alpha * beta - gamma * l) * pow(delta, -1, ORDER)
        proofs.append(SimpleNamespace(a=g1(a), b=g2(b), c=g1(c)))
        statements.append(inputs)
    return (g1(alpha), g2(beta), g2(gamma), g2(delta), [g1(k) for k in ic]), proofs, statements


@pytest.fixture(scope="module")
def case():
    warm_verify()
    points, proofs, statements = simulated(4, 32)
    return SimpleNamespace(points=points, key=PreparedKey(*points), proofs=proofs, inputs=statements)


@pytest.mark.parametrize("count", [1, 4, 8, 259])
def test_pairing_product(benchmark, case, count):
    pairs = [(proof.a, proof.b) for proof in case.proofs] * 9
    assert not benchmark(pairing_product_is_one, pairs[:count])


def test_verify_one_proof_with_four_inputs(benchmark, case):
    proof = case.proofs[0]
    assert benchmark(case.key.verify, proof.a, proof.b, proof.c, case.inputs[0])


@pytest.mark.parametrize("count", [16, 256, 1024])
def test_verify_batch(benchmark, case, count):
    assert benchmark(case.key.verify_batch, (case.proofs * 32)[:count], (case.inputs * 32)[:count])


@pytest.mark.parametrize("false", [1, 256])
def test_find_false_proofs_among_256(benchmark, case, false):
    proofs = (case.proofs * 8)[:256]
    for k in range(false):
        place = (77 + k) % 256
        proof = proofs[place]
        proofs[place] = SimpleNamespace(a=proof.a, b=proof.b, c=G1_GROUP.negate(proof.c))
    result = benchmark(case.key.verify_batch, proofs, case.inputs * 8)
    assert len(result.refused) == false


def test_prepare_a_key(benchmark, case):
    benchmark(PreparedKey, *case.points)


def test_decompress_a_proof(benchmark, case):
    proof = case.proofs[0]
    raw = compress_proof(proof.a, proof.b, proof.c)
    assert benchmark(decompress_proof, raw) == (proof.a, proof.b, proof.c)
