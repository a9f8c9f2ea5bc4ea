"""Making powers of τ: new ones, contributions to them, and the Lagrange forms that phase 2 wants of them.

A contribution multiplies τ, α and β by secrets x, y and z: the i-th power [τ**i]_1 by x**i, [α τ**i]_1 by y x**i, and
so on, and proves that its author knew them [eprint 2017/1050, section 4]. What it promises, and what `powers.py`
checks, is the same whoever's software made it: files go back and forth with snarkjs.

New powers have τ = α = β = 1 and are worthless. One honest contributor who has forgotten her secrets is enough; one who
contributed alone, and did not forget, can forge with every key made from them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.errors import BadInput, Said
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.blake2b import State
from prover.ceremony.powers import Keys, draw_keys, first_challenge, next_challenge
from prover.ceremony.randomness import Stream, beacon_stream, finite
from prover.ceremony.transcript import Beacon
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from prover.domain import root_of_unity
from prover.files.contributions import check_name
from prover.files.ptau import PowersContribution, PowersOfTau
from prover.files.sections import naming
from prover.groth16.keys import Progress, check_point
from prover.groth16.qap import powers as powers_of
from prover.points import PointArray, decode_g1, decode_g2, encode_g1, encode_g2

MOST_POWER = 20
"""log2 of the largest domain of new powers: for more, cut a file of a large public ceremony."""

AT_ONCE = 1 << 14               # points between two reports


def new_powers(power: int) -> PowersOfTau:
    """Powers of τ = 1, with α = β = 1, that nobody has contributed to; for circuits of up to 2**power rows.

    Raises
    ------
    BadInput : a power outside [1, MOST_POWER].
    """
    if not 1 <= power <= MOST_POWER:
        raise BadInput("power", power, f"in [1, {MOST_POWER}] (as log2 of the rows of the largest circuit); for "
                       "larger ones, take the file of a public ceremony")
    n, g2 = 1 << power, G2_GROUP.generator
    in_g1, in_g2 = encode_g1([G1_GROUP.generator]), encode_g2([g2])
    many, few, twisted = (np.broadcast_to(point, (count, *point.shape[1:]))
                          for point, count in ((in_g1, 2 * n - 1), (in_g1, n), (in_g2, n)))
    return PowersOfTau("", power, power, many, twisted, few, few, g2, (), {})


def contribute_to_powers(powers: PowersOfTau, name: str | None = None, *, backend: BackendName | Backend = "kernels",
                         progress: Progress | None = None) -> PowersOfTau:
    """The powers after one more contribution, with secrets from the operating system that are forgotten on return.

    The result has no Lagrange forms: they are those of the powers before. The participant should publish
    `contributions[-1].digest()`.

    Raises
    ------
    BadInput : a name that cannot be stored; powers that were cut down from larger ones, whose hash nobody can work out
        any more; or a point outside its group: multiplying it by a secret would give the secret away.
    """
    seed = hashlib.blake2b(secrets.token_bytes(64)).digest()
    return _contribute(powers, Stream(seed), name, None, backend, progress)


def apply_beacon_to_powers(powers: PowersOfTau, beacon: Beacon, name: str | None = None, *,
                           backend: BackendName | Backend = "kernels", progress: Progress | None = None) -> PowersOfTau:
    """The powers after a last contribution that anybody can repeat, from randomness nobody could have known.

    Raises
    ------
    BadInput : see `contribute_to_powers`, or a beacon that is empty or has iterations out of range.
    """
    return _contribute(powers, beacon_stream(beacon), name, beacon, backend, progress)


def _contribute(powers: PowersOfTau, stream: Stream, name: str | None, beacon: Beacon | None,
                backend: BackendName | Backend, progress: Progress | None) -> PowersOfTau:
    check_name(name)
    arithmetic = load_backend(backend)
    with naming(powers.source):
        if powers.power != powers.ceremony_power:
            raise BadInput("power", powers.power, f"{powers.ceremony_power}, that of the ceremony: to powers that were "
                           "cut down, nobody can contribute")
        _check_groups(powers, arithmetic)
    done = powers.contributions
    answered = done[-1].next_challenge if done else first_challenge(powers.power)
    factors, keys = draw_keys(stream, answered)
    made, state = _multiplied(powers, factors, answered, arithmetic, progress)
    contribution = _described(made, keys, state, name, beacon)
    contribution = dataclasses.replace(contribution,
                                       next_challenge=next_challenge(made, contribution.digest(), arithmetic))
    return dataclasses.replace(made, contributions=(*done, contribution))


def _check_groups(powers: PowersOfTau, backend: Backend) -> None:
    for section, points in (("tau in G1", powers.tau_g1), ("alpha tau", powers.alpha_tau_g1),
                            ("beta tau", powers.beta_tau_g1)):
        wrong = backend.first_invalid_g1(points)
        if wrong is not None:
            raise BadInput(f"{section}[{wrong}]", Said("no point of G1"), "a reduced point on the curve")
    wrong = backend.first_invalid_g2(powers.tau_g2)
    if wrong is not None:
        raise BadInput(f"tau in G2[{wrong}]", Said("no point of G2"), "a reduced point on the curve, in the subgroup")
    check_point(G2_GROUP, "beta in G2", powers.beta_g2)


def _multiplied(powers: PowersOfTau, factors: tuple[int, int, int], answered: bytes, backend: Backend,
                progress: Progress | None) -> tuple[PowersOfTau, State]:
    """The powers times powers of the factors, and the state of the hash of a response that they are."""
    tau, alpha, beta = factors
    state, done = State(), 0
    state.update(answered)
    total = 5 << powers.power

    def times(points: PointArray, first: int, stage: str) -> PointArray:
        nonlocal done
        scalars = field.multiply(powers_of(tau, len(points)), field.encode([first]))
        parts = []
        for begin in range(0, len(points), AT_ONCE):
            if progress is not None:
                progress(stage, done + begin, total)
            part = slice(begin, begin + AT_ONCE)
            parts.append(_products(points[part], scalars[part], backend))
            state.update(compressed(parts[-1], backend))
        done += len(points)
        return np.concatenate(parts)

    tau_g1 = times(powers.tau_g1, 1, "tau in G1")
    tau_g2 = times(powers.tau_g2, 1, "tau in G2")
    alpha_tau, beta_tau = times(powers.alpha_tau_g1, alpha, "alpha tau"), times(powers.beta_tau_g1, beta, "beta tau")
    beta_g2 = finite(G2_GROUP, G2_GROUP.multiply(powers.beta_g2, beta))
    state.update(compressed(encode_g2([beta_g2]), backend))
    if progress is not None:
        progress("contribution made", total, total)
    return dataclasses.replace(powers, tau_g1=tau_g1, tau_g2=tau_g2, alpha_tau_g1=alpha_tau, beta_tau_g1=beta_tau,
                               beta_g2=beta_g2, lagrange_forms={}), state


def _described(made: PowersOfTau, keys: Keys, state: State, name: str | None,
               beacon: Beacon | None) -> PowersContribution:
    """The contribution that led to these powers, but for the challenge after it."""
    _, tau_g1 = decode_g1(made.tau_g1[:2])
    _, tau_g2 = decode_g2(made.tau_g2[:2])
    (alpha,), (beta,) = decode_g1(made.alpha_tau_g1[:1]), decode_g1(made.beta_tau_g1[:1])
    return PowersContribution(finite(G1_GROUP, tau_g1), finite(G2_GROUP, tau_g2), finite(G1_GROUP, alpha),
                              finite(G1_GROUP, beta), made.beta_g2, keys, state.write(), b"", name, beacon)


def compressed(points: PointArray, backend: Backend) -> bytes:
    """Points in half their size, as responses are hashed: x, big-endian (in G2 c1 before c0), and two bits above it.

    0x80 marks the larger of the two y, which is above (q-1)/2 (in G2 that goes for c1, or for c0 where c1 is zero);
    0x40 marks infinity, the rest of which is zero.
    """
    words = np.frombuffer(backend.uncompressed(points), ">u8").reshape(len(points), -1, 4)
    half = words.shape[1] // 2
    larger = _larger(words[:, -1])
    for part in reversed(range(half, words.shape[1] - 1)):
        larger = np.where(words[:, part].any(axis=1), _larger(words[:, part]), larger)
    out = words[:, :half].copy()
    out[:, 0, 0] |= np.where(larger, np.uint64(1 << 63), np.where(words.any(axis=(1, 2)), 0, 1 << 62).astype(np.uint64))
    return out.tobytes()


def _larger(values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each of (n, 4) values, words from the highest down, is above (q-1)/2."""
    limit = (BASE_MODULUS - 1) // 2
    above = np.zeros(len(values), np.bool_)
    for k in range(4):                                     # from the lowest word up: the highest decides last
        word, bound = values[:, 3 - k], np.uint64(limit >> 64 * k & (1 << 64) - 1)
        above = (word > bound) | ((word == bound) & above)
    return above


# -- Lagrange forms ------------------------------------------------------------------------------------------------
def prepare_powers(powers: PowersOfTau, *, backend: BackendName | Backend = "kernels",
                   progress: Progress | None = None) -> PowersOfTau:
    """The same powers with their Lagrange forms: for each domain, the values at τ of its Lagrange polynomials, times
    the generator, α or β. They are inverse transforms of the powers, and nobody's secret is needed.

    Where the largest form of section 12 needs a power that no file has, infinity takes its place, as in snarkjs's
    files (see `PowersOfTau`).
    """
    arithmetic = load_backend(backend)
    sources = {12: powers.tau_g1, 13: powers.tau_g2, 14: powers.alpha_tau_g1, 15: powers.beta_tau_g1}
    sizes = {section: powers.power + (section == 12) for section in sources}
    total, done, forms = sum((2 if section == 13 else 1) << log for section, log in sizes.items()), 0, {}
    for section, points in sources.items():
        forms[section] = _every_form(points, sizes[section], arithmetic, progress, f"Lagrange form {section}", done,
                                     total)
        done += (2 if section == 13 else 1) << sizes[section]
    if progress is not None:
        progress("Lagrange forms made", total, total)
    return dataclasses.replace(powers, lagrange_forms=forms)


def _every_form(points: PointArray, log_size: int, backend: Backend, progress: Progress | None, stage: str, done: int,
                total: int) -> dict[int, PointArray]:
    """The inverse transforms of the first 1, 2, 4, ..., 2**log_size points, by log2 of how many.

    All at once, by decimation in frequency: they lie one after another, and in the round for blocks of 2**k points all
    of 2**k or more take part, which are whole blocks from point 2**k - 1 on. Halves (x, y) of a block become x + y and
    (x - y) w**-i. The factor 1/2**log_size is put in at the start, where the few that are common to all forms have it
    from, and doubled for shorter ones at the end.
    """
    n = 1 << log_size
    missing = np.zeros((n - len(points[:n]), *points.shape[1:]), np.uint64)
    whole = np.concatenate([points[:n], missing])
    whole = _products(whole, np.repeat(field.encode([pow(n, -1, ORDER)]), n, axis=0), backend)
    line = np.concatenate([whole[:1 << log] for log in range(log_size + 1)])
    for log in reversed(range(1, log_size + 1)):
        if progress is not None:
            progress(stage, done + (n * (log_size - log)) // log_size, total)
        half = 1 << (log - 1)
        blocks = line[2 * half - 1:].reshape(-1, 2, half, *points.shape[1:])
        sums, differences = _sums_and_differences(blocks[:, 0], blocks[:, 1], backend)
        if half > 1:
            turns = np.tile(powers_of(pow(root_of_unity(log), -1, ORDER), half), (len(blocks), 1))
            differences = _products(differences, turns, backend)
        blocks[:, 0], blocks[:, 1] = sums.reshape(blocks[:, 0].shape), differences.reshape(blocks[:, 1].shape)
    forms = {log: line[(1 << log) - 1:(2 << log) - 1][_reversed_bits(log)] for log in range(log_size + 1)}
    return {log: _doubled(form, log_size - log, backend) for log, form in forms.items()}


def _doubled(points: PointArray, times: int, backend: Backend) -> PointArray:
    """2**times of each point."""
    return _products(points, np.repeat(field.encode([1 << times]), len(points), axis=0), backend) if times else points


def _products(points: PointArray, scalars: FieldArray, backend: Backend) -> PointArray:
    """scalars[i] * points[i]."""
    count = len(points)
    diagonal = SparseMatrix(np.arange(count + 1, dtype=np.int64), np.arange(count, dtype=np.int32),
                            np.arange(count, dtype=np.int32))
    return (backend.combine_g1 if points.ndim == 3 else backend.combine_g2)(diagonal, scalars, points)


def _sums_and_differences(x: PointArray, y: PointArray, backend: Backend) -> tuple[PointArray, PointArray]:
    """x + y and x - y, of vectors that are flattened first."""
    flat = np.concatenate([x.reshape(-1, *x.shape[2:]), y.reshape(-1, *y.shape[2:])])
    count = len(flat) // 2
    rows = np.arange(2 * count, dtype=np.int32) % count
    wires = np.stack([rows, rows + count], axis=1).reshape(-1)
    signs = np.zeros((2 * count, 2), np.int32)
    signs[count:, 1] = 1
    matrix = SparseMatrix(np.arange(0, 4 * count + 1, 2, dtype=np.int64), wires.astype(np.int32), signs.reshape(-1))
    both = (backend.combine_g1 if flat.ndim == 3 else backend.combine_g2)(matrix, field.encode([1, -1]), flat)
    return both[:count], both[count:]


def _reversed_bits(log_size: int) -> NDArray[np.int64]:
    """Each number below 2**log_size with its bits in opposite order."""
    numbers = np.zeros(1, np.int64)
    for _ in range(log_size):
        numbers = np.concatenate([2 * numbers, 2 * numbers + 1])
    return numbers
