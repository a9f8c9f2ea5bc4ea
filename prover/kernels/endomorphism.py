"""Half-length scalars: k P = k1 P + k2 φ(P), φ(x, y) = (β x, y) [Gallant, Lambert, Vanstone 2001].

φ is multiplication by λ, a cube root of one modulo r, so any k1 + k2 λ = k (mod r) will do. The pairs that stand for
zero form a lattice of determinant r with the basis V1 = (-X, Y), V2 = (-Z, -X). Adding to (k, 0) the multiples of V1
and V2 that bring it nearest to zero leaves |k1| and |k2| below LARGEST. A scalar that is small, or small below r, keeps
k2 = 0.
"""

from __future__ import annotations

from llvmlite import ir

from .arithmetic import kernel
from .emitter import I64, I256, Emitter, Value
from .field import BASE_MODULUS, SCALAR, SCALAR_MODULUS, words_of
from .single import I128, I512, RADIX, Single, join, multiply_words, split

LAMBDA = 4407920970296243842393367215006156084916469457145843978461
BETA = 2203960485148121921418603742825762020974279258880205651966
BETAS = {3: BETA, 4: BETA * BETA % BASE_MODULUS}
"""β of G1 and of G2, by the dimensions of their points arrays: with these, either φ is multiplication by λ."""

X = 9931322734385697763
Y = 147946756881789319000765030803803410728
Z = 147946756881789319010696353538189108491
LARGEST = (X + Z) * 5 // 8          # half of each basis vector, and an eighth for the error of RATIOS
RATIOS = [(RADIX * coordinate + SCALAR_MODULUS // 2) // SCALAR_MODULUS for coordinate in (X, Y)]


def nearest(emit: Emitter, words: list[Value], ratio: int) -> Value:
    """k * ratio / 2**256, rounded, modulo 2**128."""
    b, factor = emit.builder, [ir.Constant(I64, word) for word in words_of(ratio) if word]
    product = join(b, multiply_words(b, words, factor), I512)
    half = ir.Constant(I512, RADIX // 2)
    return b.trunc(b.lshr(b.add(product, half), ir.Constant(I512, 256)), I128)


@kernel
def halve(emit: Emitter, scalars: Value, i: Value, halves: Value, j: Value, k: Value) -> None:
    """halves[j], halves[k] = k1, k2 of the Montgomery scalar number i, as signed 128-bit integers."""
    b = emit.builder
    montgomery = b.load(emit.address(scalars, i, 32, I256), align=8)
    plain = Single(emit, SCALAR, montgomery, 0, 1).leave_montgomery_form()
    words = split(b, plain, 4)
    c1, c2, x, y, z = (nearest(emit, words, RATIOS[0]), nearest(emit, words, RATIOS[1]),
                       *(ir.Constant(I128, value) for value in (X, Y, Z)))
    k1 = b.sub(b.sub(b.trunc(plain, I128), b.mul(c1, x)), b.mul(c2, z))
    k2 = b.sub(b.mul(c1, y), b.mul(c2, x))
    for value, place in ((k1, j), (k2, k)):
        b.store(value, emit.address(halves, place, 16, I128), align=8)
