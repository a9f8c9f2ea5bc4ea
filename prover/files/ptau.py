"""Powers of τ, the outcome of a phase 1: iden3 `.ptau`, version 1.

    1 header: size and prime of the base field, power, power of the ceremony (u32)
    2 [τ^i]_1, 2**(power+1) - 1 of them     3 [τ^i]_2     4 [α τ^i]_1     5 [β τ^i]_1, 2**power each     6 [β]_2
    7 number of contributions (u32), contributions
    12-15 the same as 2-5 in Lagrange form, for the domains of size 1, 2, 4, ... one after another: "prepared"
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prover.ceremony.blake2b import STATE_BYTES, State
from prover.ceremony.transcript import SAFE, Beacon, after_beacon, secret_contributions
from prover.curve import BASE_MODULUS, G1, G2
from prover.domain import MAX_DOMAIN
from prover.files.contributions import MOST_CONTRIBUTIONS, read_parameters, require_bounded, write_parameters
from prover.files.elements import SCALAR_BYTES, check_prime, read_g1, read_g2, read_point_g1, read_point_g2
from prover.files.sections import Cursor, read_sections, write_sections
from prover.points import PointArray, encode_g1, encode_g2, uncompressed

MAGIC = b"ptau"
NAMES = {1: "header", 2: "tau in G1", 3: "tau in G2", 4: "alpha tau in G1", 5: "beta tau in G1", 6: "beta in G2",
         7: "contributions", 12: "Lagrange tau in G1", 13: "Lagrange tau in G2", 14: "Lagrange alpha tau in G1",
         15: "Lagrange beta tau in G1"}

@dataclass(frozen=True)
class KnowledgeKey:
    """Proof of knowing a secret x: s is random; p, of which here is x times, is hashed from s, x s and the history."""

    s: G1
    s_times_x: G1
    p_times_x: G2


@dataclass(frozen=True)
class PowersContribution:
    """A participant's step of phase 1, what it left, and the proofs of knowing its τ, α and β.

    Attributes
    ----------
    tau_g1, tau_g2, alpha_g1, beta_g1, beta_g2 : [τ]_1 ... [β]_2 after this contribution.
    keys : proofs of knowing the factors of τ, α and β.
    hash_state : BLAKE2b state after hashing all points of the response, before the keys.
    next_challenge : hash of the response and all points, which the next contribution answers.
    """

    tau_g1: G1
    tau_g2: G2
    alpha_g1: G1
    beta_g1: G1
    beta_g2: G2
    keys: tuple[KnowledgeKey, KnowledgeKey, KnowledgeKey]
    hash_state: bytes
    next_challenge: bytes
    name: str | None
    beacon: Beacon | None

    def digest(self) -> bytes:
        """The hash of the response, which its author publishes: the points, compressed, and the proofs."""
        state = State.read(self.hash_state)
        state.update(uncompressed(encode_g1([point for key in self.keys for point in (key.s, key.s_times_x)])))
        state.update(uncompressed(encode_g2([key.p_times_x for key in self.keys])))
        return state.digest()


@dataclass(frozen=True, eq=False)
class PowersOfTau:
    """The contents of a `.ptau`; vectors of points are as they lie in the file, unchecked
    and perhaps not aligned.

    Attributes
    ----------
    source : path of the file.
    power : log2 of the largest domain; ceremony_power : the same before the file was cut down.
    tau_g1 : (2**(power+1) - 1, 2, 4); tau_g2, alpha_tau_g1, beta_tau_g1 : 2**power points; beta_g2 : one.
    contributions : in order.
    lagrange_forms : section 12, 13, 14 or 15 -> log2 of a domain -> as many points; none of them if not prepared. Where
        tau_g1 lacks the last of the powers that the largest form of section 12 is made of, snarkjs takes infinity.
    """

    source: str
    power: int
    ceremony_power: int
    tau_g1: PointArray
    tau_g2: PointArray
    alpha_tau_g1: PointArray
    beta_tau_g1: PointArray
    beta_g2: G2
    contributions: tuple[PowersContribution, ...]
    lagrange_forms: Mapping[int, Mapping[int, PointArray]]

    @property
    def prepared(self) -> bool:
        """Whether the Lagrange forms are there."""
        return bool(self.lagrange_forms)

    @property
    def insecure(self) -> bool:
        """Whether a single party knew, or may have known, τ, α and β: fewer than two contributed secrets."""
        return secret_contributions(self.contributions) < SAFE

    def to_json(self) -> dict[str, Any]:
        """What to publish of them: size, contributors, and whether a single party knew the secrets."""
        steps = [{"name": one.name, "digest": one.digest().hex(), "beacon": one.beacon and one.beacon.to_json()}
                 for one in self.contributions]
        return {"power": self.power, "prepared": self.prepared, "insecure": self.insecure, "contributions": steps,
                "after_beacon": after_beacon(self.contributions)}

    def lagrange(self, section: int, log_size: int) -> PointArray:
        """Section 12, 13, 14 or 15 for the domain of size 2**log_size."""
        return self.lagrange_forms[section][log_size]

    def beginning(self, log_size: int) -> PowersOfTau:
        """What a circuit with a domain of 2**log_size needs of them."""
        n = max(2, 1 << log_size)
        forms = {section: {log: points for log, points in every.items()
                           if log == log_size or (section == 12 and log == log_size + 1)}
                 for section, every in self.lagrange_forms.items()}
        return dataclasses.replace(self, power=log_size, tau_g1=self.tau_g1[:2 * n], tau_g2=self.tau_g2[:n],
                                   alpha_tau_g1=self.alpha_tau_g1[:n], beta_tau_g1=self.beta_tau_g1[:n],
                                   lagrange_forms=forms)


def read_ptau(path: str | Path) -> PowersOfTau:
    """Map a file and check its form; `prover.ceremony.powers` checks what it says.

    Raises
    ------
    BadInput : the file is malformed, cut short, or over another curve.
    """
    sections = read_sections(path, MAGIC, (1,), NAMES)
    header = sections.open(1)
    check_prime(header, "base field", BASE_MODULUS)
    power = header.u32("power", least=1, most=MAX_DOMAIN + 1)
    ceremony_power = header.u32("power of the ceremony", least=power, most=MAX_DOMAIN + 1)
    header.end()
    n = 1 << power

    def points(number: int, count: int) -> PointArray:
        cursor = sections.open(number)
        found = (read_g2 if number in (3, 13) else read_g1)(cursor, count, "points")
        cursor.end()
        return found

    beta = sections.open(6)
    beta_g2 = read_point_g2(beta, "beta")
    beta.end()
    forms = {}
    if any(number in sections for number in (12, 13, 14, 15)):
        forms = {number: _by_size(points(number, (4 if number == 12 else 2) * n - 1)) for number in (12, 13, 14, 15)}
    return PowersOfTau(sections.source, power, ceremony_power, points(2, 2 * n - 1), points(3, n), points(4, n),
                       points(5, n), beta_g2, _read_contributions(sections.open(7)), forms)


def _by_size(points: PointArray) -> dict[int, PointArray]:
    """Forms of 1, 2, 4, ... points that lie one after the other, by log2 of how many."""
    return {log: points[(1 << log) - 1:(2 << log) - 1] for log in range(len(points).bit_length())}


def _read_contributions(cursor: Cursor) -> tuple[PowersContribution, ...]:
    contributions = []
    for _ in range(cursor.u32("number of contributions", most=MOST_CONTRIBUTIONS)):
        tau_g1, tau_g2 = read_point_g1(cursor, "tau in G1"), read_point_g2(cursor, "tau in G2")
        alpha_g1, beta_g1 = read_point_g1(cursor, "alpha in G1"), read_point_g1(cursor, "beta in G1")
        beta_g2 = read_point_g2(cursor, "beta in G2")
        in_g1 = [(read_point_g1(cursor, f"s of {name}"), read_point_g1(cursor, f"s times {name}"))
                 for name in ("tau", "alpha", "beta")]
        in_g2 = [read_point_g2(cursor, f"p times {name}") for name in ("tau", "alpha", "beta")]
        tau, alpha, beta = (KnowledgeKey(*pair, point) for pair, point in zip(in_g1, in_g2, strict=True))
        hash_state = bytes(cursor.take(STATE_BYTES, "hash state"))
        next_challenge = bytes(cursor.take(64, "next challenge"))
        name, beacon = read_parameters(cursor)
        contributions.append(PowersContribution(tau_g1, tau_g2, alpha_g1, beta_g1, beta_g2, (tau, alpha, beta),
                                                hash_state, next_challenge, name, beacon))
    cursor.end()
    require_bounded(contributions, cursor)
    return tuple(contributions)


def write_ptau(path: str | Path, powers: PowersOfTau) -> None:
    """Write powers of τ, whole or not at all; with their Lagrange forms, if they are there."""
    vectors = {2: powers.tau_g1, 3: powers.tau_g2, 4: powers.alpha_tau_g1, 5: powers.beta_tau_g1}
    with write_sections(path, MAGIC, 1, 11 if powers.prepared else 7) as file:
        file.section(1, SCALAR_BYTES.to_bytes(4, "little"), BASE_MODULUS.to_bytes(SCALAR_BYTES, "little"),
                     np.array([powers.power, powers.ceremony_power], "<u4"))
        for number, points in vectors.items():
            file.section(number, points)
        file.section(6, encode_g2([powers.beta_g2]))
        steps = [encode_contribution(one) for one in powers.contributions]
        file.section(7, len(steps).to_bytes(4, "little"), *steps)
        for number, forms in powers.lagrange_forms.items():
            file.section(number, *(forms[log] for log in sorted(forms)))


def encode_contribution(one: PowersContribution) -> bytes:
    """The bytes of one contribution in section 7."""
    parts = [encode_g1([one.tau_g1]), encode_g2([one.tau_g2]), encode_g1([one.alpha_g1, one.beta_g1]),
             encode_g2([one.beta_g2]), encode_g1([point for key in one.keys for point in (key.s, key.s_times_x)]),
             encode_g2([key.p_times_x for key in one.keys])]
    return (b"".join(part.tobytes() for part in parts) + one.hash_state + one.next_challenge
            + write_parameters(one.name, one.beacon))
