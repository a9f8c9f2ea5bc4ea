"""The checks of a proving key beyond those of its verification key."""

from __future__ import annotations

from primitives.errors import BadInput, Said
from prover.backend import Backend
from prover.curve import G1, G1_GROUP, G2, G2_GROUP
from prover.groth16.keys import ProvingKey, check_point, check_points
from prover.groth16.relations import require_independent_inputs, require_unrelated


def check_header(alpha: G1, beta_g1: G1, beta_g2: G2, gamma: G2, delta_g1: G1, delta_g2: G2, backend: Backend) -> None:
    """Refuse a key whose single points are not what they claim.

    Raises
    ------
    BadInput : naming the point.
    """
    check_points(alpha, beta_g2, gamma, delta_g2)
    check_point(G1_GROUP, "beta_g1", beta_g1)
    check_point(G1_GROUP, "delta_g1", delta_g1)
    require_unrelated(G1_GROUP, "beta", beta_g1, "alpha", alpha)
    for name, in_g1, in_g2 in (("beta", beta_g1, beta_g2), ("delta", delta_g1, delta_g2)):
        minus = G1_GROUP.negate(in_g1)
        assert minus is not None
        if not backend.pairing_product_is_one([(minus, G2_GROUP.generator), (G1_GROUP.generator, in_g2)]):
            raise BadInput(name, Said("two different numbers in G1 and G2"), "the same number in both groups")


def check_all_points(key: ProvingKey, backend: Backend) -> None:
    """Refuse a key with any entry that is no point of its group, or with public inputs that trade off against each
    other; takes as long as a few proofs, or far longer.

    A prover who skips this risks a proof that does not verify, or, with points of small order planted by whoever made
    the key, some bits of her witness. The verifier risks nothing.
    """
    for name in ("ic", "a", "b_g1", "c", "h"):
        wrong = backend.first_invalid_g1(getattr(key, name))
        if wrong is not None:
            raise BadInput(f"{name}[{wrong}]", Said("no point of G1"), "a reduced point on the curve")
    wrong = backend.first_invalid_g2(key.b_g2)
    if wrong is not None:
        raise BadInput(f"b_g2[{wrong}]", Said("no point of G2"), "a reduced point on the curve, in the subgroup")
    require_independent_inputs(key.ic, backend)
