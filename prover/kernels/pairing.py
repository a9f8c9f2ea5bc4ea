"""The optimal ate pairing on BN254, many at once: eight pairs side by side, one accumulator, one final exponentiation.

e(P, Q) = f ** ((q**12 - 1) / r), where f is the product of the lines met while T runs from Q to
(6x + 2) Q + pi(Q) - pi**2(Q) (Vercauteren, "Optimal pairings", 2010; x is `curve.BN_PARAMETER`). It is the pairing of
EIP-197 and of py_ecc.

Every Q is checked to lie in the subgroup at no cost: T ends at -pi**3(Q) just for points of the subgroup, because the
norm of 6x + 2 + pi - pi**2 + pi**3 is prime to the twist's cofactor (El Housni, Guillevic, Piellard, "Co-factor
clearing and subgroup membership testing on pairing-friendly curves", AFRICACRYPT 2022). An addition that the
formulas do not cover (T = +-Q, T the identity) can be met by points outside the subgroup only; it makes the z of T
zero, and leaves it zero, so that the check fails too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from primitives import threads
from primitives.errors import BadInput
from prover.curve import BN_PARAMETER, G1, G1_GROUP, G2, G2_GROUP, canonical, multiply_fp2

from . import steps
from .field import BASE, LANES, LIMBS, Words
from .field import BASE_MODULUS as Q
from .memory import empty
from .program import Code, Program, Row
from .steps import BLOCK, ONE, F, Step, fp2_power, run


def signed_digits(value: int, width: int) -> list[int]:
    """Digits of the width-`width` non-adjacent form, most significant first."""
    digits = []
    while value:
        digit = 0
        if value & 1:
            digit = value & ((1 << width) - 1)
            digit -= (digit >> (width - 1)) << width
        digits.append(digit)
        value = (value - digit) >> 1
    return digits[::-1]


# -- the formulas -----------------------------------------------------------------------------------------------------
X_DIGITS = signed_digits(BN_PARAMETER, 4)


def miller(program: Program) -> Row:
    """The product of the Miller functions of all pairs; checks that every Q lies in the subgroup."""
    program.do(Step.PREPARE)
    f = program.one()
    for place, digit in enumerate(signed_digits(6 * BN_PARAMETER + 2, 2)[1:]):
        f = (f.square() if place else f).times_tangents()
        if digit:
            f = f.times_chords(steps.Q_POINT if digit > 0 else steps.MINUS_Q)
    f = f.times_chords(steps.PI_Q).times_chords(steps.MINUS_PI2_Q)
    program.do(Step.CHECK_SUBGROUP)
    return f


def inverse(f: Row) -> Row:
    """1 / f, by way of norms: Fp12 over Fp2, Fp2 over Fp. The inverse of zero is zero."""
    bar = f.conjugate()
    g = bar * f
    others = g.frobenius(2) * g.frobenius(4)
    norm = g * others                                       # in Fp2: lane 0
    return (bar * others).scaled(norm.conjugate_times(norm.norm().power(Q - 2)))


def final_exponentiation(f: Row) -> Row:
    """f ** ((q**12 - 1) / r): Scott et al., "On the final exponentiation for calculating pairings", 2009."""
    f = f.conjugate() * inverse(f)                          # ** (q**6 - 1)
    f = f.frobenius(2) * f                                  # ** (q**2 + 1)
    fx = f.power(X_DIGITS)
    fx2 = fx.power(X_DIGITS)
    fx3 = fx2.power(X_DIGITS)
    y0 = f.frobenius(1) * f.frobenius(2) * f.frobenius(3)
    y1 = f.conjugate()
    y2 = fx2.frobenius(2)
    y3 = fx.frobenius(1).conjugate()
    y4 = (fx2.frobenius(1) * fx).conjugate()
    y5 = fx2.conjugate()
    y6 = (fx3.frobenius(1) * fx3).conjugate()
    # y0 y1**2 y2**6 y3**12 y4**18 y5**30 y6**36
    s = y6.cyclotomic_square() * y4 * y5
    t = (y3 * y5 * s).cyclotomic_square() * (s * y2)
    t = t.cyclotomic_square()
    return (t * y1).cyclotomic_square() * (t * y0)


# -- the programs -----------------------------------------------------------------------------------------------------
def _encode_program(*, with_c: bool) -> Code:
    program = Program()
    program.do(Step.ENCODE, 0, int(with_c))
    return program.assemble()


def _miller_program() -> Code:
    program = Program()
    return program.assemble(miller(program))


def _compare_program(*, after_miller: bool) -> Code:
    """Raise F, or the product of the Miller functions, to the final exponent, and compare it with WANTED."""
    program = Program()
    result = final_exponentiation(miller(program) if after_miller else program.row(F))
    program.compare(result, program.row(steps.WANTED))
    return program.assemble(result)


def _multiply_program() -> Code:
    """Multiply F by WANTED."""
    program = Program()
    return program.assemble(program.row(F) * program.row(steps.WANTED))


ENCODE, ENCODE_WITH_C = _encode_program(with_c=False), _encode_program(with_c=True)
MILLER, MULTIPLY = _miller_program(), _multiply_program()
COMPARE, MILLER_AND_COMPARE = _compare_program(after_miller=False), _compare_program(after_miller=True)


# -- registers and blocks ---------------------------------------------------------------------------------------------
def put(registers: Words, index: int, values: Sequence[tuple[int, int]]) -> None:
    """Store up to eight Fp2 values; lanes beyond are zero."""
    padded = [*values, *[(0, 0)] * (LANES - len(values))]
    for part in range(2):
        registers[index + part] = BASE.lanes([value[part] for value in padded])


def get(registers: Words, index: int) -> list[tuple[int, int]]:
    """The eight Fp2 values of a pair of registers."""
    return list(zip(BASE.from_lanes(registers[index]), BASE.from_lanes(registers[index + 1]), strict=True))


def _initial_registers() -> Words:
    registers = empty((steps.REGISTERS, LIMBS, LANES))
    put(registers, ONE, [(1, 0)])
    registers[steps.UNIT] = BASE.splat(1)
    first = [(1, 0)]                                        # xi**(i (q - 1) / 6): w**(i q) over w**i
    while len(first) < 6:
        first.append(multiply_fp2(first[-1], fp2_power(steps.XI, (Q - 1) // 6)))
    factors = first
    for n in range(1, 5):
        put(registers, steps.FROBENIUS + 2 * (n - 1), factors)
        factors = [multiply_fp2((a, -b), c) for (a, b), c in zip(factors, first, strict=True)]
    return registers


INITIAL = _initial_registers()
FEW = 4                                # blocks that a thread keeps room for, and that are worth a thread
ALL = (1 << LANES) - 1


class _Own(threading.local):
    """Arrays that each thread has of its own, and uses again in every call."""

    def __init__(self) -> None:
        self.registers = empty(INITIAL.shape)
        self.registers[...] = INITIAL
        self.blocks = empty((FEW * BLOCK, LIMBS, LANES))
        self.flags = np.zeros((FEW, steps.FLAGS), np.int64)


OWN = _Own()


class Pairs:
    """Room for pairs of points, in blocks of eight; valid until the same thread makes the next."""

    def __init__(self, size: int) -> None:
        self.size, self.vectors = size, -(-size // LANES)
        if self.vectors <= FEW:
            self.blocks, self.flags = OWN.blocks, OWN.flags
            self.flags[:] = 0
        else:
            self.blocks = empty((self.vectors * BLOCK, LIMBS, LANES))
            self.flags = np.zeros((self.vectors, steps.FLAGS), np.int64)

    def place(self, column: int, rows: Sequence[Sequence[int]]) -> None:
        """Write rows of integers below 2**256, a row a pair, into values `column`, `column` + 1, ... of the blocks.

        The last row also fills the lanes that no pair uses: they then pass every check that it passes.
        """
        encoded = [b"".join([value.to_bytes(32, "little") for value in row]) for row in rows]
        encoded += encoded[-1:] * (-len(encoded) % LANES)
        words = np.frombuffer(b"".join(encoded), "<u8").reshape(-1, LANES, len(rows[0]), 4)
        view = self.blocks[:len(words) * BLOCK].reshape(-1, BLOCK, LIMBS, LANES)
        view[:, column:column + len(rows[0]), :4] = words.transpose(0, 2, 3, 1)

    def run(self, program: Code, begin: int, end: int, live: int) -> None:
        """Run a program with this thread's registers over blocks begin .. end-1."""
        run(program, OWN.registers, self.blocks, begin, end, live, self.flags)

    def missing(self, kind: int, size: int) -> list[int]:
        """Which of the first `size` pairs lack a flag."""
        if all(mask == ALL for mask in self.flags[:-(-size // LANES), kind].tolist()):
            return []
        bits = np.unpackbits(self.flags[:, kind].astype(np.uint8), bitorder="little")
        return np.flatnonzero(bits[:size] == 0).tolist()

    def miller(self, live: int) -> None:
        """F of this thread = the product of the Miller functions of pairs 0 .. live-1; flags IN_SUBGROUP of all."""
        parts: dict[int, Words] = {}

        def part(begin: int, end: int) -> None:
            self.run(MILLER, begin, end, live)
            parts[begin] = OWN.registers[F:F + 2].copy()

        threads.share(self.vectors, part, least=FEW)
        registers = OWN.registers
        first, *others = (parts[begin] for begin in sorted(parts))
        registers[F:F + 2] = first
        for other in others:
            registers[steps.WANTED:steps.WANTED + 2] = other
            self.run(MULTIPLY, 0, 0, 0)

    def result_is(self, wanted: Words) -> bool:
        """Whether F, raised to the final exponent, is the row `wanted`; F is raised."""
        return self._compare(COMPARE, 0, 0, wanted)

    def equals(self, live: int, wanted: Words) -> bool:
        """`miller` and `result_is` in one go on this thread, for a few pairs; flags as `miller`."""
        return self._compare(MILLER_AND_COMPARE, self.vectors, live, wanted)

    def _compare(self, program: Code, end: int, live: int, wanted: Words) -> bool:
        OWN.registers[steps.WANTED:steps.WANTED + 2] = wanted
        self.run(program, 0, end, live)
        return bool(self.flags[0, steps.SAME] & 63 == 63)


# -- for whoever has pairs --------------------------------------------------------------------------------------------
ON_G1 = "a point of G1: integers (x, y) in [0, q) with y**2 = x**3 + 3"
ON_G2 = "a point of G2: integers ((x0, x1), (y0, y1)) in [0, q) with y**2 = x**3 + 3/(9+u), of order r"


def check_and_multiply(pairs: Sequence[tuple[G1 | None, G2 | None]], name: Callable[[int], tuple[str, str]]) -> Pairs:
    """Check all points of some pairs; F becomes the product of the Miller functions of those without an identity.

    Parameters
    ----------
    pairs : any number of pairs, at least one of them not of two identities.
    name : from the index of a pair to what errors call its points.

    Raises
    ------
    BadInput : a coordinate is no integer in [0, q), a point is off its curve, or outside the subgroup of order r.
    """
    order = sorted((i for i, pair in enumerate(pairs) if pair != (None, None)), key=lambda i: None in pairs[i])
    rows = []
    for i in order:
        # beside an identity a generator stands in, so that the other point is checked like all others
        p, q = pairs[i]
        p, q = G1_GROUP.generator if p is None else p, G2_GROUP.generator if q is None else q
        for k, point, bound in ((0, p, ON_G1), (1, q, ON_G2)):
            if not canonical(point, k + 1):
                raise BadInput(name(i)[k], pairs[i][k], bound)
        rows.append((*p, 1, *q[0], *q[1]))

    def require(flag: int, k: int, bound: str) -> None:
        for position in room.missing(flag, len(rows)):
            i = order[position]
            raise BadInput(name(i)[k], pairs[i][k], bound)

    room = Pairs(len(rows))
    room.place(steps.P, rows)
    room.run(ENCODE, 0, room.vectors, 0)
    require(steps.ON_CURVE, 0, ON_G1)
    require(steps.ON_TWIST, 1, ON_G2)
    room.miller(sum(None not in pair for pair in pairs))
    require(steps.IN_SUBGROUP, 1, ON_G2)
    return room


def pairing_product_is_one(pairs: Sequence[tuple[G1 | None, G2 | None]]) -> bool:
    """Whether the product of the pairings e(P, Q) is one, as the precompile of EIP-197 would answer.

    Parameters
    ----------
    pairs : any number of pairs (P, Q), affine integer coordinates; None is the identity, and e(P, Q) = 1 beside it.

    Raises
    ------
    BadInput : names the first pair with a coordinate that is no integer in [0, q), a point off its curve, or a Q
        outside the subgroup of order r.
    """
    if all(pair == (None, None) for pair in pairs):
        return True
    return check_and_multiply(pairs, lambda i: (f"pairs[{i}].P", f"pairs[{i}].Q")).result_is(INITIAL[ONE:ONE + 2])


def pairing_product(pairs: Sequence[tuple[G1 | None, G2 | None]]) -> list[tuple[int, int]]:
    """The product of the pairings e(P, Q): the six coefficients of w**i over Fp2, w**6 = 9 + u.

    Raises
    ------
    BadInput : as `pairing_product_is_one` does.
    """
    if not pairing_product_is_one(pairs):
        return get(OWN.registers, F)[:6]
    return [(1, 0)] + [(0, 0)] * 5
