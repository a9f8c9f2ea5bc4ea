"""Keys and proofs of Groth16, and what a key must satisfy to be one.

Notation is the paper's: α, β, γ, δ and τ (its x) are the secrets of the setup; u_i, v_i, w_i the QAP polynomials of
wire i; ℓ the number of public inputs. [k]_1 and [k]_2 stand for k times the generators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from primitives.errors import BadInput, Said
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.backend import Backend
from prover.ceremony.transcript import Transcript
from prover.curve import BASE_MODULUS, G1, G1_GROUP, G2, G2_GROUP, F, Group
from prover.groth16.relations import require_unrelated
from prover.mapped import give_back
from prover.points import PointArray, decode_g1, encode_g1, encode_g2, uncompressed

Progress = Callable[[str, int, int], None]
"""Called with (stage, steps done, steps in all)."""

INSECURE = "insecure-single-party"
"""How a key that one party made alone is marked wherever it is shown."""


@dataclass(frozen=True)
class Proof:
    """[A]_1, [B]_2, [C]_1.

    Proofs are malleable: whoever has one makes others of the same statement [Groth16, section 3.2]. Never take the
    bytes of a proof for an identity.
    """

    a: G1
    b: G2
    c: G1

    def check(self) -> None:
        """Refuse what is no proof at all: a point at infinity, off its curve, outside the subgroup, not canonical.

        Raises
        ------
        BadInput : naming the point as snarkjs does.
        """
        check_point(G1_GROUP, "pi_a", self.a)
        check_point(G2_GROUP, "pi_b", self.b)
        check_point(G1_GROUP, "pi_c", self.c)

    def on_curve(self) -> bool:
        """The checks of `check` but for the subgroup, which costs a thousand times more than the others together."""
        try:
            for group, point in ((G1_GROUP, self.a), (G1_GROUP, self.c)):
                check_point(group, "", point)
            check_point(G2_GROUP, "", self.b, subgroup=False)
        except BadInput:
            return False
        return True


@dataclass(frozen=True)
class VerificationKey:
    """What a verifier needs of the setup; one that exists has passed every check that needs no secret.

    Attributes
    ----------
    alpha : [α]_1; beta, gamma, delta : [β]_2, [γ]_2, [δ]_2.
    ic : [(β u_i(τ) + α v_i(τ) + w_i(τ)) / γ]_1 for i = 0 .. ℓ.
    insecure_setup : a single party knew the secrets and can forge proofs.

    Raises
    ------
    BadInput : a point is off its curve or outside the subgroup, not canonical, or related to another in a way that
        breaks soundness (see `prover.groth16.relations`). In particular δ = kγ: then A = [α]_1, B = [β]_2, C = -L/k
        passes for any public input L. And δ = ±1, which is a ceremony nobody contributed to. γ = 1 is sound, and what
        ceremonies use: of the two, only one has to be unknown relative to the other [eprint 2017/1050, section 6, drops
        γ altogether]. That no IC_i is a small multiple of another takes 1,024 additions for each: it is asked where
        keys are made, imported and turned into contracts (`require_independent_inputs`).
    """

    alpha: G1
    beta: G2
    gamma: G2
    delta: G2
    ic: tuple[G1, ...]
    insecure_setup: bool
    prepared: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Verifiers by backend, made when first needed; see `prover.groth16.verify`."""

    def __post_init__(self) -> None:
        check_points(self.alpha, self.beta, self.gamma, self.delta)
        if not self.ic:
            raise BadInput("IC", [], "one point per public input and one for the constant")
        for i, point in enumerate(self.ic):
            check_point(G1_GROUP, f"IC[{i}]", point)
        if len({point[0] for point in self.ic}) < len(self.ic):
            raise BadInput("IC", Said("two equal or opposite points"), "different, or inputs could be exchanged")
        if self.delta[0] == G2_GROUP.generator[0]:
            raise BadInput("delta", Said("the generator"), "contributed to: this is the key of an unfinished ceremony")

    @property
    def public(self) -> int:
        """ℓ, the number of public inputs."""
        return len(self.ic) - 1

    def digest(self) -> bytes:
        """Keccak-256 of α, β, γ, δ and IC as EIP-197 encodes them: 32 bytes that name the key, on chain too."""
        from eth_hash.auto import keccak
        points = uncompressed(encode_g1([self.alpha])) + uncompressed(encode_g2([self.beta, self.gamma, self.delta]))
        return bytes(keccak(points + uncompressed(encode_g1(self.ic))))


@dataclass(frozen=True, eq=False)
class ProvingKey:
    """Everything a prover needs: the contents of a `.zkey`.

    Attributes
    ----------
    wires : number of wires; domain : log2 of the evaluation domain of n = 2**domain points.
    alpha_g1, beta_g1, beta_g2, gamma_g2, delta_g1, delta_g2 : [α]_1, [β]_1, [β]_2, [γ]_2, [δ]_1, [δ]_2.
    ic : (ℓ+1, 2, 4), as in the verification key.
    left, right, table : the matrices of u and v, n rows each, and their coefficients. There is no third: the prover
        takes w as the product of the first two, and cannot prove if that is wrong.
    a, b_g1, b_g2 : [u_i(τ)]_1, [v_i(τ)]_1, [v_i(τ)]_2 for every wire.
    c : [(β u_i(τ) + α v_i(τ) + w_i(τ)) / δ]_1 for the private wires.
    h : [λ_i(τ) / δ]_1, (n, 2, 4), with λ_i the Lagrange polynomials of the odd coset within the domain of size 2n.
        They take the place of the paper's [τ^i (τ^n - 1) / δ]_1; see `Backend.quotient`.
    transcript : who contributed.

    Vectors of points read from a file are views of it: read-only, and perhaps not aligned.
    """

    wires: int
    domain: int
    alpha_g1: G1
    beta_g1: G1
    beta_g2: G2
    gamma_g2: G2
    delta_g1: G1
    delta_g2: G2
    ic: PointArray
    left: SparseMatrix
    right: SparseMatrix
    table: FieldArray
    a: PointArray
    b_g1: PointArray
    b_g2: PointArray
    c: PointArray
    h: PointArray
    transcript: Transcript
    _prepared: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def public(self) -> int:
        """ℓ, the number of public inputs."""
        return len(self.ic) - 1

    @property
    def finished(self) -> bool:
        """Whether anybody contributed to δ; an unfinished key must not be used."""
        return self.delta_g2[0] != G2_GROUP.generator[0]

    @cached_property
    def verification_key(self) -> VerificationKey:
        """The verifier's part.

        Raises
        ------
        BadInput : the key is unfinished, or unsound in another way; see `VerificationKey`.
        """
        ic = tuple(point or (0, 0) for point in decode_g1(self.ic))      # (0, 0) is refused there by its name
        return VerificationKey(self.alpha_g1, self.beta_g2, self.gamma_g2, self.delta_g2, ic, self.transcript.insecure)

    def prepared(self, backend: Backend, query: str, *, keep: bool) -> Any:
        """The points `query` ("a", "b_g1", "b_g2", "c" or "h") as bases of the backend's MSM; made once, if kept.

        The bases take the place of the points in memory: pages of the key's file that hold them are given back.
        """
        place = (backend.name, query)
        if place in self._prepared:
            return self._prepared[place]
        points = getattr(self, query)
        bases = (backend.prepare_g2 if query == "b_g2" else backend.prepare_g1)(points)
        give_back(points)
        if keep:
            self._prepared[place] = bases
        return bases


def check_points(alpha: G1, beta: G2, gamma: G2, delta: G2) -> None:
    """The part of the checks of `VerificationKey` that an unfinished ceremony passes too, δ = 1 excepted."""
    check_point(G1_GROUP, "alpha", alpha)
    for name, point in (("beta", beta), ("gamma", gamma), ("delta", delta)):
        check_point(G2_GROUP, name, point)
    _check_relations(alpha, beta, gamma, delta)


@lru_cache(maxsize=64)                          # a key is read from several places
def _check_relations(alpha: G1, beta: G2, gamma: G2, delta: G2) -> None:
    """No secret is a small multiple of another, or of 1; but γ may be 1, and δ before anybody contributed."""
    one = G2_GROUP.generator
    require_unrelated(G1_GROUP, "alpha", alpha, "the generator", G1_GROUP.generator)
    pairs = [("beta", beta, "the generator", one)]
    if delta != one:
        pairs += [("delta", delta, "gamma", gamma), ("beta", beta, "delta", delta)]
    if gamma != one:
        pairs += [("beta", beta, "gamma", gamma)]
        if delta != one:
            pairs += [("delta", delta, "the generator", one)]
    for pair in pairs:
        require_unrelated(G2_GROUP, *pair)


def check_point(group: Group[F], name: str, point: tuple[F, F] | None, *, subgroup: bool = True) -> None:
    """Refuse what is not a finite point of the group with canonical coordinates; `subgroup` is slow, for G2 only."""
    if point is None:
        raise BadInput(name, Said("the point at infinity"), f"a finite point of {group.name}")
    coordinates = [part for value in point for part in (value if isinstance(value, tuple) else (value,))]
    for part in coordinates:
        if not isinstance(part, int) or not 0 <= part < BASE_MODULUS:
            raise BadInput(name, part, "made of coordinates in [0, q)")
    if not any(coordinates):
        raise BadInput(name, Said("the point at infinity"), f"a finite point of {group.name}")
    if not group.on_curve(point):
        raise BadInput(name, point, f"on the curve of {group.name}")
    if subgroup and group is G2_GROUP and not group.in_subgroup(point):
        raise BadInput(name, point, "in the subgroup of order r")
