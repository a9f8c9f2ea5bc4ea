"""Phase 1: are these the powers of a τ that nobody knows?

Nothing in a `.ptau` is believed. The chain of contributions is followed from the generators to the file's powers, every
step with its proofs of knowledge [eprint 2017/1050, section 4]; the powers are checked to be powers of one τ, all at
once by a random combination; the hash chain is closed over all points; and the Lagrange forms, which are only there for
convenience, are compared with the powers.
"""

from __future__ import annotations

import hashlib

from primitives import field
from prover.backend import Backend, BackendName, load_backend
from prover.ceremony.blake2b import digest_from_state
from prover.ceremony.checks import combination_g1, combination_g2, multipliers, require, same_ratio
from prover.ceremony.randomness import Stream, beacon_stream, finite, hash_to_g2
from prover.curve import G1, G1_GROUP, G2, G2_GROUP
from prover.files.ptau import KnowledgeKey, PowersContribution, PowersOfTau
from prover.groth16.keys import Progress
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2, uncompressed

SECRETS = ("tau", "alpha", "beta")
HASHED_AT_ONCE = 1 << 14


def verify_powers(powers: PowersOfTau, *, backend: BackendName | Backend = "kernels",
                  progress: Progress | None = None) -> None:
    """Check a phase 1 from its first contribution to its last Lagrange form.

    One honest contributor is enough for τ, α and β to be unknown; this says that all contributions are what they claim,
    not that any contributor was honest.

    Raises
    ------
    BrokenCeremony : naming the check that failed.
    """
    arithmetic = load_backend(backend)
    stages = ("points", "contributions", "powers", "hashes", "Lagrange forms")

    def step(done: int) -> None:
        if progress is not None:
            progress(stages[done] if done < len(stages) else "done", done, len(stages))

    step(0)
    require(bool(powers.contributions), "anybody contributed")
    _check_points(powers, arithmetic)
    step(1)
    before = _start(powers.ceremony_power)
    for i, contribution in enumerate(powers.contributions):
        _check_contribution(f"contribution {i + 1}", contribution, before, arithmetic)
        before = contribution
    step(2)
    _check_powers(powers, arithmetic)
    step(3)
    if powers.power == powers.ceremony_power:              # a file cut down lacks points that were hashed
        _check_hash(powers, arithmetic)
    step(4)
    if powers.prepared:
        _check_lagrange(powers, arithmetic)
    step(5)


def _check_points(powers: PowersOfTau, backend: Backend) -> None:
    in_g1 = {"tau in G1": powers.tau_g1, "alpha tau": powers.alpha_tau_g1, "beta tau": powers.beta_tau_g1}
    in_g2 = {"tau in G2": powers.tau_g2}
    if powers.prepared:
        in_g1 |= {f"Lagrange form {section}": powers.every_lagrange(section) for section in (12, 14, 15)}
        in_g2 |= {"Lagrange form 13": powers.every_lagrange(13)}
    for name, points in in_g1.items():
        require(backend.first_invalid_g1(points) is None, f"all points of {name} are points of G1")
    for name, points in in_g2.items():
        require(backend.first_invalid_g2(points) is None, f"all points of {name} are points of G2")


# -- the chain of contributions ------------------------------------------------------------------------------------
def _start(power: int) -> PowersContribution:
    """The state before anybody contributed: all secrets one."""
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    none = KnowledgeKey(g1, g1, g2)
    return PowersContribution(g1, g2, g1, g1, g2, (none, none, none), b"", first_challenge(power), None, None)


def first_challenge(power: int) -> bytes:
    """The hash that the first contribution answers: of nothing, and of all points while they are the generators."""
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
    if now.beacon is not None:
        require(now.keys == beacon_keys(beacon_stream(now.beacon), before.next_challenge),
                f"{name} follows from its beacon")


def knowledge_challenge(number: int, challenge: bytes, s: G1, s_times_x: G1) -> bytes:
    """What hashes to the point of G2 of secret `number`: 0 for τ, 1 for α, 2 for β."""
    return hashlib.blake2b(bytes([number]) + challenge + uncompressed(encode_g1([s, s_times_x]))).digest()


def beacon_keys(stream: Stream, challenge: bytes) -> tuple[KnowledgeKey, KnowledgeKey, KnowledgeKey]:
    """The keys a beacon's stream determines."""
    factors = [stream.scalar() for _ in SECRETS]
    keys = []
    for number, factor in enumerate(factors):
        s = stream.point_g1()
        s_times_x = finite(G1_GROUP, G1_GROUP.multiply(s, factor))
        place = hash_to_g2(knowledge_challenge(number, challenge, s, s_times_x))
        keys.append(KnowledgeKey(s, s_times_x, finite(G2_GROUP, G2_GROUP.multiply(place, factor))))
    return keys[0], keys[1], keys[2]


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
    """The last challenge is the hash of the last response and of every point in the file."""
    last = powers.contributions[-1]
    keys = uncompressed(encode_g1([point for key in last.keys for point in (key.s, key.s_times_x)]))
    keys += uncompressed(encode_g2([key.p_times_x for key in last.keys]))
    total = hashlib.blake2b(digest_from_state(last.hash_state, keys))
    for points in (powers.tau_g1, powers.tau_g2, powers.alpha_tau_g1, powers.beta_tau_g1):
        for begin in range(0, len(points), HASHED_AT_ONCE):
            total.update(backend.uncompressed(points[begin:begin + HASHED_AT_ONCE]))
    total.update(uncompressed(encode_g2([powers.beta_g2])))
    require(total.digest() == last.next_challenge, "the last contribution's hash is that of the points in this file")


def _check_lagrange(powers: PowersOfTau, backend: Backend) -> None:
    """For random coefficients: the polynomial at τ from the powers, and from its values and the Lagrange form."""
    for log_size in range(powers.power + 2):
        n = 1 << log_size
        beyond = log_size > powers.power                   # 2n - 1 powers are there: the highest coefficient is zero
        coefficients = multipliers(n)
        if beyond:
            coefficients[-1] = field.ZERO
        values = backend.ntt(coefficients)
        known = coefficients[:-1] if beyond else coefficients
        sources = {12: powers.tau_g1, 14: powers.alpha_tau_g1, 15: powers.beta_tau_g1}
        for section, points in sources.items():
            if section == 12 or not beyond:
                direct = combination_g1(points[:len(known)], known, backend)
                require(direct == combination_g1(powers.lagrange(section, log_size), values, backend),
                        f"section {section} is the Lagrange form for 2**{log_size} points")
        if not beyond:
            direct_g2 = combination_g2(powers.tau_g2[:n], known, backend)
            require(direct_g2 == combination_g2(powers.lagrange(13, log_size), values, backend),
                    f"section 13 is the Lagrange form for 2**{log_size} points")
