"""Is this key what its ceremony should have made of this circuit?

The circuit is rebuilt from its source by whoever asks, the powers of τ come from phase 1, and from the two follows the
key before all contributions. Then only δ may have changed, along the chain of contributions.
"""

from __future__ import annotations

import numpy as np

from primitives import field
from primitives.field import FieldArray
from primitives.r1cs import R1CS, SparseMatrix
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.checks import combination_g1, multipliers, require, same_ratio
from prover.ceremony.phase2 import initial_key
from prover.ceremony.powers import contribution_name, named_progress, verify_powers
from prover.ceremony.randomness import beacon_stream, hash_to_g2
from prover.ceremony.transcript import Transcript, challenges, secret_contributions
from prover.curve import G1, G1_GROUP, G2_GROUP
from prover.domain import root_of_unity
from prover.files.ptau import PowersOfTau
from prover.groth16.keys import Progress, ProvingKey, check_point
from prover.points import PointArray


def verify_ceremony(key: ProvingKey, r1cs: R1CS, powers: PowersOfTau, *, backend: BackendName | Backend = "kernels",
                    progress: Progress | None = None) -> None:
    """Check a key against its circuit and the powers of τ, and the powers themselves.

    That it passes means: if one contributor of phase 1 and one of phase 2 were honest, nobody can forge proofs. Who
    they were, the transcript tells; that they published the digests of their contributions, others must. Whether there
    was more than one, see `PowersOfTau.insecure` and `Transcript.insecure`.

    Raises
    ------
    BrokenCeremony : naming the check that failed.
    BadInput : the powers do not reach to this circuit; or the key is unsound, see `VerificationKey`.
    """
    arithmetic = load_backend(backend)
    verify_powers(powers, backend=arithmetic, progress=progress)
    verify_phase2(key, initial_key(r1cs, powers, backend=arithmetic, progress=progress), backend=arithmetic,
                  progress=progress)


def verify_phase2(key: ProvingKey, initial: ProvingKey, *, backend: BackendName | Backend = "kernels",
                  progress: Progress | None = None) -> None:
    """Check that a key comes from an initial one by its contributions.

    Raises
    ------
    BrokenCeremony : naming the check that failed.
    BadInput : nobody contributed, a contribution has a point outside its group, or the key is unsound in another way;
        see `VerificationKey`.
    """
    arithmetic = load_backend(backend)
    _ = key.verification_key
    require((key.wires, key.public, key.domain) == (initial.wires, initial.public, initial.domain),
            "the key has the circuit's numbers of wires, public inputs and constraints")
    require(key.transcript.circuit_hash == initial.transcript.circuit_hash,
            "the key is of this circuit and these powers")
    for name in ("alpha_g1", "beta_g1", "beta_g2", "gamma_g2"):
        require(getattr(key, name) == getattr(initial, name), f"{name} is that of the powers")
    for name in ("ic", "a", "b_g1", "b_g2"):
        require(np.array_equal(getattr(key, name), getattr(initial, name)), f"{name} is what the circuit asks for")
    for name in ("left", "right"):
        require(_equal(getattr(key, name), key.table, getattr(initial, name), initial.table),
                f"the {name} matrix is the circuit's")
    require(secret_contributions(key.transcript.contributions) > 0, "anybody contributed a secret to the key")
    _check_contributions(key.transcript, initial.delta_g1, arithmetic, progress)
    require(key.delta_g1 == key.transcript.contributions[-1].delta_after, "delta is what the last contribution left")
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    require(same_ratio(g1, key.delta_g1, g2, key.delta_g2, arithmetic), "delta is the same in both groups")
    for name in ("c", "h"):
        before, after = getattr(initial, name), getattr(key, name)
        require(before.shape == after.shape, f"{name} has as many points as the circuit asks for")
        require(arithmetic.first_invalid_g1(after) is None, f"all points of {name} are points of G1")

    def divided(before: PointArray, after: PointArray, scalars: FieldArray) -> bool:
        """Whether a combination of points was divided by what delta was multiplied by."""
        low, high = combination_g1(after, scalars, arithmetic), combination_g1(before, scalars, arithmetic)
        return same_ratio(low, high, initial.delta_g2, key.delta_g2, arithmetic) or low is high is None

    require(divided(initial.c, key.c, multipliers(len(key.c))), "c was divided by delta")
    if through_bellman(key, arithmetic):
        require(divided(initial.h, key.h, _powers_of_h(_without_last(multipliers(len(key.h))), arithmetic)),
                "h, in bellman's form, was divided by delta")
    else:
        require(divided(initial.h, key.h, multipliers(len(key.h))), "h was divided by delta")
    _check_beacons(key.transcript, progress)               # last: only what is right in all else is worth minutes


def through_bellman(key: ProvingKey, backend: BackendName | Backend = "kernels") -> bool:
    """Whether the H points of a key have the form that bellman's files leave them in: the last power is infinity.

    H point j is the Lagrange polynomial at w_2n**(2j+1) of the domain of size 2n, over δ. In powers of τ that is

        H_j = -1/(2n) Σ_k w_2n**(-(2j+1)k) T_k,      T_k = [(τ**(n+k) - τ**k) / δ]_1,      k = 0 .. n-1

    so the H points are a transform of the T_k and the other way round. bellman has T_0 .. T_{n-2} only, the paper's
    [τ**k t(τ) / δ]_1, which is all that the honest need: the quotient has a degree of at most n - 2. What
    `snarkjs zkey import bellman` makes of them has infinity for T_{n-1}, and keeps it through every contribution.

    To accept that form is sound if T_{n-1} = 0 is checked, as here, and all other T_k were divided by δ, which
    `verify_phase2` checks by a random combination: the key then holds no point that the paper's does not, and one less
    than snarkjs's. Were T_{n-1} not looked at, it could be any point of G1, honest proofs would not change, and
    whoever chose it could forge (see `tests/prover/ceremony/test_bellman.py`, where it is done).
    """
    arithmetic, n = load_backend(backend), len(key.h)
    last = np.zeros((n, 4), np.uint64)
    last[-1] = field.ONE
    return combination_g1(key.h, _powers_of_h(last, arithmetic), arithmetic) is None


def _powers_of_h(scalars: FieldArray, backend: Backend) -> FieldArray:
    """For scalars of the T_k, those of the H points whose sum is the same, but for a factor of -2."""
    return backend.ntt(scalars, coset=root_of_unity(len(scalars).bit_length()))


def _without_last(scalars: FieldArray) -> FieldArray:
    """The same with a zero in the last place."""
    return np.concatenate([scalars[:-1], np.zeros((1, 4), np.uint64)])


def _check_contributions(transcript: Transcript, delta: G1, backend: Backend, progress: Progress | None) -> None:
    """Each answers its challenge, knows its factor, and multiplied δ by it."""
    for i, (now, expected) in enumerate(zip(transcript.contributions, challenges(transcript), strict=True)):
        name = contribution_name(i)
        if progress is not None:
            progress("contributions to the key", i, len(transcript.contributions))
        for what, point in (("delta after", now.delta_after), ("s", now.s), ("s times x", now.s_times_x)):
            check_point(G1_GROUP, f"{name}, {what}", point)
        check_point(G2_GROUP, f"{name}, p times x", now.p_times_x)
        require(now.transcript == expected, f"{name} answers all that went before it")
        place = hash_to_g2(now.transcript)
        require(same_ratio(now.s, now.s_times_x, place, now.p_times_x, backend),
                f"{name} proves that its author knew its factor")
        require(same_ratio(delta, now.delta_after, place, now.p_times_x, backend),
                f"{name} multiplied delta by its factor")
        delta = now.delta_after


def _check_beacons(transcript: Transcript, progress: Progress | None) -> None:
    """Contributions that say they come from a beacon do."""
    for i, now in enumerate(transcript.contributions):
        if now.beacon is not None:
            stream = beacon_stream(now.beacon, named_progress(progress, f"beacon of {contribution_name(i)}"))
            x, s = stream.scalar(), stream.point_g1()
            require(s == now.s and G1_GROUP.multiply(s, x) == now.s_times_x,
                    f"{contribution_name(i)} follows from its beacon")


def _equal(x: SparseMatrix, x_table: FieldArray, y: SparseMatrix, y_table: FieldArray) -> bool:
    """Whether two matrices are the same, their tables and the order of terms within a row aside."""
    if not np.array_equal(x.starts, y.starts):
        return False
    rows = np.repeat(np.arange(x.rows), np.diff(x.starts))
    in_x, in_y = np.lexsort((x.wires, rows)), np.lexsort((y.wires, rows))
    return (np.array_equal(x.wires[in_x], y.wires[in_y])
            and np.array_equal(x_table[x.coefficients[in_x]], y_table[y.coefficients[in_y]]))
