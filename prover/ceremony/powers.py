"""Phase 1: are these the powers of a τ that nobody knows?

Nothing in a `.ptau` is believed. The chain of contributions is followed from the generators to the file's powers, every
step with its proofs of knowledge [eprint 2017/1050, section 4]; the powers are checked to be powers of one τ, all at
once by a random combination; the hash chain is closed over all points; and the Lagrange forms, which are only there for
convenience, are compared with the powers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.checks import combination_g1, combination_g2, multipliers, require, same_ratio
from prover.ceremony.first_challenges import FIRST_CHALLENGES
from prover.ceremony.randomness import Stream, beacon_stream, finite, hash_to_g2
from prover.ceremony.transcript import secret_contributions
from prover.curve import G1, G1_GROUP, G2, G2_GROUP
from prover.files.ptau import KnowledgeKey, PowersContribution, PowersOfTau
from prover.files.sections import naming
from prover.groth16.keys import Progress, check_point
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2, uncompressed

SECRETS = ("tau", "alpha", "beta")
Keys: TypeAlias = tuple[KnowledgeKey, KnowledgeKey, KnowledgeKey]
HASHED_AT_ONCE = 1 << 14


def verify_powers(powers: PowersOfTau, *, log_size: int | None = None, backend: BackendName | Backend = "kernels",
                  progress: Progress | None = None) -> None:
    """Check a phase 1 from its first contribution to its last Lagrange form.

    One honest contributor is enough for τ, α and β to be unknown; this says that all contributions are what they claim,
    not that any contributor was honest. With a single one, `PowersOfTau.insecure`.

    Parameters
    ----------
    log_size : check only the points that a circuit with a domain of 2**log_size needs, and no hash that takes others
        in: files for large circuits are many times as long.

    Raises
    ------
    BrokenCeremony : naming the check that failed.
    BadInput : a contribution has a point outside its group, or a beacon out of bounds, see `beacon_stream`.
    """
    arithmetic = load_backend(backend)
    part = powers if log_size is None else powers.beginning(log_size)
    stages = ("points", "powers", "hashes", "Lagrange forms")
    total = len(stages) + len(powers.contributions)

    def step(stage: str, done: int) -> None:
        if progress is not None:
            progress(stage, done, total)

    require(secret_contributions(powers.contributions) > 0, "anybody contributed a secret to the powers")
    before = _start(powers.ceremony_power)
    for i, contribution in enumerate(powers.contributions):
        step("contributions", i)
        with naming(powers.source):
            _check_contribution(contribution_name(i), contribution, before, arithmetic)
        before = contribution
    checks = (_check_points, _check_powers, _check_hash, _check_lagrange)
    for done, (stage, check) in enumerate(zip(stages, checks, strict=True), len(powers.contributions)):
        step(stage, done)
        check(part, arithmetic)
    _check_beacons(powers, progress)                       # last: only what is right in all else is worth minutes
    step("powers checked", total)


def contribution_name(i: int) -> str:
    """What checks call contribution number i."""
    return f"contribution {i + 1}"


def _check_points(powers: PowersOfTau, backend: Backend) -> None:
    vectors = [("tau in G1", powers.tau_g1), ("alpha tau", powers.alpha_tau_g1), ("beta tau", powers.beta_tau_g1),
               ("tau in G2", powers.tau_g2)]
    vectors += [(f"Lagrange form {section} for 2**{log_size} points", form)
                for section, forms in powers.lagrange_forms.items() for log_size, form in forms.items()]
    for name, points in vectors:
        group, first_invalid = (("G1", backend.first_invalid_g1) if points.ndim == 3 else
                                ("G2", backend.first_invalid_g2))
        require(first_invalid(points) is None, f"all points of {name} are points of {group}")


# -- the chain of contributions ------------------------------------------------------------------------------------
def _start(power: int) -> PowersContribution:
    """The state before anybody contributed: all secrets one."""
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    none = KnowledgeKey(g1, g1, g2)
    return PowersContribution(g1, g2, g1, g1, g2, (none, none, none), b"", first_challenge(power), None, None)


def first_challenge(power: int) -> bytes:
    """The hash that the first contribution answers: of nothing, and of all points while they are the generators.

    Files cut down from large ceremonies are what everybody uses, and the largest asks for a hash of 103 GB.
    """
    known = FIRST_CHALLENGES.get(power)
    return hash_of_generators(power) if known is None else bytes.fromhex(known)


def hash_of_generators(power: int) -> bytes:
    """`first_challenge`, worked out."""
    total = hashlib.blake2b(hashlib.blake2b().digest())
    g1, g2 = uncompressed(encode_g1([G1_GROUP.generator])), uncompressed(encode_g2([G2_GROUP.generator]))
    n = 1 << power
    for point, count in ((g1, 2 * n - 1), (g2, n), (g1, n), (g1, n), (g2, 1)):
        block = point * min(count, HASHED_AT_ONCE)
        for done in range(0, count, HASHED_AT_ONCE):
            total.update(block[:len(point) * (count - done)])
    return total.digest()


def _check_contribution(name: str, now: PowersContribution, before: PowersContribution, backend: Backend) -> None:
    def ratio(a: G1, b: G1, c: G2, d: G2) -> bool:
        return same_ratio(a, b, c, d, backend)

    for what, in_g1 in (("tau in G1", now.tau_g1), ("alpha", now.alpha_g1), ("beta in G1", now.beta_g1)):
        check_point(G1_GROUP, f"{name}, {what}", in_g1)
    for what, in_g2 in (("tau in G2", now.tau_g2), ("beta in G2", now.beta_g2)):
        check_point(G2_GROUP, f"{name}, {what}", in_g2)
    for secret, key in zip(SECRETS, now.keys, strict=True):
        check_point(G1_GROUP, f"{name}, s of {secret}", key.s)
        check_point(G1_GROUP, f"{name}, s times {secret}", key.s_times_x)
        check_point(G2_GROUP, f"{name}, p times {secret}", key.p_times_x)
    places = [hash_to_g2(knowledge_challenge(number, before.next_challenge, key.s, key.s_times_x))
              for number, key in enumerate(now.keys)]
    for secret, key, place in zip(SECRETS, now.keys, places, strict=True):
        require(ratio(key.s, key.s_times_x, place, key.p_times_x), f"{name} proves that its author knew its {secret}")
    tau, alpha, beta = now.keys
    require(ratio(before.tau_g1, now.tau_g1, places[0], tau.p_times_x), f"{name} multiplied tau in G1 by its own")
    require(ratio(tau.s, tau.s_times_x, before.tau_g2, now.tau_g2), f"{name} multiplied tau in G2 by its own")
    require(ratio(before.alpha_g1, now.alpha_g1, places[1], alpha.p_times_x), f"{name} multiplied alpha by its own")
    require(ratio(before.beta_g1, now.beta_g1, places[2], beta.p_times_x), f"{name} multiplied beta in G1 by its own")
    require(ratio(beta.s, beta.s_times_x, before.beta_g2, now.beta_g2), f"{name} multiplied beta in G2 by its own")


def _check_beacons(powers: PowersOfTau, progress: Progress | None) -> None:
    """Contributions that say they come from a beacon do."""
    challenge = first_challenge(powers.ceremony_power)
    for i, contribution in enumerate(powers.contributions):
        if contribution.beacon is not None:
            name = contribution_name(i)
            stream = beacon_stream(contribution.beacon, named_progress(progress, f"beacon of {name}"))
            require(contribution.keys == draw_keys(stream, challenge)[1], f"{name} follows from its beacon")
        challenge = contribution.next_challenge


def named_progress(progress: Progress | None, stage: str) -> Callable[[int, int], None] | None:
    """The same for one stage."""
    return None if progress is None else partial(progress, stage)


def knowledge_challenge(number: int, challenge: bytes, s: G1, s_times_x: G1) -> bytes:
    """What hashes to the point of G2 of secret `number`: 0 for τ, 1 for α, 2 for β."""
    return hashlib.blake2b(bytes([number]) + challenge + uncompressed(encode_g1([s, s_times_x]))).digest()


def draw_keys(stream: Stream, challenge: bytes) -> tuple[tuple[int, int, int], Keys]:
    """The factors of τ, α and β that a stream determines, and the proofs of knowing them."""
    tau, alpha, beta = (stream.scalar() for _ in SECRETS)
    keys = []
    for number, factor in enumerate((tau, alpha, beta)):
        s = stream.point_g1()
        s_times_x = finite(G1_GROUP, G1_GROUP.multiply(s, factor))
        place = hash_to_g2(knowledge_challenge(number, challenge, s, s_times_x))
        keys.append(KnowledgeKey(s, s_times_x, finite(G2_GROUP, G2_GROUP.multiply(place, factor))))
    return (tau, alpha, beta), (keys[0], keys[1], keys[2])


# -- the points ----------------------------------------------------------------------------------------------------
def _check_powers(powers: PowersOfTau, backend: Backend) -> None:
    last, g1, g2 = powers.contributions[-1], G1_GROUP.generator, G2_GROUP.generator
    singles = [("tau in G1", decode_g1(powers.tau_g1[:2]), [g1, last.tau_g1]),
               ("alpha tau", decode_g1(powers.alpha_tau_g1[:1]), [last.alpha_g1]),
               ("beta tau", decode_g1(powers.beta_tau_g1[:1]), [last.beta_g1])]
    for name, found, expected in singles:
        require(found == expected, f"{name} begins with what the last contribution left")
    require(decode_g2(powers.tau_g2[:2]) == [g2, last.tau_g2], "tau in G2 begins with what the last contribution left")
    require(powers.beta_g2 == last.beta_g2, "beta in G2 is what the last contribution left")
    for name, points in (("tau in G1", powers.tau_g1), ("alpha tau", powers.alpha_tau_g1),
                         ("beta tau", powers.beta_tau_g1)):
        random = multipliers(len(points) - 1)
        low, high = combination_g1(points[:-1], random, backend), combination_g1(points[1:], random, backend)
        require(same_ratio(low, high, g2, last.tau_g2, backend), f"every point of {name} is tau times the one before")
    random = multipliers(len(powers.tau_g2) - 1)
    low_g2 = combination_g2(powers.tau_g2[:-1], random, backend)
    high_g2 = combination_g2(powers.tau_g2[1:], random, backend)
    require(same_ratio(g1, last.tau_g1, low_g2, high_g2, backend),
            "every point of tau in G2 is tau times the one before")


def _check_hash(powers: PowersOfTau, backend: Backend) -> None:
    """The last challenge is the hash of the last response and of every point, where every point is there."""
    if powers.power < powers.ceremony_power:
        return
    last = powers.contributions[-1]
    require(next_challenge(powers, last.digest(), backend) == last.next_challenge,
            "the last contribution's hash is that of the points in this file")


def next_challenge(powers: PowersOfTau, response: bytes, backend: Backend) -> bytes:
    """What the contribution after these powers has to answer: the hash of the response that led here and all points."""
    total = hashlib.blake2b(response)
    for points in (powers.tau_g1, powers.tau_g2, powers.alpha_tau_g1, powers.beta_tau_g1):
        for begin in range(0, len(points), HASHED_AT_ONCE):
            total.update(backend.uncompressed(points[begin:begin + HASHED_AT_ONCE]))
    total.update(uncompressed(encode_g2([powers.beta_g2])))
    return total.digest()


def _check_lagrange(powers: PowersOfTau, backend: Backend) -> None:
    """For random coefficients: the polynomial at τ from the powers, and from its values and the Lagrange form.

    Where the highest power is missing, what the form has in its place must be that power, or infinity as in snarkjs's
    files. Else it could be any point that whoever made the file likes, which would then be among a key's H points as an
    n-th of it, times roots of unity: proofs by the honest would not use it, and forged ones could.
    """
    sources = {12: powers.tau_g1, 14: powers.alpha_tau_g1, 15: powers.beta_tau_g1}
    for section, forms in powers.lagrange_forms.items():
        for log_size, form in forms.items():
            coefficients = multipliers(1 << log_size)
            values = backend.ntt(coefficients)
            name = f"section {section} is the Lagrange form for 2**{log_size} points"
            if section == 13:
                direct_g2 = combination_g2(powers.tau_g2[:len(form)], coefficients, backend)
                require(direct_g2 == combination_g2(form, values, backend), name)
                continue
            known = sources[section][:len(form)]
            direct = combination_g1(known, coefficients[:len(known)], backend)
            rest = G1_GROUP.add(combination_g1(form, values, backend), G1_GROUP.negate(direct))
            if rest is not None and len(known) < len(form):
                last = combination_g1(known[-1:], coefficients[-1:], backend)
                require(same_ratio(last, rest, G2_GROUP.generator, decode_g2(powers.tau_g2[1:2])[0], backend), name)
            else:
                require(rest is None, name)
