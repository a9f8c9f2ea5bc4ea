"""What a cheater would try against `escrow`: have a ciphertext accepted that venue, committee or owner cannot open, or
that opens to something else, so that nobody can answer for an account that fails.

The `AUDIT` instance has a short ephemeral scalar and two recipients. Its clauses are those of every size; what a scalar
of full length makes possible (that it stays below the order) is checked while recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.gadgets.scalar_multiplication import base_multiples
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.statements import escrow
from circuits.statements.escrow import Preset
from circuits.statements.transition import EMPTY, Pairs
from primitives import babyjubjub, elgamal, field
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, MONTGOMERY_A, SUBGROUP_ORDER, Point
from primitives.elgamal import Binding, Ephemeral, Sealed
from primitives.field import MODULUS
from primitives.poseidon import Tag, stream

AUDIT = Preset(slots=2, recipients=2, scalar_bits=7)
"""y has 15 elements: one permutation."""
KEY = bytes(range(32))
"""Digest of a verification key."""
SALT, CONTEXT, CONTENT_KEY, BITS = 11, 12, 4711, 0b0110100
SLOTS: Pairs = [(1001, 10), (1002, -4)]
SECRETS = (1234567, 7654321)
KEYS = tuple(babyjubjub.multiply(secret, BASE) for secret in SECRETS)
SMALL = babyjubjub.multiply(SUBGROUP_ORDER, GENERATOR)
"""A point of order 8."""
CLEAR, MULTIPLES = "recipients/clear", "recipients/multiples"


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    escrow.define(cs, AUDIT)
    return cs.finish()


def told(slots: Pairs = SLOTS, keys: Sequence[Point] = KEYS, context: int = CONTEXT, bits: int = BITS,
         content_key: int = CONTENT_KEY) -> dict[str, Any]:
    """Honest inputs."""
    return escrow.unchecked_inputs(AUDIT, slots, SALT, keys, context, KEY, Ephemeral(bits, content_key))


def binding_of(inputs: Mapping[str, Any]) -> Binding:
    return Binding(int(inputs["content/context"]), int(inputs["content/portfolio_commitment"]))


def keys_of(inputs: Mapping[str, Any]) -> list[Point]:
    return [Point(int(x), int(y)) for x, y in zip(inputs["recipients/x"], inputs["recipients/y"], strict=True)]


def followed(inputs: Mapping[str, Any], overrides: Mapping[str, Any] | None = None, pads: Sequence[int] | None = None,
             stream_of: Sequence[int] | None = None) -> dict[str, Any]:
    """The inputs of a prover whose contract is told the words that the circuit, with wires forced, comes to.

    Parameters
    ----------
    pads, stream_of : what the circuit's hashes are made to give.
    """
    cs = circuit()
    witness = forge(cs, inputs, overrides)

    def values(label: str) -> list[int]:
        return field.decode(witness[cs.find(label).reshape(-1)])

    binding, keys = binding_of(inputs), keys_of(inputs)
    (x,), (y,) = values("ephemeral/X2 R x"), values("ephemeral/X2 R y")
    shared = [Point(*point) for point in zip(values("recipients/X4 S x"), values("recipients/X4 S y"), strict=True)]
    key = int(inputs["recipients/content key"])
    shifts = [elgamal.pad(point, to, binding) for point, to in zip(shared, keys, strict=True)] if pads is None else pads
    slots = zip(inputs["commitment/id"], inputs["commitment/lots"], strict=True)
    message = [inputs["commitment/salt"], *(value for slot in slots for value in slot)]
    hidden = stream(Tag.KEYSTREAM, [key, *binding], len(message)) if stream_of is None else stream_of
    sealed = Sealed(Point(x, y), tuple((key + shift) % MODULUS for shift in shifts),
                    tuple((int(m) + p) % MODULUS for m, p in zip(message, hidden, strict=True)))
    return {**inputs, **escrow.public_inputs(KEY, escrow.content(binding, keys, sealed))._asdict()}


def forced(label: str, place: tuple[int, ...], value: Any) -> dict[str, Any]:
    """One wire of a block overridden."""
    values: NDArray[Any] = np.full(circuit().find(label).shape, None, object)
    values[place] = value
    return {label: values}


def chord_after(name: str) -> dict[str, Any]:
    """What follows, in the first chord of R, where its slope or its u is 5 instead."""
    n, (first, windows) = AUDIT.scalar_bits, base_multiples(AUDIT.scalar_bits)
    low = len(windows) * 2
    u1, v1 = babyjubjub.to_montgomery(first[BITS >> low])
    u2, v2 = babyjubjub.to_montgomery(windows[-1][BITS >> low - 2 & 3])
    assert low == n - 3
    slope = 5 if name == "slope" else (v2 - v1) * pow(u2 - u1, -1, MODULUS)
    u = 5 if name == "u" else slope * slope - MONTGOMERY_A - u1 - u2
    return forced("ephemeral/base/X2 u", (0,), u) | forced("ephemeral/base/X2 v", (0,), slope * (u1 - u) - v1)


def step_after(name: str, bit: int = 0, recipient: int = 0) -> dict[str, Any]:
    """What follows, in one step of S, where one of its values is 5 instead."""
    cs, given = circuit(), forge(circuit(), told())

    def value(label: str, place: tuple[int, ...]) -> int:
        return field.decode(given[cs.find(label)[place]][None])[0]

    u2, v2 = value(f"{CLEAR}/X3 u", (0, recipient)), value(f"{CLEAR}/X3 v", (0, recipient))
    v2 = v2 if BITS >> AUDIT.scalar_bits - 1 - bit & 1 else -v2
    before: tuple[str, tuple[int, ...]] = ("", (bit - 1, recipient)) if bit else ("twice ", (recipient,))
    u1, v1 = (value(f"{MULTIPLES}/X4 {before[0]}{each}", before[1]) for each in ("u", "v"))
    found: dict[str, int] = {}

    def take(part: str, true: int) -> int:
        found[part] = 5 if part == name else true % MODULUS
        return found[part]

    slope = take("slope", (v2 - v1) * pow(u2 - u1, -1, MODULUS))
    between = take("between", slope * slope - MONTGOMERY_A - u1 - u2)
    second = take("slopes", 2 * v1 * pow(u1 - between, -1, MODULUS)) - slope
    u = take("u", second * second - MONTGOMERY_A - u1 - between)
    take("v", second * (u1 - u) - v1)
    overrides: dict[str, Any] = {}
    for part, forged in found.items():
        overrides |= forced(f"{MULTIPLES}/X4 {part}", (bit, recipient), forged)
    return overrides


# -- C1: the opening -------------------------------------------------------------------------------------------------
def other_openings() -> Iterator[Attack]:
    """Encrypt other slots than the registered ones."""
    honest = told()

    def hidden(number: int) -> dict[str, Any]:
        inputs = told([(1001, 1 + number), SLOTS[1]])
        return followed({**inputs, "content/portfolio_commitment": honest["content/portfolio_commitment"]})

    yield Attack("other-portfolio", frozenset({"commitment/C1"}), hidden(0), gain="bidders see other positions",
                 says="commitment/C1")
    yield from keep_hash(circuit(), "other-portfolio", "commitment/C1 hash/chunk 0", forge(circuit(), honest), hidden)


# -- X1, X2: the ephemeral key ---------------------------------------------------------------------------------------
def other_ephemerals() -> Iterator[Attack]:
    """An R that is not e B: no recipient comes to S."""
    bits = told()["ephemeral/X1 bit"]
    yield Attack("bit-2", frozenset({"ephemeral/X1 bit"}),
                 followed({**told(), "ephemeral/X1 bit": [2, *bits[1:]]}), says="ephemeral/X1 bit[0]")
    yield Attack("bit-half", frozenset({"ephemeral/X1 bit"}),
                 followed({**told(), "ephemeral/X1 bit": [*bits[:-1], pow(2, -1, MODULUS)]}),
                 says="ephemeral/X1 bit[6]")
    for name, label, place in (("top", "ephemeral/base/X2 top product", (1, 0)),
                               ("window", "ephemeral/base/X2 window product", (0,)),
                               ("slope", "ephemeral/base/X2 slope", (0,)), ("u", "ephemeral/base/X2 u", (0,)),
                               ("v", "ephemeral/base/X2 v", (1,)), ("x", "ephemeral/X2 R x", ()),
                               ("y", "ephemeral/X2 R y", ())):
        values = forced(label, place, 5) | (chord_after(name) if name in ("slope", "u") else {})
        yield Attack(f"other-R, {name}", frozenset({label}), followed(told(), values), values,
                     gain="nobody can open it")


# -- X3: keys --------------------------------------------------------------------------------------------------------
def weak_keys() -> Iterator[Attack]:
    """Keys for which everybody knows the secret that is shared, or nobody."""
    curve, x_square = f"{CLEAR}/X3 on the curve", f"{CLEAR}/X3 xx"
    off = followed(told(keys=KEYS) | {"recipients/x": [5, KEYS[1].x], "recipients/y": [7, KEYS[1].y]})
    yield Attack("key-off-the-curve", frozenset({curve}), off, says=f"{curve}[0, 0]")
    for name, key in (("key-of-small-order", SMALL), ("key-of-order-2", Point(0, MODULUS - 1)),
                      ("no-key", IDENTITY)):
        # 8 P is the identity, u would be 2/0. With u = 0 the other rows are content with any v.
        keys = {"recipients/x": [key.x, KEYS[1].x], "recipients/y": [key.y, KEYS[1].y]}
        values = forced(f"{CLEAR}/X3 v", (0, 0), 3)
        yield Attack(name, frozenset({f"{CLEAR}/X3 u"}), followed(told() | keys, values), values,
                     gain="everybody can open it")
    # A coordinate that is not the point's, whose square is.
    for coordinate, label in (("x", x_square), ("y", f"{CLEAR}/X3 yy")):
        true = getattr(KEYS[0], coordinate)
        values = forced(label, (0, 0, 0), true * true)
        inputs = told() | {f"recipients/{coordinate}": [77, getattr(KEYS[1], coordinate)]}
        yield Attack(f"key-off-the-curve, {coordinate}", frozenset({label}), followed(inputs, values), values)
    for name, place in (("xy", (1, 0, 1)), ("x", (0, 0, 1)), ("y", (2, 0, 1)), ("v", (0, 1))):
        values = forced(f"{CLEAR}/X3 {name}", place, 5)
        yield Attack(f"other-key, {name}", frozenset({f"{CLEAR}/X3 {name}"}), followed(told(), values), values,
                     gain="the second recipient cannot open it")


# -- X4: the shared secrets ------------------------------------------------------------------------------------------
def other_secrets() -> Iterator[Attack]:
    """S other than e (8 P), one step of the way at a time."""
    places: dict[str, tuple[int, ...]] = {
        f"{MULTIPLES}/X4 bit v": (3, 0), f"{MULTIPLES}/X4 uu": (0,), f"{MULTIPLES}/X4 tangent": (1,),
        f"{MULTIPLES}/X4 twice u": (0,), f"{MULTIPLES}/X4 twice v": (0,), f"{MULTIPLES}/X4 slope": (2, 0),
        f"{MULTIPLES}/X4 between": (0, 1), f"{MULTIPLES}/X4 slopes": (6, 0), f"{MULTIPLES}/X4 u": (5, 1),
        f"{MULTIPLES}/X4 v": (4, 0), "recipients/X4 S x": (0,), "recipients/X4 S y": (1,)}
    for label, place in places.items():
        name = label.split("X4 ")[1]
        in_step = name in ("slope", "between", "slopes", "u", "v")
        values = step_after(name, *place) if in_step else forced(label, place, 5)
        yield Attack(f"other-secret, {name}", frozenset({label}), followed(told(), values), values,
                     gain="a recipient cannot open it")


# -- X5, X6: the content key and the keystream -----------------------------------------------------------------------
def other_pads() -> Iterator[Attack]:
    """A wrapped key that unwraps to another, a ciphertext under another: hashes that are made to give old outputs."""
    cs, honest = circuit(), told()
    witness, binding = forge(cs, honest), binding_of(honest)
    e = elgamal.ephemeral_scalar(BITS, AUDIT.scalar_bits)
    pads = [elgamal.pad(babyjubjub.multiply(8 * e, key), key, binding) for key in KEYS]
    hidden = stream(Tag.KEYSTREAM, [CONTENT_KEY, *binding], AUDIT.elements)
    yield from keep_hash(cs, "pads-of-another-context", "recipients/X5 hash/chunk 0", witness,
                         lambda number: followed(told(context=100 + number), pads=pads))
    yield from keep_hash(cs, "ciphertext-of-another-key", "ciphertext/X6 stream/chunk 0", witness,
                         lambda number: followed(told(content_key=100 + number), stream_of=hidden))


# -- X7, X8: the words in calldata -----------------------------------------------------------------------------------
def sealed(**changes: Any) -> Sealed:
    """The words of an honest prover."""
    return escrow.sealed_of(AUDIT, told(**changes))


def lies() -> dict[str, list[int]]:
    """What a contract may be told instead of what is proven: y by the name of the lie."""
    mine, binding = sealed(), binding_of(told())
    other = sealed(slots=[(1001, 10), EMPTY])
    again, strangers = sealed(content_key=99), (KEYS[0], babyjubjub.multiply(5, BASE))
    return {
        "garbage": escrow.content(binding, KEYS, mine._replace(ciphertext=(1, 2, 3, 4, 5))),
        "ciphertext-of-another-portfolio": escrow.content(binding, KEYS, mine._replace(ciphertext=other.ciphertext)),
        "wrapped-key-of-another": escrow.content(binding, KEYS, mine._replace(
            wrapped=(mine.wrapped[0], again.wrapped[1]))),
        "swapped-recipients": escrow.content(binding, KEYS, mine._replace(wrapped=mine.wrapped[::-1])),
        "recipient-left-out": escrow.content(binding, KEYS, mine._replace(wrapped=(mine.wrapped[0], 0))),
        "other-R": escrow.content(binding, KEYS, mine._replace(ephemeral=sealed(bits=1).ephemeral)),
        "other-keys": escrow.content(binding, strangers, mine),
        "swapped-keys": escrow.content(binding, KEYS[::-1], mine),
        "other-context": escrow.content(binding._replace(context=13), KEYS, mine),
        "other-commitment": escrow.content(binding._replace(commitment=13), KEYS, mine),
    }


def false_words() -> Iterator[Attack]:
    cs, inputs = circuit(), told()
    y = escrow.content(binding_of(inputs), KEYS, sealed())
    for name, lie in lies().items():
        public = escrow.public_inputs(KEY, lie, inputs["digest"])._asdict()
        yield Attack(f"{name}-told" if name == "other-R" else name, frozenset({"content/X8"}), inputs | public,
                     says="content/X8")
    public = escrow.public_inputs(KEY, lies()["garbage"], inputs["digest"])._asdict()
    wanted = (public["evaluation"] - y[0]) * pow(public["challenge"], -1, MODULUS) - y[1]
    values = forced("content/X8 product", (len(y) - 3,), wanted)
    yield Attack("garbage, product forged", frozenset({"content/X8 product"}), inputs | public, values)
    # A digest of other words than the circuit's would leave the circuit's to be chosen last.
    mismatched = inputs | escrow.public_inputs(KEY, y, inputs["digest"] + 1)._asdict()
    yield Attack("digest-mismatch", frozenset({"content/X7"}), mismatched, says="content/X7")

    def other_key(number: int) -> dict[str, Any]:
        changed = told(keys=[babyjubjub.multiply(number + 2, BASE), KEYS[1]])
        words = escrow.content(binding_of(changed), keys_of(changed), escrow.sealed_of(AUDIT, changed))
        return changed | escrow.public_inputs(KEY, words, inputs["digest"])._asdict()

    yield from keep_hash(cs, "digest-mismatch", "content/X7 hash/chunk 0", forge(cs, inputs), other_key)


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    families = (other_openings, other_ephemerals, weak_keys, other_secrets, other_pads, false_words)
    return tuple(attack for family in families for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at."""
    return {
        "ordinary": told(),
        "lowest scalar": told(bits=0),
        "highest scalar": told([EMPTY] * 2, bits=2**AUDIT.scalar_bits - 1, content_key=0),
        "one key twice": told(keys=[KEYS[0], KEYS[0]], context=0),
        # Registration refuses it; here 8 P is what counts.
        "a key outside the subgroup": told(keys=[babyjubjub.add(KEYS[0], SMALL), GENERATOR]),
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: digest and evaluation depend on all else, the challenge on nothing."""
    return Subject("escrow", circuit(), cases(), attacks(), free_inputs=frozenset({"challenge"}))
