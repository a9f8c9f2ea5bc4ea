"""Is this key what its ceremony should have made of this circuit?

The circuit is rebuilt from its source by whoever asks, the powers of τ come from phase 1, and from the two follows the
key before all contributions. Then only δ may have changed, along the chain of contributions.
"""

from __future__ import annotations

import numpy as np

from primitives.field import FieldArray
from primitives.r1cs import R1CS, SparseMatrix
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.checks import combination_g1, multipliers, require, same_ratio
from prover.ceremony.phase2 import initial_key
from prover.ceremony.powers import contribution_name, named_progress, verify_powers
from prover.ceremony.randomness import beacon_stream, hash_to_g2
from prover.ceremony.transcript import Transcript, challenges, secret_contributions
from prover.curve import G1, G1_GROUP, G2_GROUP
from prover.files.ptau import PowersOfTau
from prover.groth16.keys import Progress, ProvingKey, check_point


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
        if len(after):
            random = multipliers(len(after))
            low, high = combination_g1(after, random, arithmetic), combination_g1(before, random, arithmetic)
            require(same_ratio(low, high, initial.delta_g2, key.delta_g2, arithmetic) or low is high is None,
                    f"{name} was divided by delta")
    _check_beacons(key.transcript, progress)               # last: only what is right in all else is worth minutes


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
