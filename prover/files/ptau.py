"""Powers of τ, the outcome of a phase 1: iden3 `.ptau`, version 1.

    1 header: size and prime of the base field, power, power of the ceremony (u32)
    2 [τ^i]_1, 2**(power+1) - 1 of them     3 [τ^i]_2     4 [α τ^i]_1     5 [β τ^i]_1, 2**power each     6 [β]_2
    7 number of contributions (u32), contributions
    12-15 the same as 2-5 in Lagrange form, for the domains of size 1, 2, 4, ... one after another: "prepared"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prover.backend import MAX_DOMAIN
from prover.ceremony.transcript import Beacon
from prover.curve import BASE_MODULUS, G1, G2
from prover.files.contributions import MOST_CONTRIBUTIONS, read_parameters
from prover.files.elements import check_prime, read_g1, read_g2, read_point_g1, read_point_g2
from prover.files.sections import Cursor, read_sections
from prover.points import PointArray

MAGIC = b"ptau"
NAMES = {1: "header", 2: "tau in G1", 3: "tau in G2", 4: "alpha tau in G1", 5: "beta tau in G1", 6: "beta in G2",
         7: "contributions", 12: "Lagrange tau in G1", 13: "Lagrange tau in G2", 14: "Lagrange alpha tau in G1",
         15: "Lagrange beta tau in G1"}
HASH_STATE = 216
"""Bytes of a BLAKE2b state as the format keeps it."""


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
    _lagrange: Mapping[int, PointArray]

    @property
    def prepared(self) -> bool:
        """Whether the Lagrange forms are there."""
        return bool(self._lagrange)

    def every_lagrange(self, section: int) -> PointArray:
        """All of section 12, 13, 14 or 15."""
        return self._lagrange[section]

    def lagrange(self, section: int, log_size: int) -> PointArray:
        """Section 12, 13, 14 or 15 for the domain of size 2**log_size."""
        return self._lagrange[section][(1 << log_size) - 1:(2 << log_size) - 1]


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
    lagrange = {}
    if any(number in sections for number in (12, 13, 14, 15)):
        lagrange = {number: points(number, (4 if number == 12 else 2) * n - 1) for number in (12, 13, 14, 15)}
    return PowersOfTau(sections.source, power, ceremony_power, points(2, 2 * n - 1), points(3, n), points(4, n),
                       points(5, n), beta_g2, _read_contributions(sections.open(7)), lagrange)


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
        hash_state = bytes(cursor.take(HASH_STATE, "hash state"))
        next_challenge = bytes(cursor.take(64, "next challenge"))
        name, beacon = read_parameters(cursor)
        contributions.append(PowersContribution(tau_g1, tau_g2, alpha_g1, beta_g1, beta_g2, (tau, alpha, beta),
                                                hash_state, next_challenge, name, beacon))
    cursor.end()
    return tuple(contributions)
